"""Steps and their phases, made of the events that smdebug's hooks noted.

smdebug's step begins with the forward pass, and its data is fetched before; ours begins with the
wait for the data, so that wait and step are put together.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.managed.timeline import Event

_STEP = "Step:ModeKeys."
_MODES = {"TRAIN": names.TRAIN, "GLOBAL": names.TRAIN, "EVAL": names.EVAL, "PREDICT": names.EVAL}
_PHASES = {"Forward": names.FORWARD, "Backward(post-forward)": names.BACKWARD}
_DATA = ("DataLoaderIter::GetNext", "DataIterator")
_US_A_MS = 1e3

COLUMNS = (
    names.STEP,
    names.MODE,
    names.TOOK,
    *map(names.host_column, (names.DATA, names.FORWARD, names.BACKWARD, names.OTHER)),
)


class Steps(NamedTuple):
    """Rows [N, COLUMNS] and their Unix times [N] in nanoseconds."""

    at_ns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]


def steps(events: Sequence[Event]) -> Steps:
    """The steps of one process, whose events come in the order of their times."""
    found = [one for one in events if _mode(one) is not None]
    data, forward, backward = (
        _Durations([one for one in events if _kind(one) == kind])
        for kind in (names.DATA, names.FORWARD, names.BACKWARD)
    )
    at_ns, rows = [], []
    before_us = 0
    counted = dict.fromkeys(_MODES.values(), 0)
    for one in found:
        mode = _mode(one) or names.TRAIN
        data_us = data.between(before_us, one.at_us)
        forward_us = forward.between(one.at_us, one.end_us)
        backward_us = backward.between(one.at_us, one.end_us)
        other_us = max(0, one.took_us - forward_us - backward_us)
        took_us = data_us + one.took_us
        figures = (took_us, data_us, forward_us, backward_us, other_us)
        rows.append([_number(one, counted[mode]), mode, *(each / _US_A_MS for each in figures)])
        at_ns.append((one.at_us - data_us) * 1000)
        counted[mode] += 1
        before_us = one.at_us
    shaped = np.array(rows, np.float64).reshape(len(rows), len(COLUMNS))
    return Steps(np.array(at_ns, np.int64), shaped)


class _Durations:
    """Sums what events took, by when they began."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._at_us = np.array([one.at_us for one in events], np.int64)
        self._sums = np.concatenate([[0], np.cumsum([one.took_us for one in events])])

    def between(self, begin_us: int, end_us: int) -> int:
        first, last = np.searchsorted(self._at_us, (begin_us, end_us))
        return int(self._sums[last] - self._sums[first])


def _mode(event: Event) -> int | None:
    mode = event.phase.removeprefix(_STEP)
    return _MODES.get(mode) if mode != event.phase else None


def _number(event: Event, counted: int) -> int:
    text = str(event.facts.get("step_num", ""))
    return int(text) if text.isdecimal() and len(text) < 16 else counted


def _kind(event: Event) -> str:
    """Which of our phases an event belongs to; empty for none."""
    if event.name.endswith(_DATA) or event.phase.endswith(_DATA):
        return names.DATA
    return _PHASES.get(event.phase, "")
