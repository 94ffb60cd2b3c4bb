import pytest

from imageclf.errors import EndpointError
from scripts import endpoints

SAID = '{"error": "not-an-image", "message": "The bytes are not those of an image."}'
AROUND = f'Received client error (400) from primary with message "{SAID}\n". See https://console'


@pytest.mark.parametrize("text", [SAID, AROUND])
def test_of_a_fault_the_sentence_of_the_container_is_told(text: str) -> None:
    assert endpoints.message(text) == "The bytes are not those of an image."


@pytest.mark.parametrize("text", ["Out of memory", '{"error": 1', "[1]"])
def test_a_fault_of_another_kind_is_told_as_it_is(text: str) -> None:
    assert endpoints.message(text) == text


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"predictions": [{"label": 1}]}'])
def test_what_no_classifier_answers_is_refused(answer: bytes) -> None:
    with pytest.raises(EndpointError, match="not that of a classifier"):
        endpoints.predictions(answer)
