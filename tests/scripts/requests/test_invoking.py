from pathlib import Path

import pytest

from scripts.requests import invoking
from tests.scripts.requests_of import faults


def test_aws_takes_the_requests() -> None:
    request = {**invoking.invoke("flowers", "image/jpeg", 3, "a.tar.gz", "AllTraffic"), "Body": b""}
    assert faults("InvokeEndpoint", request, "sagemaker-runtime") == []
    request = invoking.invoke_async("flowers", "image/jpeg", "s3://bucket/a.jpg", 3)
    assert faults("InvokeEndpointAsync", request, "sagemaker-runtime") == []


def test_only_what_is_asked_for_is_sent() -> None:
    assert invoking.invoke("flowers", "image/png") == {
        "EndpointName": "flowers",
        "ContentType": "image/png",
        "Accept": "application/json",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.PNG", "image/png"),
        ("noname", "application/x-image"),
        ("a.tar.gz", "application/x-image"),
    ],
)
def test_a_picture_is_sent_as_what_its_name_says(name: str, kind: str) -> None:
    assert invoking.content_type(Path(name)) == kind
