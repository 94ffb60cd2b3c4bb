"""SDK v2 against an endpoint of the tests, and nobody else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local_test.cloud.servers import CloudServer

_CONFIGURATION = """
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {bucket}
"""


@contextmanager
def sdk_session(server: CloudServer, folder: Path, bucket: str) -> Iterator[Any]:
    """A session whose own bucket is `bucket`; its configuration is a file in `folder`."""
    override = folder / "sagemaker.yaml"
    override.write_text(_CONFIGURATION.format(bucket=bucket))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(override))
        patch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
        for name, value in server.environment.items():
            patch.setenv(name, value)
        sagemaker = pytest.importorskip("sagemaker")
        logging.getLogger("sagemaker").setLevel(logging.ERROR)
        # At each look-up the SDK holds the same few lines against its whole schema, for a second.
        patch.setitem(vars(sagemaker.utils), "validate_sagemaker_config", lambda _config: None)
        yield sagemaker.Session()
