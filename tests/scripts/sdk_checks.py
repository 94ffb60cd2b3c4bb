"""The SDK without its check of its configuration, which takes seconds and has one outcome."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def sdk_without_checks() -> Iterator[None]:
    """In the block the SDK holds its configuration against no schema.

    It does so at each of the many look-ups of a default; the launchers' configuration is constant.
    """
    with (
        patch.dict(os.environ, {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"}),
        patch("sagemaker.utils.validate_sagemaker_config"),
    ):
        yield
