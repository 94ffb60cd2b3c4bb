"""LossNotDecreasing: a loss that stands still or rises."""

from collections.abc import Mapping

import pytest

from imageclf.debugger.rules.decreasing import LossNotDecreasing
from imageclf.debugger.rules.overfitting import Overfit
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.errors import SettingsError
from tests.debugger.rules.steps import as_statistics, findings, raw, step

LOSS = "CrossEntropyLoss_output_0"


def run(losses: Mapping[int, float], mode: Mode = Mode.TRAIN) -> list[SavedStep]:
    return [step(number, raw(LOSS, loss, "losses"), mode=mode) for number, loss in losses.items()]


def rule(**given: str) -> LossNotDecreasing:
    return LossNotDecreasing.from_strings(given)


@pytest.mark.parametrize(
    ("after", "ill"),
    [(0.9995, True), (0.9985, False), (1.0, True), (1.04, False), (1.06, True)],
)
def test_a_fall_must_reach_a_thousandth_and_a_rise_is_borne_up_to_a_twentieth(
    after: float, ill: bool
) -> None:
    assert bool(findings(rule(), run({0: 1.0, 10: after}))) is ill


def test_a_loss_is_compared_with_the_last_one_saved_at_least_ten_steps_before() -> None:
    losses = {number: 1.0 - number / 100 for number in range(9, 40, 3)}
    found = findings(rule(diff_percent="20"), run(losses))
    assert [(each.step, each.details["compared_with"]) for each in found] == [(21, 9)]
    assert found[0].value == pytest.approx(100 * 0.12 / 0.91, abs=1e-3)
    checks = rule()
    findings(checks, run(losses))
    assert checks.looked == 2  # at 21 and 33, as in the guide's example


def test_what_lasts_is_told_once_and_again_after_it_was_well() -> None:
    losses = {0: 1.0, 10: 1.0, 20: 1.0, 30: 0.5, 40: 0.5}
    assert [each.step for each in findings(rule(), run(losses))] == [10, 40]


def test_figures_are_those_of_the_loss() -> None:
    (found,) = findings(rule(), run({0: 2.0, 10: 2.5}))
    assert (found.tensor, found.step, found.value, found.threshold) == (LOSS, 10, 25.0, 5.0)
    assert "from 2 to 2.5" in found.found
    assert "25 %" in found.found


def test_a_loss_that_is_no_number_any_more_has_not_fallen() -> None:
    (found,) = findings(rule(), run({0: 2.0, 10: float("nan"), 20: float("nan")}))
    assert found.step == 10
    assert "from 2 to nan" in found.found


def test_a_loss_of_zero_cannot_fall_further() -> None:
    assert not findings(rule(), run({0: 0.0, 10: 0.0}))


def test_only_the_mode_that_was_asked_for_is_judged_in_its_own_steps() -> None:
    steps = []
    for epoch in range(4):
        steps += run({14 * epoch + each: 1.0 for each in range(13)})
        validation = step(14 * epoch + 13, raw(LOSS, 0.5**epoch, "losses"), mode=Mode.EVAL)
        steps.append(SavedStep(14 * epoch + 13, Mode.EVAL, epoch, 0.0, validation.tensors))
    given = {"num_steps": "2"}
    assert not findings(rule(mode="EVAL", **given), steps)
    assert findings(rule(mode="TRAIN", **given), steps)


def test_losses_saved_as_one_value_a_picture_count_with_their_mean() -> None:
    steps = [step(n, raw(LOSS, [1.0, 3.0 + n / 100], "losses")) for n in (0, 10)]
    (found,) = findings(rule(increase_threshold_percent="1"), steps)
    assert found.value == pytest.approx(2.5)


def test_workers_are_judged_by_the_mean_of_their_losses() -> None:
    def both(number: int, first: float, second: float) -> SavedStep:
        mine = raw(LOSS, first, "losses", worker="worker_0")
        return step(number, mine, raw(LOSS, second, "losses", worker="worker_1"))

    assert not findings(rule(), [both(0, 1.0, 2.0), both(10, 1.1, 1.7)])
    assert findings(rule(), [both(0, 1.0, 2.0), both(10, 1.1, 1.9)])


def test_the_mean_of_a_loss_does_where_its_value_was_not_saved() -> None:
    steps = run({0: 1.0, 10: 1.2})
    told = as_statistics(steps, {"losses": frozenset({"mean"})})
    assert findings(rule(), told) == findings(rule(), steps)


def test_a_pattern_finds_single_numbers_only() -> None:
    steps = [
        step(n, raw("val_loss", 1.0), raw("loss_conv.weight", [1.0, 1.0])) for n in range(0, 20, 10)
    ]
    found = findings(rule(tensor_regex=".*loss.*", use_losses_collection="False"), steps)
    assert [each.tensor for each in found] == ["val_loss"]


def test_a_pattern_that_finds_everything_has_no_more_saved_than_losses() -> None:
    assert rule(tensor_regex=".*").needs() == {"losses": {"raw"}}
    assert Overfit.from_strings({"tensor_regex": ".*"}).needs() == {"losses": {"raw"}}


def test_a_run_without_losses_is_no_pass_but_too_few_steps_are() -> None:
    without = rule()
    findings(without, [step(0, raw("conv.weight", [1.0], "weights"))])
    assert (without.looked, bool(without.missing())) == (0, True)
    short = rule()
    findings(short, run({0: 1.0, 5: 1.0}))
    assert (short.looked, short.missing()) == (0, "")


@pytest.mark.parametrize("given", [{"mode": "TEST"}, {"diff_percent": "0"}, {"num_steps": "0"}])
def test_a_parameter_out_of_its_documented_bounds_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(given))):
        rule(**given)
