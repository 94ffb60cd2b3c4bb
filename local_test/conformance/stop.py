"""The end: SIGTERM while predictions are computed, and SIGKILL 30 s later, as the platform does."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from imageclf.errors import EndpointError
from local_test.conformance.check import HOSTING, Check, Verdict, judged, not_applicable
from local_test.conformance.load import Asked, Load
from local_test.conformance.subject import Subject
from local_test.conformance.victim import End

_LOOK_EVERY_S = 0.02
_ARRIVAL_S = 0.05
_OK = 200


@dataclass(frozen=True)
class _Stopped:
    """What was seen: the requests in flight at SIGTERM, when /ping turned, and the end."""

    in_flight: Sequence[Asked]
    turned_s: float | None
    end: End | None


class _Stop:
    """Stops the server once, for all checks that look at it."""

    def __init__(self) -> None:
        self._seen: _Stopped | None = None

    def in_flight(self, subject: Subject) -> Verdict:
        if (seen := self._stopped(subject)) is None:
            return _UNASKED
        faults = [one.told for one in seen.in_flight if not one.is_answered]
        told = f"{len(seen.in_flight) - len(faults)} of {len(seen.in_flight)} were answered"
        return judged(not faults, f"{told}; {faults[0]}" if faults else told)

    def ping(self, subject: Subject) -> Verdict:
        if (seen := self._stopped(subject)) is None:
            return _UNASKED
        if seen.turned_s is None:
            return judged(False, "/ping was answered with 200 to the end")
        return judged(True, f"/ping was no longer 200 after {seen.turned_s:.1f} s")

    def end(self, subject: Subject) -> Verdict:
        if (seen := self._stopped(subject)) is None:
            return _UNASKED
        if seen.end is None:
            return judged(False, f"it still ran after {subject.limits.stop_s:g} s")
        after = f"after {seen.end.after_s:.1f} s"
        if seen.end.code is None:
            return judged(True, f"it ended {after}; its exit code only its parent knows")
        return judged(seen.end.code == 0, f"it ended {after} with exit code {seen.end.code}")

    def _stopped(self, subject: Subject) -> _Stopped | None:
        if self._seen is None and subject.victim is not None:
            self._seen = _stop(subject)
        return self._seen


_UNASKED = not_applicable("name the server's process by --pid, or its container by --container")


def _stop(subject: Subject) -> _Stopped:
    assert subject.victim is not None
    with Load(subject) as load:
        load.await_answers(subject.limits.answer_s)
        load.ask_no_more()
        time.sleep(_ARRIVAL_S)  # what was just sent is in flight once the server has it
        began_s = time.monotonic()
        subject.victim.terminate()
        turned_s = _turned(subject, began_s)
        left_s = began_s + subject.limits.stop_s - time.monotonic()
        end = subject.victim.wait(max(left_s, 0.1))
    late = [one for one in load.asked if one.ended_s > began_s and one.was_accepted]
    took = End(time.monotonic() - began_s, end.code) if end else None
    return _Stopped(late, turned_s, took)


def _turned(subject: Subject, began_s: float) -> float | None:
    """Seconds until /ping is refused or no longer 200."""
    while time.monotonic() - began_s < subject.limits.stop_s:
        try:
            if subject.ask("GET", "/ping").status != _OK:
                return time.monotonic() - began_s
        except EndpointError:
            return time.monotonic() - began_s
        time.sleep(_LOOK_EVERY_S)
    return None


def checks() -> tuple[Check, ...]:
    """The checks of one stop."""
    stop = _Stop()
    return (
        Check(
            "stop-in-flight",
            "Requests in flight at SIGTERM are answered.",
            HOSTING,
            stop.in_flight,
        ),
        Check("stop-ping", "After SIGTERM /ping is not 200.", HOSTING, stop.ping),
        Check(
            "stop-end",
            "After SIGTERM it ends by itself, with 0, before SIGKILL comes at 30 s.",
            HOSTING,
            stop.end,
        ),
    )
