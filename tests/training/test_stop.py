"""Signals, sent to real processes."""

import os
import signal
import subprocess
import sys

import pytest

from imageclf.training.stop import EXIT_CODE, StopRequested, StopSignal

PROGRAM = """
import signal, sys, time
from imageclf.training.stop import StopRequested, StopSignal
stop = StopSignal()
stop.install()
def work(noted):
    print("ready", flush=True)
    until = time.monotonic() + 60
    while not noted() and time.monotonic() < until:
        time.sleep(0.01)
try:
    {body}
    print("not stopped")
except Exception:
    print("taken for an error")
except StopRequested:
    print("stopped")
"""


def outcome(body: str, number: signal.Signals, times: int = 1) -> list[str]:
    """What the program prints once it got the signal in the middle of `body`."""
    program = PROGRAM.format(body=body)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "ready\n"
        for _ in range(times):
            os.kill(it.pid, number)
        output, _ = it.communicate(timeout=60)
    assert it.returncode == 0
    return output.split("\n")[:-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_where_it_stands(number: signal.Signals) -> None:
    assert outcome("work(lambda: False)", number) == ["stopped"]


def test_what_is_deferred_is_finished_first() -> None:
    body = "\n    ".join(
        ["with stop.deferred():", "    work(lambda: stop.requested)", "    print('finished')"]
    )
    assert outcome(body, signal.SIGTERM) == ["finished", "stopped"]


def test_signals_that_come_again_do_not_disturb_the_way_out() -> None:
    body = "\n    ".join(
        [
            "with stop.deferred():",
            "    work(lambda: stop.requested)",
            "    time.sleep(0.1)",
            "    print('finished')",
        ]
    )
    assert outcome(body, signal.SIGTERM, times=5) == ["finished", "stopped"]


def test_a_second_signal_does_not_break_the_tidying_up() -> None:
    body = "\n    ".join(
        [
            "try:",
            "    work(lambda: False)",
            "finally:",
            "    signal.raise_signal(signal.SIGTERM)",
            "    print('tidied')",
        ]
    )
    assert outcome(body, signal.SIGTERM) == ["tidied", "stopped"]


def test_nothing_is_begun_after_a_signal() -> None:
    stop = StopSignal()
    stop.requested = True
    with pytest.raises(StopRequested), stop.deferred():
        raise AssertionError("it was begun")


def test_without_a_signal_nothing_happens() -> None:
    stop = StopSignal()
    with stop.deferred():
        stop.check()
    assert not stop.requested


def test_an_error_in_what_is_deferred_stays_an_error() -> None:
    stop = StopSignal()
    with pytest.raises(ValueError, match="broken"), stop.deferred():
        raise ValueError("broken")
    stop.check()


def test_a_stop_ends_the_program_as_a_shell_would_say_sigterm() -> None:
    assert EXIT_CODE == 143
