import numpy as np
import pytest

from imageclf.profiler.rules.balance import LoadBalancing
from tests.profiler.rules.gpu_runs import findings, run, sampled, series

SHORT = {"patience": "80"}


def test_gpus_that_share_the_work_are_balanced() -> None:
    assert findings(LoadBalancing.from_strings(SHORT), run(series("eight_balanced"))) == []


def test_a_gpu_that_does_more_than_the_others_is_told_once_against_all_of_them() -> None:
    (finding,) = findings(LoadBalancing.from_strings(SHORT), run(series("eight_unbalanced")))
    assert finding.tensor == "GPU 0 of algo-1"
    assert finding.value > 0.9
    assert "GPU 0 of algo-1 did other work than 7 others: 97 %" in finding.found
    assert "Others have less to do" in finding.meaning


@pytest.mark.parametrize("name", ["one_low", "one_pauses"])
def test_a_gpu_that_reads_low_is_told_to_hold_up_the_others_which_wait_at_full_use(
    name: str,
) -> None:
    rule = LoadBalancing.from_strings(SHORT)
    (finding,) = findings(rule, run(series(name)))
    assert finding.tensor == "GPU 0 of algo-1"
    assert "did other work than 7 others" in finding.found
    assert "A GPU that reads low holds up the others" in finding.meaning
    assert "LongCheckpoints" in finding.advice
    assert rule.violations > len(finding.details["distances"]), "all pairs are counted"


def test_a_program_is_told_each_pair_and_the_mean_of_each_gpu() -> None:
    rule = LoadBalancing.from_strings(SHORT)
    (finding,) = findings(rule, run(series("one_low")))
    told = finding.details
    assert (told["host"], told["odd"], told["others"]) == ("algo-1", [0], list(range(1, 8)))
    assert [one["gpus"] for one in told["distances"]] == [[0, other] for other in range(1, 8)]
    assert finding.value == max(one["distance"] for one in told["distances"])
    first = series("one_low")["gpu0_utilization"][:80]
    assert told["means"]["gpu0"] == first.mean()
    assert rule.details()["odd"] == {"algo-1": {"gpu0": 7}}


def test_two_gpus_that_differ_are_told_together() -> None:
    of_two = {name: {"gpu": number} for number, name in enumerate(("algo-1-0", "algo-1-1"))}
    whole = run(series("one_low"), workers=of_two)
    (finding,) = findings(LoadBalancing.from_strings(SHORT), whole)
    assert finding.tensor == "GPUs 0 and 1 of algo-1"
    assert "GPU 0 and GPU 1 of algo-1 did unequal work: 7 % and 100 %" in finding.found


def test_one_pair_of_many_gpus_is_told_by_the_one_that_is_used_less() -> None:
    turn = np.arange(200) % 4
    first = np.where(turn < 2, 45.0, 75.0)
    second = np.where(turn < 2, 95.0, 75.0)
    between = np.where(turn == 0, 45.0, np.where(turn == 1, 95.0, 75.0))
    gpus = [between, second, between, first]
    system = sampled({f"gpu{number}_utilization": one for number, one in enumerate(gpus)})
    rule = LoadBalancing.from_strings({**SHORT, "threshold": "0.4"})
    (finding,) = findings(rule, run(system))
    assert finding.tensor == "GPU 3 of algo-1"
    assert "GPU 3 of algo-1 did other work than GPU 1: 60 %" in finding.found
    assert finding.details["distances"] == [{"gpus": [1, 3], "distance": 0.5}]


def test_a_gpu_that_no_process_may_use_is_called_idle_and_not_slow() -> None:
    (finding,) = findings(LoadBalancing.from_strings(SHORT), run(series("one_unused")))
    assert "is used by no process" in finding.meaning


def test_an_odd_gpu_that_comes_later_is_told_too() -> None:
    busy = np.full(400, 97.0)
    low = np.where(np.arange(400) < 200, 97.0, 30.0)
    gpus = [np.full(400, 40.0), busy, busy, low, busy]
    system = sampled({f"gpu{number}_utilization": one for number, one in enumerate(gpus)})
    found = findings(LoadBalancing.from_strings(SHORT), run(system))
    assert [finding.details["odd"] for finding in found] == [[0], [3]]


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
