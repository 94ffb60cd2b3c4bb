"""One time axis for all files of a run: seconds since it began, whatever was done to the clocks."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler.recorded import Floats

_JUMP_S = 2.0


class Axis:
    """Joins the monotonic clocks of the machines by one reading of the wall clock of each."""

    def __init__(self) -> None:
        self._offsets_ns: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self.began_wall_ns: int | None = None
        self.notes: dict[str, str] = {}

    def learn(self, headers: Iterable[Mapping[str, Any]], began_ns: Mapping[str, int]) -> None:
        """Take the readings of files.

        Args:
            began_ns: when the program of each machine began, by its monotonic clock.
        """
        for header in headers:
            machine = str(header["machine"])
            monotonic_ns, wall_ns = int(header["monotonic_ns"]), int(header["wall_ns"])
            known = self._first.get(machine)
            if known is not None and machine in self._offsets_ns:
                self._note_jump(machine, wall_ns - monotonic_ns)
            if known is None:
                self._first[machine] = monotonic_ns
                self._offsets_ns[machine] = wall_ns - monotonic_ns
        if self.began_wall_ns is None and self._offsets_ns:
            began = [
                began_ns.get(machine, self._first[machine]) + offset
                for machine, offset in self._offsets_ns.items()
            ]
            self.began_wall_ns = min(began)

    def seconds(self, header: Mapping[str, Any], at_ns: npt.NDArray[np.int64] | int) -> Floats:
        """Seconds since the run began."""
        offset = self._offsets_ns[str(header["machine"])]
        began = self.began_wall_ns or 0
        return np.asarray(np.asarray(at_ns, np.int64) + (offset - began), np.float64) / 1e9

    def _note_jump(self, machine: str, offset_ns: int) -> None:
        jump_s = (offset_ns - self._offsets_ns[machine]) / 1e9
        if abs(jump_s) > _JUMP_S:
            self.notes[machine] = (
                f"The clock of a machine was set by {jump_s:+.0f} s during the run; times are by "
                "the clock that nobody sets."
            )
