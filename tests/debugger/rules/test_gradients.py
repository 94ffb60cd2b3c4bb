import pytest

from imageclf.debugger.names import GRADIENTS
from imageclf.debugger.rules.gradients import VanishingGradient
from tests.debugger.rules.steps import findings, raw, step, told


def test_a_gradient_below_the_threshold_is_found_with_its_figures() -> None:
    steps = [step(7, raw("gradient/conv.weight", [[1e-9, -3e-9]], GRADIENTS))]

    (found,) = findings(VanishingGradient(), steps)

    assert (found.step, found.mode, found.tensor) == (7, "TRAIN", "gradient/conv.weight")
    assert found.value == pytest.approx(2e-9)
    assert found.threshold == 1e-7
    assert "2e-09 at step 7, below 1e-07" in found.found


@pytest.mark.parametrize(("mean", "number"), [(0.0, 1), (0.0999, 1), (0.1, 0), (0.1001, 0)])
def test_only_what_is_below_the_threshold_vanishes(mean: float, number: int) -> None:
    rule = VanishingGradient.from_strings({"threshold": "0.1"})
    tensor = told("gradient/w", GRADIENTS)
    tensor.saved_statistics["abs_mean"] = mean  # type: ignore[index]

    assert len(findings(rule, [step(0, tensor)])) == number
    assert rule.looked == 1


def test_a_gradient_that_stays_away_is_told_again_only_after_it_was_well() -> None:
    sizes = [0, 0, 0, 1, 0, 0]

    found = findings(
        VanishingGradient(),
        [step(n, told("gradient/w", GRADIENTS, abs_mean=size)) for n, size in enumerate(sizes)],
    )

    assert [one.step for one in found] == [0, 4]


def test_each_layer_that_vanishes_is_a_finding_of_its_own() -> None:
    tensors = [told(f"gradient/{n}.weight", GRADIENTS, abs_mean=0) for n in range(50)]

    assert len(findings(VanishingGradient(), [step(0, *tensors)])) == 50


def test_a_bias_before_a_normalisation_has_no_gradient_and_that_is_no_fault() -> None:
    weight = told("gradient/conv.weight", GRADIENTS, abs_mean=1e-3)
    vanished = told("gradient/conv.weight", GRADIENTS, abs_mean=1e-9)
    bias = told("gradient/conv.bias", GRADIENTS, abs_mean=1e-10)

    assert not findings(VanishingGradient(), [step(0, weight, bias)])
    assert len(findings(VanishingGradient(), [step(0, vanished, bias)])) == 2


def test_each_worker_is_judged_for_itself() -> None:
    well = told("gradient/w", GRADIENTS, abs_mean=1, worker="worker_0")
    ill = told("gradient/w", GRADIENTS, abs_mean=0, worker="worker_1")

    (found,) = findings(VanishingGradient(), [step(0, well, ill), step(1, well, ill)])

    assert found.worker == "worker_1"


def test_sums_that_smdebug_saved_serve_as_well_as_means() -> None:
    tensor = told("gradient/w", GRADIENTS, l1=4e-7)
    known = type(tensor)(
        tensor.name, tensor.collections, shape=(10,), saved_statistics=tensor.saved_statistics
    )

    assert findings(VanishingGradient(), [step(0, known)])[0].value == pytest.approx(4e-8)


def test_nothing_to_judge_is_told_and_not_taken_for_health() -> None:
    rule = VanishingGradient()

    assert not findings(rule, [step(0, raw("fc.weight", [1.0], "weights"))])
    assert rule.looked == 0
    assert "needs gradients" in rule.missing()
