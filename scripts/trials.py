"""The trainings of a search: read from the account, as rows, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

BEST = "best"


@dataclass(frozen=True)
class Trial:
    """One training of a search; `objective` is None until it has one, `seconds` while it waits."""

    name: str
    status: str
    values: dict[str, str]
    objective: float | None = None
    seconds: float | None = None
    reason: str = ""


def read(sagemaker: Any, search: str) -> list[Trial]:
    """All trainings of the search, the oldest first."""
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=search, SortBy="CreationTime", SortOrder="Ascending"
    )
    return [_trial(summary) for page in pages for summary in page["TrainingJobSummaries"]]


def ranked(trials: Sequence[Trial], goal: str) -> list[Trial]:
    """The best first by `goal` (`Maximize`, `Minimize`), those without an objective last."""
    sign = -1 if goal == "Maximize" else 1
    return sorted(trials, key=lambda one: (one.objective is None, sign * (one.objective or 0.0)))


def table(trials: Sequence[Trial], objective: str, best: str | None) -> Table:
    """Rows in the order given, the training `best` marked."""
    names = sorted({name for trial in trials for name in trial.values})
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("training", "status", *names, objective, "seconds"):
        is_text = column in {"training", "status"}
        drawn.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    for trial in trials:
        style = "bold green" if trial.name == best else ""
        drawn.add_row(*_cells(trial, names), style=style)
    return drawn


def line(trial: Trial, objective: str) -> str:
    """One training in one line, for a log."""
    values = " ".join(f"{name}={shown(value)}" for name, value in sorted(trial.values.items()))
    reached = "" if trial.objective is None else f" {objective}={trial.objective:.6g}"
    reason = f" ({trial.reason.splitlines()[0]})" if trial.reason else ""
    return f"{trial.name} {trial.status} {values}{reached}{reason}"


def shown(value: str) -> str:
    """A value in the fewest characters that say enough."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value.strip('"')


def _cells(trial: Trial, names: Sequence[str]) -> list[str]:
    return [
        trial.name,
        trial.status,
        *(shown(trial.values.get(name, "")) for name in names),
        "" if trial.objective is None else f"{trial.objective:.4f}",
        "" if trial.seconds is None else f"{trial.seconds:.0f}",
    ]


def _trial(summary: dict[str, Any]) -> Trial:
    reached = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    began, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    return Trial(
        name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        values=dict(summary.get("TunedHyperParameters", {})),
        objective=None if reached is None else float(reached),
        seconds=(ended - began).total_seconds() if began and ended else None,
        reason=summary.get("FailureReason", ""),
    )
