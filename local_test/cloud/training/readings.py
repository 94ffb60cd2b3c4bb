"""Metrics of a training job: figures that regular expressions find in its log."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_test.cloud.metric_data import MetricData

MOST_KEPT = 5_000
"""Readings in a job's document; older ones are dropped."""

NAMESPACE = "/aws/sagemaker/TrainingJobs"

Reading = dict[str, Any]
"""`name`, `value` and `at_s`, in seconds since 1970."""


@dataclass
class Readings:
    """What was read since it was last handed over."""

    definitions: Sequence[tuple[str, re.Pattern[str]]]
    fresh: list[Reading] = field(default_factory=list)

    @classmethod
    def of(cls, definitions: Iterable[Mapping[str, str]]) -> "Readings":
        """Of `MetricDefinitions`, whose expressions were found to be right before."""
        return cls([(one["Name"], re.compile(one["Regex"])) for one in definitions])

    def read(self, at_s: float, line: str) -> None:
        """Look for every metric in a line."""
        for name, expression in self.definitions:
            found = expression.search(line)
            value = None if found is None else _number(found)
            if value is not None:
                self.fresh.append({"name": name, "value": value, "at_s": at_s})

    def take(self) -> list[Reading]:
        """What is new, once."""
        taken, self.fresh = self.fresh, []
        return taken


def note(document: dict[str, Any], fresh: Sequence[Reading]) -> None:
    """Put readings into a job's document: all that are kept, and the last of each metric."""
    document["_metrics"] = [*document.get("_metrics", []), *fresh][-MOST_KEPT:]
    last = {one["MetricName"]: one for one in document.get("FinalMetricDataList", [])}
    for one in fresh:
        if math.isfinite(one["value"]):
            name = one["name"]
            last[name] = {"MetricName": name, "Value": one["value"], "Timestamp": one["at_s"]}
    document["FinalMetricDataList"] = list(last.values())


def publish(metrics: MetricData, job: str, fresh: Sequence[Reading]) -> None:
    """Put readings where CloudWatch finds them; it takes no figure that is not a number."""
    for one in fresh:
        if math.isfinite(one["value"]):
            where = {"TrainingJobName": job}
            metrics.put(NAMESPACE, one["name"], one["value"], one["at_s"], where)


def _number(found: re.Match[str]) -> float | None:
    try:
        return float(found.group(1) if found.re.groups else found.group())
    except (TypeError, ValueError):
        return None
