"""Where the time of a run went, read for a page from what the profiler left beside its report."""

import json
import math
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from imageclf.report.files import Figure

FOLDER = "profiler-reports"
SUMMARY, ADVICE = "summary.json", "advice.json"

_MOST_BYTES = 1 << 24


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Content):
    """A part of the training step; `share` of it, 0 to 1."""

    name: str
    share: Figure = math.nan
    said: str = ""


class Prediction(_Content):
    """A change, and what it would save, `saved_share` of the run's time."""

    change: str
    said: str = ""
    saved_share: Figure = math.nan
    pays: bool = False


class Measured(_Content):
    """`summary.json`: the training step in a few figures."""

    verdict: str = ""
    step_ms: Figure = math.nan
    images_per_s: Figure = math.nan
    phases: list[Part] = []
    cost: Figure = math.nan
    cpu_percent: Figure = math.nan
    gpu_percent: Figure = math.nan


class Advised(_Content):
    """`advice.json`: what is lost, and what would pay."""

    losses: list[Part] = []
    predictions: list[Prediction] = []


_ContentT = TypeVar("_ContentT", bound=_Content)


def read(output_data: Path) -> tuple[Measured, Advised] | None:
    """What the profiler measured and advised; None when the run was not profiled."""
    measured = _content(output_data / FOLDER / SUMMARY, Measured)
    if measured is None:
        return None
    return measured, _content(output_data / FOLDER / ADVICE, Advised) or Advised()


def _content(path: Path, kind: type[_ContentT]) -> _ContentT | None:
    """None when the file is absent or damaged: the page says that there is nothing to say."""
    try:
        with path.open("rb") as file:
            return kind.model_validate(json.loads(file.read(_MOST_BYTES)))
    except (OSError, ValueError, RecursionError, ValidationError):
        return None
