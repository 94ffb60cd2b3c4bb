import json
from dataclasses import replace
from typing import Any

import pytest

from local_test.cloud.hosting.capture import Exchange, Sample, line

EXCHANGE = Exchange(
    event_id="e",
    inference_id="",
    custom_attributes="",
    at_s=1_644_859_549.9,
    asked=b"1,2",
    asked_type="text/csv; charset=utf-8",
    answered=b'{"a": 1}',
    answered_type="application/json",
)
BOTH = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


def written(exchange: Exchange, modes: list[dict[str, str]], types: object = None) -> Any:
    config = {"CaptureOptions": modes, "CaptureContentTypeHeader": types}
    text = line(exchange, config)
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    return json.loads(text)


def test_a_line_is_as_aws_documents_it() -> None:
    assert written(EXCHANGE, BOTH, TYPES) == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": '{"a": 1}',
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": "e", "inferenceTime": "2022-02-14T17:25:49Z"},
        "eventVersion": "0",
    }


def test_what_is_no_text_or_not_named_is_base64() -> None:
    picture = replace(EXCHANGE, asked=b"\xff\xd8", asked_type="text/csv")
    told = written(picture, BOTH, TYPES)["captureData"]
    assert (told["endpointInput"]["data"], told["endpointInput"]["encoding"]) == ("/9g=", "BASE64")
    assert written(EXCHANGE, BOTH)["captureData"]["endpointOutput"]["encoding"] == "BASE64"


def test_only_the_sides_that_are_asked_for_are_captured() -> None:
    assert set(written(EXCHANGE, BOTH[:1])["captureData"]) == {"endpointInput"}
    both = [{"CaptureMode": "InputAndOutput"}]
    assert set(written(EXCHANGE, both)["captureData"]) == {"endpointInput", "endpointOutput"}


@pytest.mark.parametrize("percent", [0, 1, 33, 100])
def test_a_sample_takes_exactly_its_percentage(percent: int) -> None:
    sample = Sample(percent)
    assert sum(sample.take() for _ in range(200)) == 2 * percent
