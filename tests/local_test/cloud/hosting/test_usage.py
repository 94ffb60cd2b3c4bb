from pathlib import Path

from local_test.cloud.hosting.usage import Usage
from local_test.cloud.metric_data import MetricData


def test_invocations_are_summed_and_times_and_errors_kept_one_by_one(tmp_path: Path) -> None:
    usage, metrics = Usage(), MetricData(tmp_path / "metrics.sqlite")
    for status in (200, 404, 500):
        usage.note("e", "v", instances=2, status=status, model_s=0.5, overhead_s=0.001)
    usage.add("e", "v", "ModelCacheHit", 1.0)
    usage.write(metrics)
    usage.write(metrics)
    values: dict[str, list[float]] = {}
    for datum in metrics.since(0):
        assert datum.namespace == "AWS/SageMaker"
        assert datum.dimensions == {"EndpointName": "e", "VariantName": "v"}
        values.setdefault(datum.name, []).append(datum.value)
    assert values == {
        "Invocations": [3.0],
        "InvocationsPerInstance": [1.5],
        "ModelLatency": [500_000.0] * 3,
        "OverheadLatency": [1000.0] * 3,
        "Invocation4XXErrors": [0.0, 1.0, 0.0],
        "Invocation5XXErrors": [0.0, 0.0, 1.0],
        "ModelCacheHit": [1.0],
    }
