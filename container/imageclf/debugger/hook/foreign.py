"""What is taken from smdebug, imported without its noise and without its profiler.

smdebug logs at import, and reads a profiler configuration whose values it evaluates as Python. Both
are held off by two environment variables that are put back at once. Nothing else of this package
imports smdebug.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOG_LEVEL = "SMDEBUG_LOG_LEVEL"
_PROFILER_CONFIG = "SMPROFILER_CONFIG_PATH"
_NOWHERE = "/dev/null/none"


@contextmanager
def subdued() -> Iterator[None]:
    """While it lasts, smdebug only warns and finds no profiler configuration."""
    logger = logging.getLogger("smdebug")
    level, before = logger.level, {n: os.environ.get(n) for n in (_LOG_LEVEL, _PROFILER_CONFIG)}
    os.environ.setdefault(_LOG_LEVEL, "warning")
    os.environ[_PROFILER_CONFIG] = _NOWHERE
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        if level:
            logger.setLevel(level)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


with subdued(), warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # protobuf's, by the hundred
    from smdebug.core.collection import NON_REDUCTION_COLLECTIONS, CollectionKeys
    from smdebug.core.modes import ModeKeys
    from smdebug.core.reduction_config import ReductionConfig
    from smdebug.core.save_config import SaveConfig, SaveConfigMode
    from smdebug.core.tfrecord.record_writer import CHECKSUM_MAGIC_BYTES, masked_crc32c
    from smdebug.core.utils import get_tb_worker
    from smdebug.core.writer import FileWriter
    from smdebug.exceptions import SMDebugError
    from smdebug.pytorch.hook import Hook as SmdebugHook

__all__ = [
    "CHECKSUM_MAGIC_BYTES",
    "NON_REDUCTION_COLLECTIONS",
    "CollectionKeys",
    "FileWriter",
    "ModeKeys",
    "ReductionConfig",
    "SMDebugError",
    "SaveConfig",
    "SaveConfigMode",
    "SmdebugHook",
    "get_tb_worker",
    "masked_crc32c",
    "subdued",
]
