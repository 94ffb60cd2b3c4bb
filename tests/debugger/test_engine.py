"""Rules at work: statuses, failures, and that portions do not matter."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imageclf.debugger.analysis import evaluate
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.catalogue import make, of
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.tensors.run import Run
from imageclf.errors import TensorsError
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import MAX_FINDINGS, Engine, RuleState
from imageclf.rules.finding import Finding, Status
from tests.debugger.rules.steps import step, told
from tests.debugger.tensors.saving import REDUCTIONS, end, save_collections, save_step


def found(at: SavedStep, text: str = "It is large.") -> Finding:
    return Finding("Fake", at.number, at.mode.name, at.mode_step, "a", 1.0, 0.0, text, "", "")


class Fake(Rule):
    """Finds something, or fails, at the steps that it is told."""

    name = "Fake"

    def __init__(self, finds: set[int], fails: dict[int, Exception] | None = None) -> None:
        super().__init__()
        self.finds, self.fails = finds, fails or {}

    def needs(self) -> Needs:
        return {"losses": frozenset({"mean"})}

    def look(self, step: SavedStep) -> Iterator[Finding]:
        self.looked += 1
        if step.number in self.finds:
            yield found(step, f"Step {step.number} is bad.")
        if step.number in self.fails:
            raise self.fails[step.number]

    def wait(self, now_s: float) -> Iterator[Finding]:
        if now_s > 100:
            yield found(step(0), "Nothing came.")


class Blind(Fake):
    """Never finds anything to judge."""

    def look(self, step: SavedStep) -> Iterator[Finding]:  # noqa: ARG002
        return iter(())


class Indifferent(Blind):
    """Is content with nothing."""

    def missing(self) -> str:
        return ""


def engine_of(*rules: Rule) -> Engine[SavedStep]:
    named = [(RuleConfiguration(f"rule{n}", "Fake"), rule) for n, rule in enumerate(rules)]
    return Engine(named, clock=lambda: 5.0)


def judged(*rules: Rule, steps: int = 5) -> list[RuleState]:
    engine = engine_of(*rules)
    engine.look(step(number) for number in range(steps))
    engine.finish()
    return engine.states


def test_a_rule_is_in_progress_until_it_finds_something_or_the_run_ends() -> None:
    engine = engine_of(Fake({2}), Fake(set()))
    engine.look([step(0), step(1)])
    assert [state.status for state in engine.states] == [Status.IN_PROGRESS] * 2
    engine.look([step(2)])
    assert [state.status for state in engine.states] == [Status.ISSUES, Status.IN_PROGRESS]
    engine.finish()
    assert [state.status for state in engine.states] == [Status.ISSUES, Status.NO_ISSUES]


def test_details_are_the_first_finding_and_how_many_more() -> None:
    one, two, three = judged(Fake({1}), Fake({1, 2}), Fake({1, 2, 4}))
    assert one.details == "Step 1 is bad."
    assert two.details == "Step 1 is bad. (1 more finding.)"
    assert three.details == "Step 1 is bad. (2 more findings.)"


def test_only_the_first_findings_are_kept() -> None:
    (state,) = judged(Fake(set(range(1000))), steps=MAX_FINDINGS + 7)
    assert (len(state.findings), state.left_out) == (MAX_FINDINGS, 7)
    assert state.findings[0].step == 0
    assert "206 more findings" in state.details


def test_a_rule_that_fails_is_an_error_and_the_others_go_on() -> None:
    failed, well = judged(Fake(set(), {1: ZeroDivisionError("by\nzero")}), Fake({4}))
    assert failed.status is Status.ERROR
    assert failed.details == (
        "Rule rule0 failed and judges nothing further (ZeroDivisionError: by zero)."
    )
    assert (failed.looked, well.looked) == (2, 5)
    assert well.status is Status.ISSUES


def test_a_rule_that_fails_later_keeps_what_it_found() -> None:
    (state,) = judged(Fake({1}, {2: ValueError("x")}))
    assert (state.status, len(state.findings)) == (Status.ISSUES, 1)
    assert "failed" in state.details


def test_a_step_that_cannot_be_read_does_not_end_a_rule() -> None:
    (state,) = judged(Fake({3}, {1: TensorsError("Step 1 is damaged.")}))
    assert (state.status, state.looked) == (Status.ISSUES, 5)


def test_a_rule_without_anything_to_judge_says_what_it_needs() -> None:
    blind, indifferent = judged(Blind(set()), Indifferent(set()))
    assert blind.status is Status.ERROR
    assert "needs losses" in blind.details
    assert (indifferent.status, indifferent.details) == (Status.NO_ISSUES, "")


def test_a_run_that_stalls_is_judged_too() -> None:
    engine = engine_of(Fake(set()))
    engine.wait(99)
    assert not engine.states[0].findings
    engine.wait(101)
    assert engine.states[0].status is Status.ISSUES


def test_leaving_off_stops_the_rules_that_found_nothing() -> None:
    engine = engine_of(Fake({0}), Fake(set()))
    engine.look([step(0)])
    engine.stop()
    assert [state.status for state in engine.states] == [Status.ISSUES, Status.STOPPED]
    engine.finish()
    assert engine.states[1].status is Status.STOPPED


def test_changes_are_told_as_they_come() -> None:
    told_of: list[str] = []
    engine = Engine(
        [(RuleConfiguration("mine", "Fake"), Fake({1, 2}))],
        on_finding=lambda state, one: told_of.append(f"{state.configuration.name} {one.step}"),
        on_status=lambda state: told_of.append(state.status.value),
        clock=lambda: 7.0,
    )
    engine.look(step(number, told("a", mean=1.0)) for number in range(3))
    engine.finish()
    assert told_of == ["mine 1", "IssuesFound", "mine 2"]
    assert engine.states[0].changed_at == 7.0


RULES = (
    of("vanishing_gradient"),
    of("exploding_tensor"),
    of("loss_not_decreasing", num_steps="2"),
    of("tensor_variance", max_threshold="3", collection_names="weights"),
    of("dead_relu"),
)


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two workers, twelve steps; gradients vanish, a weight explodes, the loss does not fall."""
    folder = tmp_path_factory.mktemp("sick")
    for worker in ("worker_0", "worker_1"):
        names = {"gradients": ["gradient/w"], "weights": ["w"], "losses": ["loss"]}
        save_collections(folder, names, worker=worker, workers=2)
        for number in range(12):
            saved = {
                f"{REDUCTIONS}abs_mean/gradient/w": 10.0 ** -(number + 1),
                "w": [1.0, float("nan") if number == 9 else 2.0 * number],
                "loss": [2.0 if number % 5 else 3.0],
            }
            save_step(folder, number, saved, worker=worker)
    end(folder)
    return folder


def outcome(states: list[RuleState]) -> list[tuple[str, str, list[str]]]:
    return [
        (state.status.value, state.details, [repr(one) for one in state.findings])
        for state in states
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_run_is_judged_alike_live_and_afterwards(sick: Path, tmp_path: Path, seed: int) -> None:
    """Files come in random portions, their first halves sometimes before they are whole."""
    dice = random.Random(seed)
    run = Run(tmp_path / "run")
    engine = Engine([(each, make(each)) for each in RULES])
    shutil.copytree(sick / "collections", run.folder / "collections")
    files = sorted(
        (path for path in sick.rglob("*") if path.suffix in {".json", ".tfevents"}),
        key=lambda path: (path.name, path.suffix == ".json"),
    )
    for path in files:
        target = run.folder / path.relative_to(sick)
        target.parent.mkdir(parents=True, exist_ok=True)
        if dice.random() < 0.3:
            target.write_bytes(path.read_bytes()[: dice.randrange(path.stat().st_size)])
            run.refresh()
            engine.look(run.fresh())
        target.write_bytes(path.read_bytes())
        if dice.random() < 0.5:
            run.refresh()
            engine.look(run.fresh())
    end(run.folder)
    run.refresh()
    engine.look(run.fresh())
    engine.finish()
    afterwards = outcome(evaluate(Run(sick), RULES))
    assert outcome(engine.states) == afterwards
    assert [status for status, *_ in afterwards][:3] == ["IssuesFound"] * 3
    assert afterwards[-1][0] == "Error"
