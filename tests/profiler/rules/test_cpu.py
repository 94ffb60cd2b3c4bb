import numpy as np

from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules.cpu import CoresIdle, Throttling
from tests.profiler.rules.runs import findings, run, samples, steps


def _run(wait_ms: float = 5, *, throttled: float = 0.0, own_cpu: float = 100.0, cpu: float = 25.0,
         **facts: object) -> Stretch:  # fmt: skip
    cores = {f"cpu{number}": cpu for number in range(4)}
    system = samples(80, cpu=cpu, own_cpu=own_cpu, throttled=throttled, **cores)
    return run(steps(100, 380, data=wait_ms), system=system, facts=facts)


def test_one_thread_on_four_cores_leaves_three_idle() -> None:
    (finding,) = findings(CoresIdle(), _run(threads=1))
    assert (finding.value, finding.threshold) == (25, 60)
    assert "1 threads compute on 4 cores" in finding.advice


def test_small_layers_need_a_larger_batch_where_all_threads_compute_already() -> None:
    (finding,) = findings(CoresIdle(), _run(threads=4))
    assert "batch-size" in finding.advice


def test_cores_that_work_are_not_idle_whoever_uses_them() -> None:
    assert findings(CoresIdle(), _run(own_cpu=380, cpu=95)) == []
    assert findings(CoresIdle(), _run(own_cpu=100, cpu=95)) == []


def test_a_container_with_one_core_of_four_is_judged_by_its_own() -> None:
    assert findings(CoresIdle(), _run(own_cpu=95, cores=1, threads=1)) == []


def test_idle_cores_have_other_names_when_the_model_waits_or_is_held_back() -> None:
    assert findings(CoresIdle(), _run(wait_ms=50)) == []
    assert findings(CoresIdle(), _run(throttled=40)) == []


def test_cores_beside_a_gpu_are_not_judged() -> None:
    rule = CoresIdle()
    assert findings(rule, _run(device="cuda")) == []
    assert rule.looked == 0
    assert rule.missing() == "A GPU computes the model: not evaluated."


def test_a_container_that_is_kept_from_its_cores_is_throttled() -> None:
    (finding,) = findings(Throttling(), _run(throttled=35))
    assert finding.value == 35
    assert findings(Throttling(), _run(throttled=4)) == []


def test_without_a_limit_throttling_is_not_evaluated() -> None:
    rule = Throttling()
    assert findings(rule, _run(throttled=np.nan)) == []
    assert rule.looked == 0
    assert rule.missing().endswith("not evaluated.")
