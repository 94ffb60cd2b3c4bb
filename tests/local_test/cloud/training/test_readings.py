"""Metrics that are read from the log."""

import math
from typing import Any

from imageclf import metrics
from local_test.cloud.training import readings
from local_test.cloud.training.readings import Readings


def test_the_images_own_lines_are_read_by_its_own_definitions() -> None:
    read = Readings.of(metrics.definitions())
    read.read(1.0, metrics.line({"epoch": 2, "validation:top1": 0.75, "train:loss": math.inf}))
    found = {one["name"]: one["value"] for one in read.take()}
    assert found == {"epoch": 2.0, "validation:top1": 0.75, "train:loss": math.inf}
    assert read.take() == []


def test_an_expression_without_a_group_and_what_is_no_number_do_no_harm() -> None:
    read = Readings.of([{"Name": "a", "Regex": r"\d+"}, {"Name": "b", "Regex": "b=(.*)"}])
    read.read(1.0, "12 b=many")
    assert [(one["name"], one["value"]) for one in read.take()] == [("a", 12.0)]


def test_the_last_number_of_each_metric_is_final_and_the_history_is_bounded() -> None:
    job: dict[str, Any] = {}
    for at_s, value in enumerate([0.5, 0.25, math.nan]):
        readings.note(job, [{"name": "loss", "value": value, "at_s": at_s}])
    assert job["FinalMetricDataList"] == [{"MetricName": "loss", "Value": 0.25, "Timestamp": 1}]
    assert len(job["_metrics"]) == 3
    readings.note(job, [{"name": "n", "value": 1.0, "at_s": 9}] * readings.MOST_KEPT)
    assert len(job["_metrics"]) == readings.MOST_KEPT
