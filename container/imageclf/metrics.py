"""The metrics a training job prints: one place makes the line and the regex that reads it.

A metric line holds one epoch, `name=value` pairs apart by spaces::

    epoch=3 train:loss=0.4821 validation:loss=0.3907 validation:top1=0.9412 ...

SageMaker reads metrics from the log with regular expressions (500 characters at most, 40 metrics
at most); the launchers and the local endpoint take them from `definitions()`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NUMBER = r"(-?(?:[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?|inf|nan))"


@dataclass(frozen=True)
class Metric:
    """One figure of the log: its name, how it is written and what it means."""

    name: str
    help: str
    form: str = ".6g"
    goal: str | None = None  # "Maximize" or "Minimize" where a tuner can aim at it

    @property
    def regex(self) -> str:
        return rf"(?:^|\s){re.escape(self.name)}={_NUMBER}"

    def write(self, value: float) -> str:
        return f"{self.name}={value:{self.form}}"

    def read(self, line: str) -> float | None:
        found = re.search(self.regex, line)
        return float(found.group(1)) if found else None


EPOCH = Metric("epoch", "epoch, counted from 1", form=".0f")
TRAIN_LOSS = Metric("train:loss", "mean loss over the epoch's training images", goal="Minimize")
TRAIN_TOP1 = Metric("train:top1", "share of the epoch's training images classified right")
VALIDATION_LOSS = Metric("validation:loss", "mean cross entropy on validation", goal="Minimize")
VALIDATION_TOP1 = Metric("validation:top1", "validation accuracy", goal="Maximize")
VALIDATION_TOP5 = Metric("validation:top5", "share with the class among the first five")
VALIDATION_F1 = Metric("validation:f1", "mean over classes of the F1 score", goal="Maximize")
IMAGES_PER_S = Metric("train:images_per_s", "training images a second, all processes", ".1f")
LEARNING_RATE = Metric("train:lr", "learning rate of the epoch's last step")
EPOCH_S = Metric("epoch_s", "seconds the epoch took, validation included", ".2f")
BEST_TOP1 = Metric("best:top1", "validation accuracy of the epoch that was kept")
TEST_LOSS = Metric("test:loss", "mean cross entropy on test")
TEST_TOP1 = Metric("test:top1", "test accuracy")
TEST_TOP5 = Metric("test:top5", "share of test images with the class among the first five")
TEST_F1 = Metric("test:f1", "mean over classes of the F1 score on test")

METRICS = (
    EPOCH,
    TRAIN_LOSS,
    TRAIN_TOP1,
    VALIDATION_LOSS,
    VALIDATION_TOP1,
    VALIDATION_TOP5,
    VALIDATION_F1,
    IMAGES_PER_S,
    LEARNING_RATE,
    EPOCH_S,
    BEST_TOP1,
    TEST_LOSS,
    TEST_TOP1,
    TEST_TOP5,
    TEST_F1,
)

_BY_NAME = {metric.name: metric for metric in METRICS}


def line(values: Mapping[str, float]) -> str:
    """The log line of `values` by metric name; KeyError for a name that is not in `METRICS`."""
    return " ".join(_BY_NAME[name].write(value) for name, value in values.items())


def read(text: str) -> dict[str, float]:
    """All metrics that stand in one log line, by name."""
    found = ((metric.name, metric.read(text)) for metric in METRICS)
    return {name: value for name, value in found if value is not None}


def definitions() -> list[dict[str, str]]:
    """`MetricDefinitions` of CreateTrainingJob."""
    return [{"Name": metric.name, "Regex": metric.regex} for metric in METRICS]
