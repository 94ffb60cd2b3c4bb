"""What a training run leaves in `output/data/`, read for the report.

`summary.json` must be there; a run that was stopped early may lack the others. What is absent or
damaged becomes a sentence in `Run.gaps`, so that one bad file never costs the whole report.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from imageclf.errors import ReportError
from imageclf.metrics import EPOCH

SUMMARY = "summary.json"
EPOCHS = "metrics.jsonl"
DATA = "data.json"
EVALUATION = "evaluation.json"
TRAINING_REPORT = "training-report.html"
DEBUG_REPORT = "debug-report.html"
PROFILER_REPORT = "profiler-report.html"


def _null_is_nan(value: Any) -> Any:
    return math.nan if value is None else value


Figure = Annotated[float, BeforeValidator(_null_is_nan)]
"""A number that may be missing: `null` reads as NaN."""


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


Text = Annotated[str, BeforeValidator(_as_text)]
"""A setting, which may have been written as a number or `null`."""


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RuleStatus(_Content):
    """How one rule stood at the end, as in `rule_status.json`."""

    name: str = Field(alias="RuleConfigurationName")
    status: str = Field(alias="RuleEvaluationStatus")
    details: Text = Field("", alias="StatusDetails")


class Summary(_Content):
    """`summary.json`: how the run went and what it was."""

    status: str
    reason: str = ""
    architecture: str = "network"
    pretrained: str = ""
    train: str = ""
    classes: list[str] = []
    best_epoch: int | None = None
    epochs: int = 0
    epochs_done: int = 0
    metrics: dict[str, Figure] = {}
    seconds: Figure = math.nan
    images_per_s: Figure = math.nan
    device: str = ""
    precision: str = ""
    processes: int = 1
    started: str = ""
    hyperparameters: dict[str, Text] = {}
    versions: dict[str, Text] = {}
    temperature: Figure = math.nan
    resumed: list[str] = []
    warnings: list[str] = []
    rules: list[RuleStatus] = []
    profiler_rules: list[RuleStatus] = []


class Spread(_Content):
    """Least, middle and greatest of one measure."""

    min: Figure = math.nan
    p50: Figure = math.nan
    max: Figure = math.nan


class LeftOut(_Content):
    """A file that was not trained on."""

    file: str
    reason: str = ""
    detail: str = ""


class DataFacts(_Content):
    """`data.json`: the images the run saw; `images` counts them by split and class."""

    fingerprint: str = ""
    classes: list[str] = []
    split: str = ""
    images: dict[str, dict[str, int]] = {}
    sizes: dict[str, Spread] = {}
    bytes: Figure = math.nan
    formats: dict[str, int] = {}
    modes: dict[str, int] = {}
    left_out: list[LeftOut] = []


class ClassScore(_Content):
    """The scores of one class; shares between 0 and 1."""

    name: str = Field(alias="class")
    images: int = 0
    precision: Figure = math.nan
    recall: Figure = math.nan
    f1: Figure = math.nan


class Bin(_Content):
    """Predictions of like confidence, and the share of them that was right."""

    confidence: Figure = math.nan
    accuracy: Figure = math.nan
    count: int = 0


class Calibration(_Content):
    """Expected calibration error (a share) before and after the temperature."""

    temperature: Figure = math.nan
    ece_before: Figure = math.nan
    ece_after: Figure = math.nan
    bins: list[Bin] = []


class Mistake(_Content):
    """A wrong prediction; `thumbnail` is a base64 JPEG or empty."""

    file: str
    label: str
    predicted: str
    probability: Figure = math.nan
    label_probability: Figure = math.nan
    thumbnail: str = ""


class Evaluation(_Content):
    """`evaluation.json`: the kept epoch on one split; `confusion` has a row for each true class."""

    split: str = "validation"
    images: int = 0
    confusion: list[list[int]] = []
    per_class: list[ClassScore] = []
    metrics: dict[str, Figure] = {}
    calibration: Calibration | None = None
    mistakes: list[Mistake] = []

    @model_validator(mode="after")
    def _square(self) -> Self:
        if any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("the confusion matrix is not square")
        if self.confusion and len(self.confusion) != len(self.per_class):
            raise ValueError("confusion matrix and per-class table differ in their classes")
        return self


@dataclass(frozen=True)
class Run:
    """All that is known of a run; `gaps` says by file name why something is not."""

    summary: Summary
    epochs: list[dict[str, float]]
    data: DataFacts | None
    evaluation: Evaluation | None
    gaps: dict[str, str]


def read_run(output_data: Path) -> Run:
    """Read the files of a run in `output_data`.

    Raises:
        ReportError: `summary.json` is absent or damaged.
    """
    gaps: dict[str, str] = {}
    summary = _content(output_data / SUMMARY, Summary, gaps)
    if summary is None:
        raise ReportError(
            f"No report can be made of {output_data}: {gaps[SUMMARY]} Give the folder that a "
            "training run wrote as output/data."
        )
    return Run(
        summary,
        _epochs(output_data / EPOCHS, gaps),
        _content(output_data / DATA, DataFacts, gaps),
        _content(output_data / EVALUATION, Evaluation, gaps),
        gaps,
    )


def read_classes(output_data: Path) -> list[str]:
    """Names of the classes, also of a run that goes on; none when they are not known."""
    gaps: dict[str, str] = {}
    summary = _content(output_data / SUMMARY, Summary, gaps)
    if summary is not None and summary.classes:
        return summary.classes
    data = _content(output_data / DATA, DataFacts, gaps)
    return data.classes if data is not None else []


_ContentT = TypeVar("_ContentT", bound=_Content)


def _content(path: Path, kind: type[_ContentT], gaps: dict[str, str]) -> _ContentT | None:
    text = _text(path, gaps)
    if text is None:
        return None
    try:
        return kind.model_validate(json.loads(text))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the content"
        gaps[path.name] = f"{path.name} does not fit: {where}: {fault['msg']}."
    except ValueError as error:
        gaps[path.name] = f"{path.name} is damaged ({error})."
    return None


def _text(path: Path, gaps: dict[str, str]) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        gaps[path.name] = f"The run did not write {path.name}."
    except (OSError, UnicodeDecodeError) as error:
        gaps[path.name] = f"{path.name} cannot be read ({error})."
    return None


def _epochs(path: Path, gaps: dict[str, str]) -> list[dict[str, float]]:
    """Figures of each epoch in order; of an epoch that was repeated after a resume, the last."""
    found: dict[int, dict[str, float]] = {}
    damaged = 0
    for line in (_text(path, gaps) or "").splitlines():
        try:
            figures = {str(k): float(_null_is_nan(v)) for k, v in json.loads(line).items()}
            found[int(figures[EPOCH.name])] = figures
        except (ValueError, TypeError, OverflowError, AttributeError, KeyError):
            damaged += bool(line.strip())
    if damaged:
        gaps[path.name] = f"{damaged} damaged line(s) of {path.name} are left out."
    return [found[epoch] for epoch in sorted(found)]
