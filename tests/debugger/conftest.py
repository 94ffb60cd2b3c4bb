"""What all tests of the debugger share."""

import os

import pytest

from tests.account import account, server

__all__ = ["account", "server"]


@pytest.fixture(autouse=True, scope="session")
def no_second_of_waiting() -> None:
    """smdebug waits a second before it reads a run that has ended, for files still on their way."""
    os.environ.setdefault("SMDEBUG_TRAINING_END_DELAY_REFRESH", "0")
