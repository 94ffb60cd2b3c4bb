"""Overfit and Overtraining: losses of training and of validation, held against each other."""

from collections.abc import Sequence

import pytest

from imageclf.debugger.rules.overfitting import Overfit, Overtraining
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.rules.finding import Finding
from tests.debugger.rules.steps import as_statistics, findings, raw, step

LOSS = "CrossEntropyLoss_output_0"


def epochs(
    *pairs: tuple[float, float], a_pass: Sequence[float] = (0.0,), steps: int = 4
) -> list[SavedStep]:
    """Epochs of `steps` training losses, and a validation pass of a step for each in `a_pass`."""
    run: list[SavedStep] = []
    for training, validation in pairs:
        for apart in (-0.1, 0.1) * (steps // 2):
            run.append(step(len(run), raw(LOSS, training + apart, "losses")))
        for apart in a_pass:
            run.append(step(len(run), raw(LOSS, validation + apart, "losses"), mode=Mode.EVAL))
    return run


def overfit(run: list[SavedStep], **given: str) -> list[Finding]:
    return findings(Overfit.from_strings(given), run)


def overtrained(run: list[SavedStep], **given: str) -> list[Finding]:
    return findings(Overtraining.from_strings(given), run)


@pytest.mark.parametrize(("validation", "ill"), [(1.09, False), (1.11, True)])
def test_overfit_fires_above_a_tenth_of_the_training_loss(validation: float, ill: bool) -> None:
    assert bool(overfit(epochs((1.0, validation)))) is ill


def test_each_pass_is_compared_with_the_training_since_the_one_before() -> None:
    (found,) = overfit(epochs((2.0, 2.0), (1.0, 1.5)))
    assert (found.step, found.mode) == (9, "EVAL")
    assert found.value == pytest.approx(0.5, abs=1e-6)
    assert found.details == pytest.approx({"training_loss": 1.0, "validation_loss": 1.5})


def test_patience_counts_passes_in_a_row() -> None:
    ill, well = (1.0, 2.0), (1.0, 1.0)
    assert not overfit(epochs(ill, well, ill, well, ill), patience="2")
    assert [each.step for each in overfit(epochs(ill, ill, ill), patience="3")] == [14]


def test_overfit_is_told_once_for_as_long_as_it_lasts() -> None:
    ill, well = (1.0, 2.0), (1.0, 1.0)
    assert [each.step for each in overfit(epochs(ill, ill, ill, well, ill))] == [4, 24]


def test_steps_before_the_start_step_do_not_count() -> None:
    run = epochs((1.0, 2.0), (1.0, 1.0), (1.0, 2.0))
    assert [each.step for each in overfit(run, start_step="5")] == [14]


def test_a_pass_of_many_steps_counts_once_with_its_mean() -> None:
    run = epochs((1.0, 1.05), (1.0, 1.05), a_pass=(-0.5, 0.0, 0.5))
    assert not overfit(run)
    run = epochs((1.0, 1.5), (1.0, 1.5), a_pass=(-0.5, 0.0, 0.5))
    assert [each.step for each in overfit(run, patience="2")] == [13]


def test_a_validation_before_any_training_is_compared_with_nothing() -> None:
    before = [step(0, raw(LOSS, 9.0, "losses"), mode=Mode.EVAL)]
    assert not overfit([*before, step(1, raw(LOSS, 1.0, "losses"))])


@pytest.mark.parametrize("rule", [Overfit, Overtraining])
def test_a_run_without_validation_cannot_be_judged(
    rule: type[Overfit] | type[Overtraining],
) -> None:
    judged = rule()
    assert not findings(judged, epochs((1.0, 1.0), a_pass=()))
    assert judged.looked == 0
    assert "mode EVAL" in judged.missing()


@pytest.mark.parametrize("rule", [Overfit, Overtraining])
def test_findings_are_equal_where_only_means_were_saved(
    rule: type[Overfit] | type[Overtraining],
) -> None:
    run = epochs(*[(1.0, 2.0)] * 12)
    told = as_statistics(run, {"losses": frozenset({"mean"})})
    assert findings(rule(), run)
    assert findings(rule(), told) == findings(rule(), run)


def test_overfit_takes_the_losses_that_a_pattern_finds() -> None:
    run = []
    for number, mode in enumerate([Mode.TRAIN, Mode.EVAL]):
        values = raw("loss", 1.0 + number), raw("other", 1.0)
        run.append(step(number, *values, mode=mode))
    assert overfit(run, tensor_regex="^loss")
    assert not overfit(run, tensor_regex="^other")


def test_overtraining_needs_both_losses_to_stand_still() -> None:
    falling = [(3.0 - epoch / 10, 1.0) for epoch in range(14)]
    assert not overtrained(epochs(*falling))
    still = [(1.0, 1.0)] * 14
    (found,) = overtrained(epochs(*still))
    assert found.step == 5 * 11 - 1  # the tenth pass after the best, which was the first
    assert found.details == {"best_validation_step": 4, "best_training_step": 0}


@pytest.mark.parametrize(("passes", "ill"), [(10, False), (11, True)])
def test_overtraining_waits_for_ten_passes_without_an_improvement(passes: int, ill: bool) -> None:
    assert bool(overtrained(epochs(*[(1.0, 1.0)] * passes))) is ill


@pytest.mark.parametrize(("improvement", "ill"), [(0.009, True), (0.011, False)])
def test_an_improvement_is_one_of_a_hundredth(improvement: float, ill: bool) -> None:
    pairs = [(1.0, 1.0)] * 6 + [(1.0, 1.0 - improvement)] * 5
    assert bool(overtrained(epochs(*pairs))) is ill


def test_overtraining_is_told_again_after_an_improvement() -> None:
    still, better = [(1.0, 1.0)] * 12, [(1.0, 0.5)] * 12
    assert len(overtrained(epochs(*still, *better))) == 2
