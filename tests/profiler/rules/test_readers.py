import numpy as np
import pytest

from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.rules.readers import Dataloader, LoaderStarvesModel, SlowDisk
from tests.profiler.rules.runs import findings, reads, run, steps


def _run(wait_ms: float, batches: Table | None = None, **facts: object) -> Stretch:
    whole = steps(20 + wait_ms, 100, data=wait_ms, forward=10, backward=10)
    return run(whole, reads=batches, facts=facts)


def test_one_worker_on_many_cores_is_too_few_and_the_finding_says_how_many_are_enough() -> None:
    (finding,) = findings(Dataloader(), _run(21, reads(100), workers=1, cores=8))
    assert (finding.value, finding.threshold) == (12.5, 70)
    assert "workers=2" in finding.advice
    assert "21.0 ms of each 41.0 ms step" in finding.meaning


def test_more_than_twice_the_cores_is_too_many() -> None:
    batches = reads(100, worker=np.arange(100) % 10)
    (finding,) = findings(Dataloader(), _run(0, batches, workers=10, cores=4))
    assert (finding.value, finding.threshold) == (250, 200)
    assert "workers=4" in finding.advice


@pytest.mark.parametrize("readers", [3, 8])
def test_about_as_many_readers_as_cores_are_well(readers: int) -> None:
    batches = reads(100, worker=np.arange(100) % readers)
    assert findings(Dataloader(), _run(20, batches, workers=readers, cores=4)) == []


def test_threads_that_read_count_as_readers() -> None:
    batches = reads(100, worker=-1, threads=4)
    assert findings(Dataloader(), _run(20, batches)) == []
    (finding,) = findings(Dataloader(), _run(20, reads(100, worker=-1)))
    assert "4 threads" in finding.advice


def test_the_readers_of_all_processes_of_a_host_count_together() -> None:
    two = {f"algo-1-{rank}": steps(30, 50, data=10) for rank in range(2)}
    assert findings(Dataloader(), run(two, facts={"workers": 2})) == []
    assert findings(Dataloader(), run(two, facts={"workers": 1}))


def test_few_readers_that_are_never_waited_for_are_no_fault_to_the_standard_set() -> None:
    easy = _run(1, reads(100), workers=1)
    assert findings(Dataloader(), easy)
    assert findings(Dataloader.from_strings({"min_data_wait": "10"}), easy) == []


def test_a_model_that_waits_for_pictures_is_starved_and_told_what_to_set() -> None:
    (finding,) = findings(LoaderStarvesModel(), _run(31, reads(100, took_ms=51), workers=1))
    assert finding.value == pytest.approx(100 * 31 / 51)
    assert finding.found == (
        "algo-1-0 waits for pictures 31.0 ms of each 51.0 ms step, 61 % of it."
    )
    assert "workers=3" in finding.advice
    assert findings(LoaderStarvesModel(), _run(6, reads(100))) == []


def test_the_first_steps_in_which_readers_start_are_no_starving() -> None:
    took_ms, wait_ms = np.full(60, 20.0), np.zeros(60)
    took_ms[:2], wait_ms[:2] = 5000, 4990
    assert findings(LoaderStarvesModel(), run(steps(took_ms, data=wait_ms))) == []


def test_a_few_steps_are_not_judged() -> None:
    rule = LoaderStarvesModel()
    assert findings(rule, run(steps(30, 11, data=29))) == []
    assert rule.details()["Details"]["workers"]["algo-1-0"]["wait_share"] is None


def test_cores_that_all_read_already_get_another_advice() -> None:
    batches = reads(100, worker=-1, threads=4)
    (finding,) = findings(LoaderStarvesModel(), _run(20, batches))
    assert "workers=" not in finding.advice


def test_files_that_take_longer_than_decoding_are_a_slow_disk() -> None:
    slow = _run(20, reads(100, fetch_ms=32, decode_ms=8), workers=1)
    (finding,) = findings(SlowDisk(), slow)
    assert (finding.value, finding.threshold) == (80, 50)
    assert "SlowDisk" in findings(LoaderStarvesModel(), slow)[0].advice


def test_a_slow_disk_that_is_fast_enough_does_no_harm() -> None:
    assert findings(SlowDisk(), _run(1, reads(100, fetch_ms=32, decode_ms=8))) == []


def test_decoding_that_takes_long_is_not_the_disk() -> None:
    assert findings(SlowDisk(), _run(20, reads(100, fetch_ms=8, decode_ms=32))) == []


def test_the_times_of_reading_are_those_of_numpy() -> None:
    took_ms = np.random.default_rng(1).gamma(2, 20, 100)
    rule = Dataloader()
    findings(rule, _run(20, reads(100, took_ms=took_ms)))
    told = rule.details()["Details"]["nodes"]["algo-1"]
    assert told["cores"] == 4
    assert told["dataloading_time"]["p95"] == np.percentile(took_ms, 95)
    assert told["dataloading_time"]["p25"] == np.percentile(took_ms, 25)
    assert sum(told["dataloading_time"]["probs"]) == 100
