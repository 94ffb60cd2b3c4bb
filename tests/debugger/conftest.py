"""What all tests of the debugger share."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def no_second_of_waiting() -> None:
    """smdebug waits a second before it reads a run that has ended, for files still on their way."""
    os.environ.setdefault("SMDEBUG_TRAINING_END_DELAY_REFRESH", "0")
