"""One time axis for all files of a run: seconds since it began, whatever was done to the clocks."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imageclf.profiler.recorded import Floats

_JUMP_S = 2.0
_LARGEST_NS = 1 << 62


class Reading(NamedTuple):
    """Both clocks of a machine at one moment, and when the program began by the first, if known."""

    machine: str
    monotonic_ns: int
    wall_ns: int
    began_ns: int | None

    @property
    def offset_ns(self) -> int:
        return self.wall_ns - self.monotonic_ns


def reading_of(header: Mapping[str, Any]) -> Reading | None:
    """The clocks in the header of a file, or in the facts of a process; None without good ones."""
    machine = header.get("machine")
    monotonic_ns, wall_ns, began_ns = (
        _nanoseconds(header.get(name)) for name in ("monotonic_ns", "wall_ns", "began_ns")
    )
    if not isinstance(machine, str) or monotonic_ns is None or wall_ns is None:
        return None
    return Reading(machine, monotonic_ns, wall_ns, began_ns)


def _nanoseconds(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < _LARGEST_NS else None


class Axis:
    """Joins the monotonic clocks of the machines by one reading of the wall clock of each.

    What it has once learned stays, so that times that were given out stay good.
    """

    def __init__(self) -> None:
        self._first: dict[str, Reading] = {}
        self.began_wall_ns: int | None = None
        self.notes: dict[str, str] = {}

    def learn(self, headers: Iterable[Mapping[str, Any]]) -> None:
        """Take the readings in headers and facts; of each machine the first counts."""
        began: list[int] = []
        for reading in filter(None, map(reading_of, headers)):
            first = self._first.setdefault(reading.machine, reading)
            self._note_jump(first, reading)
            if reading.began_ns is not None:
                began.append(reading.began_ns + first.offset_ns)
        if self.began_wall_ns is None and self._first:
            began += [] if began else [one.wall_ns for one in self._first.values()]
            self.began_wall_ns = min(began)

    def seconds(self, header: Mapping[str, Any], at_ns: npt.NDArray[np.int64] | int) -> Floats:
        """Seconds since the run began; NaN for a machine of which no clocks are known."""
        times = np.asarray(at_ns, np.int64)
        first = self._first.get(str(header.get("machine")))
        if first is None:
            return np.full(times.shape, np.nan)
        shift_ns = first.offset_ns - (self.began_wall_ns or 0)
        return np.asarray(times + np.clip(shift_ns, -_LARGEST_NS, _LARGEST_NS), np.float64) / 1e9

    def _note_jump(self, first: Reading, reading: Reading) -> None:
        jump_s = (reading.offset_ns - first.offset_ns) / 1e9
        if abs(jump_s) > _JUMP_S and reading.machine not in self.notes:
            self.notes[reading.machine] = (
                f"The clock of a machine was set by {jump_s:+.0f} s during the run, or the machine "
                "slept; times are by the clock that nobody sets."
            )
