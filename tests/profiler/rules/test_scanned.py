"""Rules that gather all that is recorded find the same in whatever portions they are shown it."""

import json
from typing import Any

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.recorded import Span, Stretch
from imageclf.profiler.rules import catalogue
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from tests.profiler.rules.runs import cut, findings, reads, run, samples, steps, table

RULES = [name for name, rule in catalogue.RULES.items() if issubclass(rule, ScannedRule)]

QUICK = {"scan_interval_us": "7000000"}


def _ill() -> Stretch:
    """Two processes with all diseases at once."""
    draw = np.random.default_rng(3)
    count = 700
    wait_ms = draw.gamma(2, 20, count)
    took_ms = 60 + wait_ms
    took_ms[40::35] += 900
    slow = steps(took_ms, data=wait_ms, forward=40, backward=20, optimiser=5)
    well = steps(took_ms, data=5, forward=20, backward=60, optimiser=5)
    system = samples(
        170,
        cpu=draw.uniform(20, 40, 170),
        own_cpu=100,
        throttled=draw.uniform(20, 40, 170),
        own_memory_mib=1000 + 5 * np.arange(170),
        memory=40,
    )
    spans = [Span(names.CHECKPOINT, float(at_s), 2.0, "algo-1-0") for at_s in range(3, 80, 7)]
    machine = {"operator_us": 50.0, "step": {"operators": 1000}}
    batches = reads(700, fetch_ms=30, decode_ms=10, worker=1)
    both = {"algo-1-0": slow, "algo-1-1": well}
    return run(both, system=system, reads=batches, spans=spans, machine=machine)


def _told(rule: ProfilerRule, *portions: Stretch) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in findings(rule, *portions)]


@pytest.mark.parametrize("name", RULES)
def test_neither_findings_nor_figures_depend_on_the_portions(name: str) -> None:
    def rule() -> ProfilerRule:
        return catalogue.make(catalogue.of(name, **QUICK))

    whole, draw, one = _ill(), np.random.default_rng(4), rule()
    expected = _told(one, whole)
    for _ in range(4):
        other = rule()
        edges = draw.uniform(0, 90, draw.integers(1, 60)).tolist()
        assert _told(other, *cut(whole, edges)) == expected
        assert other.details() == one.details()
        assert other.looked == one.looked


def test_a_disease_is_told_once_for_each_place_and_counted_at_each_look() -> None:
    rule = catalogue.make(catalogue.of("LoaderStarvesModel", **QUICK))
    (finding,) = findings(rule, _ill())
    assert finding.details["at_s"] == 7
    assert rule.details()["RuleTriggered"] > 8


def test_a_day_is_judged_some_hundred_times_at_most() -> None:
    rule = catalogue.make(catalogue.of("LoaderStarvesModel"))
    day = run(steps(10_000, 8640, data=9000))
    findings(rule, day)
    assert 100 < rule.details()["RuleTriggered"] < 300


def test_rows_that_come_late_take_their_place() -> None:
    kept = Kept("step")
    for at_s in ([1.0, 2.0], [5.0], [3.0]):
        kept.add("algo-1", table(at_s, step=at_s))
    assert kept["algo-1"]["step"].tolist() == [1, 2, 3, 5]
    assert len(kept["nobody"]) == 0


def test_columns_that_were_not_recorded_are_unknown_and_harm_no_rule() -> None:
    bare = table(np.arange(1, 400))
    whole = Stretch(0, 0.0, 401.0, {"algo-1": bare}, {"algo-1-0": bare}, {"algo-1-0": bare})
    for name in RULES:
        rule = catalogue.make(catalogue.of(name))
        assert findings(rule, whole) == []
        rule.details()


@pytest.mark.parametrize("odd", ["many", None, float("nan"), float("inf"), -3, [4]], ids=repr)
def test_facts_that_are_no_numbers_harm_no_rule(odd: object) -> None:
    facts = {"cores": odd, "threads": odd, "workers": odd, "train_images": odd}
    machine = {"operator_us": odd, "step": {"operators": odd}}
    system = samples(100, cpu=90, own_cpu=350)
    whole = run(steps(100, 400), system=system, facts=facts, machine=machine)
    for name in RULES:
        rule = catalogue.make(catalogue.of(name))
        findings(rule, whole)
        assert json.dumps(rule.details(), allow_nan=False)
