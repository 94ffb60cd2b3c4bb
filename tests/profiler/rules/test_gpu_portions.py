"""Rules on GPUs find the same, in the same order, in whatever portions they are shown a run."""

from typing import Any

import numpy as np
import pytest

from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.rules import catalogue
from imageclf.profiler.rules.base import ProfilerRule
from tests.profiler.rules.gpu_runs import cut, findings, run, series, trained

RULES = {
    "LowGPUUtilization": {"patience": "30", "window": "20"},
    "BatchSize": {"patience": "30", "window": "20"},
    "CPUBottleneck": {"patience": "30", "scan_interval_us": "7000000", "gpu_threshold": "60"},
    "IOBottleneck": {"patience": "30", "scan_interval_us": "7000000"},
    "LoadBalancing": {"patience": "30"},
    "GPUMemoryIncrease": {"patience": "30", "window": "7", "increase": "1"},
}


def _several_hosts(draw: np.random.Generator) -> Stretch:
    """Hosts with different numbers of GPUs, diseases, clocks and gaps."""
    hosts = {
        "algo-1": series("eight_unbalanced"),
        "algo-2": series("cpu_bottleneck"),
        "algo-3": series("io_bottleneck"),
        "algo-4": series("memory_grows"),
        "algo-5": series("small_batch"),
    }
    shaken = {
        name: Table(
            table.at_s + draw.random() * 0.4,
            {
                column: np.where(draw.random(len(table)) < 0.05, np.nan, values)
                for column, values in table.columns.items()
            },
        )
        for name, table in hosts.items()
    }
    steps = {
        f"algo-{number + 1}-{number}": trained(10.0 + number, 280.0 - number, 0.7, data=0.5)
        for number in range(4)
    }
    return run(shaken, steps)


def _rule(name: str) -> ProfilerRule:
    return catalogue.make(catalogue.of(name, **RULES[name]))


def _told(rule: ProfilerRule, *portions: Stretch) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in findings(rule, *portions)]


@pytest.mark.parametrize("name", RULES)
def test_findings_do_not_depend_on_the_portions(name: str) -> None:
    draw = np.random.default_rng(3)
    whole = _several_hosts(draw)
    expected = _told(_rule(name), whole)
    assert expected
    for _ in range(6):
        edges = draw.uniform(0, 300, draw.integers(1, 60)).tolist()
        assert _told(_rule(name), *cut(whole, edges)) == expected
    five = [float(at_s) for at_s in range(0, 300, 5)]
    assert _told(_rule(name), *cut(whole, five)) == expected


@pytest.mark.parametrize("name", RULES)
def test_figures_do_not_depend_on_the_portions(name: str) -> None:
    whole = _several_hosts(np.random.default_rng(3))
    one, other = _rule(name), _rule(name)
    findings(one, whole)
    findings(other, *cut(whole, [float(at_s) for at_s in range(0, 300, 5)]))
    assert _plain(other.details()) == pytest.approx(_plain(one.details()))
    assert other.looked == one.looked


def _plain(value: Any, name: str = "") -> dict[str, Any]:
    """The same as one flat dictionary."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: one for at, each in items for key, one in _plain(each, f"{name}/{at}").items()}
    return {name: value}
