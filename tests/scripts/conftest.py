"""The endpoint that launchers are tried on, a real one, and an account that is never asked."""

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from scripts.aws import Aws
from scripts.sections import Settings
from tests.local_test.cloud.conftest import cloud_server

__all__ = ["cloud_server"]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """An account that is never asked; its SDK takes seconds to import, so all tests share it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        made = Aws(Settings(region="us-east-1", bucket="bucket"), {})
        with Stubber(made.client("s3")) as s3:
            s3.add_response("head_bucket", {}, {"Bucket": "bucket"})
            assert made.sdk
        yield made
