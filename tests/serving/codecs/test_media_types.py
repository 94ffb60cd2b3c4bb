import pytest

from imageclf.errors import NotAcceptableError
from imageclf.serving.codecs.media_types import media_type, negotiated

OFFERED = ("application/json", "application/jsonlines", "text/csv")


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("Application/JSON; charset=utf-8", "application/json"),
        (" image/jpeg ", "image/jpeg"),
        ("application/x-jsonlines", "application/jsonlines"),
        ("application/jsonl", "application/jsonlines"),
        ("", ""),
        (";;;", ""),
    ],
)
def test_a_type_is_known_by_its_name_alone(content_type: str, name: str) -> None:
    assert media_type(content_type) == name


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("*", "application/json"),
        ("text/csv", "text/csv"),
        ("Text/CSV; header=absent", "text/csv"),
        ("text/*", "text/csv"),
        ("application/x-jsonlines", "application/jsonlines"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("text/csv;q=0.5, application/jsonlines;q=0.9", "application/jsonlines"),
        ("application/json;q=0, */*", "application/jsonlines"),
        ("application/json;q=0.1, application/*;q=0.5, text/csv;q=0.2", "application/jsonlines"),
        ("application/json;q=high, text/csv;q=0.1", "text/csv"),
        ("application/json;q=nan, text/csv;q=0.1", "text/csv"),
        ("image/png, text/csv;q=0.001", "text/csv"),
    ],
)
def test_the_type_that_is_wanted_most_is_chosen(accept: str, chosen: str) -> None:
    assert negotiated(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    "accept", ["image/*", "application/x-npy", "text/csv;q=0", ",;,", "*/json"]
)
def test_what_cannot_be_given_is_refused_with_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="application/jsonlines, text/csv") as caught:
        negotiated(accept, OFFERED)
    assert (caught.value.status, caught.value.reason) == (406, "not-acceptable")
