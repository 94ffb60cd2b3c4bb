import math
import re

import pytest

from imageclf import metrics
from imageclf.metrics import METRICS, Metric

VALUES = (0.0, 0.5, -0.25, 1e-7, 1.5e21, 123456.789, math.inf, -math.inf, math.nan)

by_name = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def found(metric: Metric, text: str) -> list[str]:
    """What the regex of a metric definition takes from a log, as SageMaker does."""
    return [match.group(1) for match in re.finditer(metric.regex, text)]


def same(read: float | None, value: float, form: str) -> bool:
    expected = float(f"{value:{form}}")
    return read is not None and (read == expected or (math.isnan(read) and math.isnan(expected)))


@by_name
def test_a_value_of_any_size_is_read_back(metric: Metric) -> None:
    for value in VALUES:
        assert same(metric.read(metrics.line({metric.name: value})), value, metric.form), value


def test_small_learning_rates_keep_their_digits() -> None:
    assert metrics.LEARNING_RATE.read("train:lr=1.25e-07") == 1.25e-07
    assert metrics.line({"train:lr": 1.25e-07}) == "train:lr=1.25e-07"


@by_name
def test_each_regex_takes_its_own_figure_from_a_whole_line(metric: Metric) -> None:
    values = {other.name: 1000.0 + place for place, other in enumerate(METRICS)}
    text = f"12:00:01 {metrics.line(values)}\n"
    assert [float(number) for number in found(metric, text)] == [values[metric.name]]


@by_name
def test_no_regex_takes_the_figure_of_another_metric(metric: Metric) -> None:
    others = {other.name: 0.5 for other in METRICS if other != metric}
    assert found(metric, metrics.line(others)) == []


@by_name
def test_a_name_that_only_ends_alike_is_not_taken(metric: Metric) -> None:
    assert metric.read(f"my_{metric.name}=1 x{metric.name}=2 {metric.name} = 3") is None


def test_every_line_of_a_log_gives_its_own_figures() -> None:
    log = "\n".join(metrics.line({"epoch": n, "train:loss": 1 / n}) for n in (1, 2, 4))
    assert found(metrics.TRAIN_LOSS, log) == ["1", "0.5", "0.25"]
    assert found(metrics.EPOCH, log) == ["1", "2", "4"]


def test_a_line_is_read_back_whole() -> None:
    values = {"epoch": 3.0, "validation:top1": 0.875, "train:lr": 1e-07, "train:loss": math.inf}
    assert metrics.read(f"12:00:01 {metrics.line(values)}") == values


def test_a_line_without_metrics_has_none() -> None:
    assert metrics.read("12:00:01 resnet50, fresh weights; epoch 3 begins, loss=2") == {}


def test_a_figure_that_is_not_declared_cannot_be_printed() -> None:
    with pytest.raises(KeyError):
        metrics.line({"train:magic": 1.0})


def test_the_definitions_are_within_the_limits_of_createtrainingjob() -> None:
    definitions = metrics.definitions()
    assert len(definitions) <= 40
    assert len({one["Name"] for one in definitions}) == len(definitions) == len(METRICS)
    for one in definitions:
        assert one.keys() == {"Name", "Regex"}
        assert 1 <= len(one["Regex"]) <= 500
        assert re.compile(one["Regex"]).groups == 1
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9:_]{0,254}", one["Name"])


def test_a_tuner_can_aim_up_at_accuracy_and_down_at_loss() -> None:
    aims = {metric.name: metric.goal for metric in METRICS if metric.goal}
    assert aims["validation:top1"] == "Maximize"
    assert aims["validation:loss"] == "Minimize"
    assert set(aims.values()) <= {"Maximize", "Minimize"}
