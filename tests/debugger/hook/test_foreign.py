"""smdebug is kept quiet, and its profiler away, without a trace."""

import logging
import os

import pytest

from imageclf.debugger.hook.foreign import subdued


def test_the_environment_and_the_log_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMPROFILER_CONFIG_PATH", "/opt/ml/profilerconfig.json")
    monkeypatch.delenv("SMDEBUG_LOG_LEVEL", raising=False)
    logger = logging.getLogger("smdebug")
    logger.setLevel(logging.INFO)

    with pytest.raises(RuntimeError), subdued():
        assert not os.path.exists(os.environ["SMPROFILER_CONFIG_PATH"])  # noqa: PTH110
        assert not logger.isEnabledFor(logging.INFO)
        raise RuntimeError

    assert os.environ["SMPROFILER_CONFIG_PATH"] == "/opt/ml/profilerconfig.json"
    assert "SMDEBUG_LOG_LEVEL" not in os.environ
    assert logger.level == logging.INFO
