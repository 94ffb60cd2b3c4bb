"""What the training did in the samples in which a GPU was low: phases of its steps, by time."""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.rules.while_training import Part

BETWEEN = "between steps"

_MODES = {names.TRAIN: "train", names.EVAL: "evaluation"}


class Causes:
    """Counts samples of a low GPU by cause; one that lies in a step counts by its phases' shares.

    All processes of the host are asked, each for an equal part of the sample.
    """

    def __init__(self) -> None:
        self._phases: defaultdict[str, float] = defaultdict(float)
        self._modes: defaultdict[str, float] = defaultdict(float)
        self._low = self._hits = 0

    def add(self, part: Part, low_s: Floats, hits: npt.NDArray[np.bool_]) -> None:
        """Take the times [N] of samples of a low GPU; `hits` [N] are bottlenecks."""
        self._low += len(low_s)
        self._hits += int(hits.sum())
        known = [table for table in part.steps.values() if len(table)]
        for table in known:
            self._add(table, low_s[hits], 1 / len(known))

    def as_json(self) -> dict[str, Any]:
        """Samples of a low GPU by cause, and what the training did in the bottlenecks."""
        return {
            "causes": {"bottleneck": self._hits, "other": self._low - self._hits},
            "phases": {name: round(value, 3) for name, value in self._phases.items()},
            "modes": {name: round(value, 3) for name, value in self._modes.items()},
        }

    def _add(self, steps: Table, at_s: Floats, weight: float) -> None:
        place = np.searchsorted(steps.at_s, at_s, side="right") - 1
        took_s = np.nan_to_num(steps[names.TOOK]) / 1000
        inside = (place >= 0) & (at_s < (steps.at_s + took_s)[place])
        self._phases[BETWEEN] += float((~inside).sum()) * weight
        self._modes[BETWEEN] += float((~inside).sum()) * weight
        steps_of = place[inside]
        for phase in names.PHASES:
            share = np.nan_to_num(steps[names.host_column(phase)]) / np.maximum(took_s * 1000, 1e-9)
            self._phases[phase] += float(share[steps_of].sum()) * weight
        for mode, word in _MODES.items():
            self._modes[word] += float((steps[names.MODE][steps_of] == mode).sum()) * weight
