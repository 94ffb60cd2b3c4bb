import json

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.rules.usage import OverallFrameworkMetrics, OverallSystemUsage
from tests.profiler.rules.runs import HOST, WORKER, findings, reads, run, samples, steps, table


def test_each_resource_of_each_host_has_the_percentiles_of_its_raw_series() -> None:
    random = np.random.default_rng(1)
    cpu, memory = random.uniform(0, 100, 500), random.uniform(20, 30, 500)
    net = random.gamma(2, 3, 500)
    rule = OverallSystemUsage()
    system = samples(500, cpu=cpu, memory=memory, net_in_mib_s=net, net_out_mib_s=1)
    assert findings(rule, run(steps(20, 50), system=system)) == []
    told = rule.details()["Details"]
    for name, series in (("CPU", cpu), ("CPU memory", memory), ("Network", net + 1)):
        assert told[name][HOST]["p99"] == pytest.approx(np.percentile(series, 99))
        assert told[name][HOST]["max"] == pytest.approx(series.max())
        assert told[name][HOST]["min"] == pytest.approx(series.min())
    assert "GPU" not in told


def test_several_gpus_are_their_mean_and_do_not_hide_the_memory_of_the_host() -> None:
    system = samples(
        10, memory=12, gpu0_utilization=80, gpu1_utilization=40, gpu0_memory=50, gpu1_memory=30
    )
    rule = OverallSystemUsage()
    findings(rule, run(steps(20, 50), system=system))
    told = rule.details()["Details"]
    means = [told[name][HOST]["p50"] for name in ("GPU", "GPU memory", "CPU memory")]
    assert means == [60, 40, 12]


def test_time_is_parted_into_training_evaluation_and_others() -> None:
    train = steps(100, 60, forward=30, backward=60, data=10)
    evaluation = steps(50, 40, begin_s=9, mode=names.EVAL, forward=50)
    both = table(
        np.concatenate([train.at_s, evaluation.at_s]),
        **{name: np.concatenate([train[name], evaluation[name]]) for name in train.columns},
    )
    rule = OverallFrameworkMetrics()
    assert findings(rule, run({WORKER: both}, reads=reads(60))) == []
    told = rule.details()["Details"]
    assert told["phase"] == pytest.approx({"TRAIN": 60, "EVAL": 20, "others": 20})
    assert told["forward_backward"] == pytest.approx(
        {"Forward pass": 100 / 3, "Backward pass": 200 / 3}
    )
    assert told["general"]["data"] == pytest.approx(10)
    assert told["images_per_s"] == pytest.approx(160)
    assert told["loading"]["shares"] == pytest.approx({"fetch": 5, "decode": 95})
    assert told["ratio"] == {}


def test_a_gpu_counts_by_its_own_times() -> None:
    whole = steps(
        100, 60, forward=1, backward=1, forward_device_ms=20, backward_device_ms=40,
        copy_device_ms=5, optimiser_device_ms=5,
    )  # fmt: skip
    rule = OverallFrameworkMetrics()
    findings(rule, run(whole))
    told = rule.details()["Details"]
    assert told["ratio"] == pytest.approx({"GPU": 70, "CPU": 30})
    assert told["forward_backward"]["Backward pass"] == pytest.approx(200 / 3)


@pytest.mark.parametrize("kind", [OverallSystemUsage, OverallFrameworkMetrics])
def test_their_figures_are_json_even_of_nothing(
    kind: type[OverallSystemUsage] | type[OverallFrameworkMetrics],
) -> None:
    assert json.dumps(kind().details(), allow_nan=False)
