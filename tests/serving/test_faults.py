import pytest

from imageclf.errors import ImageError
from imageclf.serving.faults import as_request_error


@pytest.mark.parametrize(
    ("reason", "word", "status"),
    [
        ("empty", "empty", 400),
        ("not an image", "not-an-image", 400),
        ("truncated", "truncated", 400),
        ("unsupported", "unsupported-image", 400),
        ("unreadable", "unreadable", 400),
        ("too large", "too-many-pixels", 413),
    ],
)
def test_the_fault_of_a_picture_has_a_word_and_a_status(
    reason: str, word: str, status: int
) -> None:
    error = as_request_error(ImageError(reason, "What the decoder says."))
    assert (error.reason, error.status) == (word, status)
    assert "remove" not in str(error)
