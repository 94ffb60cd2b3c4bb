"""What is known of sets of values that were tried. No Optuna: the endpoint's process has it too."""

from collections.abc import Mapping
from dataclasses import dataclass

Values = dict[str, str]
"""Hyperparameters by name, as text."""


@dataclass(frozen=True)
class Observation:
    """A training job that was suggested before, perhaps by another tuning job.

    Attributes:
        objective: its last reading; None as long as there is none.
        running: it has not ended.
        readings: of the objective, when it was stopped before its time; 0 when it was not.
    """

    values: Mapping[str, str]
    objective: float | None
    running: bool = False
    readings: int = 0
