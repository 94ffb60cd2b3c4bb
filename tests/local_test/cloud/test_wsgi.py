from typing import Any

import pytest

from local_test.cloud.wsgi import headers, scope, stranger

SCOPE = "test/20261121/eu-west-1"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={SCOPE}/iam/aws4_request, S=1"},
            ("iam", "eu-west-1"),
        ),
        (
            {"HTTP_AUTHORIZATION": f"AWS4 Credential=a/b/{SCOPE}/sagemaker/aws4_request"},
            ("sagemaker", "eu-west-1"),
        ),
        (
            {"QUERY_STRING": "X-Amz-Credential=test%2F20261121%2Feu-west-1%2Fs3%2Faws4_request"},
            ("s3", "eu-west-1"),
        ),
        ({"QUERY_STRING": "AWSAccessKeyId=test&Signature=x&Expires=1"}, ("s3", "")),
        ({"HTTP_AUTHORIZATION": "AWS test:signature"}, ("s3", "")),
        ({"HTTP_AUTHORIZATION": "Credential=broken"}, ("s3", "")),
        ({}, ("s3", "")),
        ({"HTTP_X_AMZ_TARGET": "SageMaker.ListModels"}, ("sagemaker", "")),
        ({"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}, ("", "")),
    ],
)
def test_the_signature_says_which_service_and_region_are_meant(
    environ: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert scope(environ) == expected


@pytest.mark.parametrize("host", ["127.0.0.1:4577", "localhost", "LOCALHOST:1", "[::1]:4577"])
def test_names_of_this_machine_are_no_strangers(host: str) -> None:
    assert stranger({"HTTP_HOST": host, "HTTP_ORIGIN": f"http://{host}"}) == ""


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "127.0.0.1.evil.example:4577"},
        {"HTTP_HOST": "[broken"},
        {},
        {"HTTP_HOST": "127.0.0.1", "HTTP_ORIGIN": "null"},
        {"HTTP_HOST": "127.0.0.1", "HTTP_ORIGIN": "https://evil.example"},
    ],
)
def test_others_are_strangers(environ: dict[str, Any]) -> None:
    assert "The local cloud" in stranger(environ)


def test_headers_are_named_as_http_names_them() -> None:
    environ = {
        "HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL": "a.tar.gz",
        "CONTENT_TYPE": "image/jpeg",
        "CONTENT_LENGTH": "",
        "PATH_INFO": "/",
    }
    assert headers(environ) == {
        "x-amzn-sagemaker-target-model": "a.tar.gz",
        "content-type": "image/jpeg",
    }
