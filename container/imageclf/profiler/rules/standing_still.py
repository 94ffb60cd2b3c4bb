"""What the training did while a GPU stood still, as far as the profile knows; words for it."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.rules.while_training import Part
from imageclf.report.figures import listing

CAUSES = (names.DATA, names.CHECKPOINT, names.EVALUATION)

_CLEAR = 0.5
"""A cause of at least this share of the pauses is named as theirs."""


def causes(part: Part, gpu: int, at_s: Floats) -> Floats:
    """The share of each of CAUSES at the times `at_s` [N] of a GPU: [N, causes].

    A checkpoint or evaluation of any process counts, since the others wait for it; waiting for data
    is that of the processes on this GPU, or of all of the host when none says where it is, and NaN
    where they did not measure their phases.
    """
    checkpoint = _inside(part, names.CHECKPOINT, at_s)
    waiting = np.where(checkpoint, 0.0, _data(part, gpu, at_s))
    evaluation = np.where(checkpoint, False, _inside(part, names.EVALUATION, at_s))
    return np.stack((waiting, checkpoint, evaluation * (1 - np.nan_to_num(waiting))), axis=1)


def _data(part: Part, gpu: int, at_s: Floats) -> Floats:
    """The share of the steps at these times that was waiting for data; 0 between steps."""
    own = [one for name, one in part.steps.items() if part.gpu_of.get(name) == gpu]
    tables = [one for one in own or part.steps.values() if one.has(names.host_column(names.DATA))]
    found: Floats = np.full(len(at_s), np.nan)
    if tables:
        found[:] = np.mean([_share(table, at_s) for table in tables], axis=0)
    return found


def _share(steps: Table, at_s: Floats) -> Floats:
    place = np.maximum(np.searchsorted(steps.at_s, at_s, side="right") - 1, 0)
    took_ms = np.nan_to_num(steps[names.TOOK])[place]
    inside = (at_s >= steps.at_s[place]) & (at_s < steps.at_s[place] + took_ms / 1000)
    waited_ms = np.nan_to_num(steps[names.host_column(names.DATA)])[place]
    return np.where(inside, np.clip(waited_ms / np.maximum(took_ms, 1e-9), 0, 1), 0.0)


def _inside(part: Part, name: str, at_s: Floats) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = np.zeros(len(at_s), np.bool_)
    for span in part.spans:
        if span.name == name:
            inside |= (at_s >= span.at_s) & (at_s < span.at_s + span.took_s)
    return inside


@dataclass
class StandingStill:
    """Sums up the pauses of a GPU: samples, those of which the phase is known, and by cause.

    Args:
        begin_s, end_s: times of the first and the last of these samples.
    """

    samples: int = 0
    begin_s: float = math.inf
    end_s: float = -math.inf
    known: int = 0
    by_cause: tuple[float, ...] = (0.0,) * len(CAUSES)

    def add(self, at_s: Floats, rows: Floats) -> None:
        """Take `causes` [N, causes] at the times `at_s` [N]."""
        self.samples += len(rows)
        self.begin_s = float(at_s.min(initial=self.begin_s))
        self.end_s = float(at_s.max(initial=self.end_s))
        self.known += int(np.isfinite(rows).all(axis=1).sum())
        self.by_cause = tuple((np.asarray(self.by_cause) + np.nansum(rows, axis=0)).tolist())

    @property
    def shares(self) -> dict[str, float]:
        """Of all pauses, by cause."""
        pairs = zip(CAUSES, self.by_cause, strict=True)
        return {name: round(value / max(1, self.samples), 4) for name, value in pairs}

    def as_json(self) -> dict[str, float]:
        """Counts and shares."""
        return {"samples": self.samples, "known": self.known, **self.shares}

    @property
    def words(self) -> dict[str, str]:
        """What to say of the pauses, and what to do; no cause is named that is not known."""
        shares = self.shares
        clear = max(CAUSES, key=lambda name: shares[name])
        if shares[clear] >= _CLEAR:
            said = f"For {100 * shares[clear]:.0f} % of its pauses {_MEANINGS[clear]}."
            return {"meaning": said, "advice": _ADVICE[clear]}
        if self.known < _CLEAR * self.samples:
            return _UNKNOWN
        parts = [f"{_SHORT[name]} {100 * shares[name]:.0f} %" for name in CAUSES]
        return {
            "meaning": f"The GPU works in bursts; of its pauses {listing(parts)}.",
            "advice": "Look at the phases of the steps for the rest: calling many small operators, "
            "waiting for other processes, or what is done between steps.",
        }


_UNKNOWN = {
    "meaning": "The GPU works in bursts and stands still between them.",
    "advice": "See what the training does then: it may wait for data or for other processes, write "
    "checkpoints, evaluate, or call many small operators.",
}
_SHORT = {
    names.DATA: "waiting for data explains",
    names.CHECKPOINT: "checkpoints",
    names.EVALUATION: "evaluation",
}
_MEANINGS = {
    names.DATA: "the training waited for data",
    names.CHECKPOINT: "a checkpoint was written",
    names.EVALUATION: "the training evaluated",
}
_ADVICE = {
    names.DATA: "Look at the data wait of the steps; read with more workers, or decode less.",
    names.CHECKPOINT: "Raise checkpoint-minutes, or give checkpoints a faster disk.",
    names.EVALUATION: "Make the validation split smaller, or read it with more workers.",
}
