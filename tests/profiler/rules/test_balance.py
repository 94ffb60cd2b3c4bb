import numpy as np
import pytest

from imageclf.profiler.rules.balance import LoadBalancing
from tests.profiler.rules.gpu_runs import findings, run, sampled, series

SHORT = {"patience": "80"}


def test_gpus_that_share_the_work_are_balanced() -> None:
    assert findings(LoadBalancing.from_strings(SHORT), run(series("eight_balanced"))) == []


def test_a_gpu_that_does_more_than_the_others_is_told_against_each_of_them() -> None:
    found = findings(LoadBalancing.from_strings(SHORT), run(series("eight_unbalanced")))
    assert {finding.tensor for finding in found} == {
        f"GPUs 0 and {number} of algo-1" for number in range(1, 8)
    }
    assert all(finding.value > 0.9 for finding in found)


def test_a_gpu_that_the_training_does_not_use_is_no_part_of_the_balance() -> None:
    whole = run(
        series("eight_unbalanced"),
        workers={"algo-1-0": {"gpu": 0}, "algo-1-1": {"gpu": 3}},
    )
    (finding,) = findings(LoadBalancing.from_strings(SHORT), whole)
    assert finding.tensor == "GPUs 0 and 3 of algo-1"


def test_gpus_on_both_sides_of_an_edge_of_bins_are_alike() -> None:
    draw = np.random.default_rng(1)
    system = sampled(
        {
            "gpu0_utilization": draw.normal(88, 0.5, 400),
            "gpu1_utilization": draw.normal(92, 0.5, 400),
        }
    )
    assert findings(LoadBalancing.from_strings(SHORT), run(system)) == []


@pytest.mark.parametrize("name", ["healthy_a100", "eight_unbalanced"])
def test_one_gpu_cannot_be_balanced_and_the_rule_says_so(name: str) -> None:
    rule = LoadBalancing.from_strings(SHORT)
    assert findings(rule, run(series(name), workers={"algo-1-0": {"gpu": 0}})) == []
    assert rule.looked == 0
    assert rule.missing() == "On no host more than one GPU was used: not evaluated."


def test_the_histograms_are_numpys_of_the_raw_series() -> None:
    rule = LoadBalancing.from_strings(SHORT)
    findings(rule, run(series("eight_unbalanced")))
    told = rule.details()
    for number in range(8):
        raw = series("eight_unbalanced")[f"gpu{number}_utilization"]
        counts = np.histogram(raw, 10, (0, 100))[0]
        assert told["histograms"]["algo-1"][f"gpu{number}"] == (counts / len(raw)).tolist()
    distances = np.asarray(told["distances"]["algo-1"])
    assert distances.shape == (8, 8)
    assert (distances == distances.T).all()
    assert distances[0, 1] > 0.9
    assert distances[1, 2] < 0.3
