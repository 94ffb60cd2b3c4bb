"""The training jobs of a tuning job as the tuner keeps them: its only memory.

A trial is written before its training job is created, under a number that can be taken once. So
after a crash it is known which training job was meant, and none is lost or made twice.
"""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from local_test.cloud.store import Document, Store
from local_test.cloud.tuning.definitions import Definition

KIND = "hyper-parameter-tuning-job"
TRAINING_KIND = "training-job"
ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job.

    Attributes:
        number: from 0, in the order of creation.
        place: its number among those of the same definition.
        name: of the training job.
        definition: DefinitionName, or empty.
        created: whether the training job was created.
        stopping: why the tuner stopped it; empty when it did not.
        rungs: of Hyperband that it has passed.
        retries: how often its training job was made anew after an internal error.
        readings: of its objective, oldest first, numbers only.
        ended_at: when the tuner saw that it had ended, in seconds since 1970.
        summary: of the training job, as ListTrainingJobsForHyperParameterTuningJob gives it.
    """

    number: int
    place: int
    name: str
    definition: str
    values: Mapping[str, str]
    created: bool = False
    stopping: str = ""
    rungs: int = 0
    retries: int = 0
    readings: Sequence[float] = ()
    ended_at: float = 0.0
    summary: Document = field(default_factory=dict)

    @property
    def status(self) -> str:
        """TrainingJobStatus."""
        return str(self.summary.get("TrainingJobStatus", "InProgress"))

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED

    @property
    def objective(self) -> float | None:
        """The final objective, once it has ended with one."""
        final = self.summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        return float(final["Value"]) if final and self.has_ended else None


class Trials:
    """The trials of the tuning job `name`."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._kind = f"trial:{name}"
        self._name = name

    def all(self) -> list[Trial]:
        """All of them, by number."""
        found = [Trial(**document) for document in self._store.all(self._kind)]
        return sorted(found, key=lambda trial: trial.number)

    def add(self, number: int, place: int, definition: Definition, values: dict[str, str]) -> Trial:
        """Write down what is going to be trained.

        Raises:
            TakenError: another tuner did.
        """
        name = f"{self._name}-{number + 1:03d}-{secrets.token_hex(4)}"
        trial = Trial(number, place, name, definition.name, values)
        self._store.create(self._kind, self._key(trial), asdict(trial))
        return trial

    def keep(self, trial: Trial, **changes: Any) -> Trial:
        """The trial with these attributes changed, here and on disk."""
        changed = replace(trial, **changes)
        if changed != trial:
            self._store.change(
                self._kind, self._key(trial), lambda document: document.update(asdict(changed))
            )
        return changed

    def delete(self) -> None:
        """Forget all of them; the training jobs stay."""
        for trial in self.all():
            self._store.delete(self._kind, self._key(trial))

    def _key(self, trial: Trial) -> str:
        return f"{trial.number:05d}"


def readings(job: Mapping[str, Any], metric: str) -> list[float]:
    """What a training job printed of `metric` so far, without what is not a number."""
    return [value for value in _all_readings(job, metric) if math.isfinite(value)]


def final(job: Mapping[str, Any], metric: str) -> float | None:
    """The last reading of `metric`; None when there is none.

    A training that ended with a loss that is not a number has no objective, even if it had one
    before.
    """
    found = _all_readings(job, metric)
    return found[-1] if found and math.isfinite(found[-1]) else None


def _all_readings(job: Mapping[str, Any], metric: str) -> list[float]:
    return [float(one["value"]) for one in job.get("_metrics", []) if one["name"] == metric]
