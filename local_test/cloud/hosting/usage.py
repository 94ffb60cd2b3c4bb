"""CloudWatch's figures of invocations, gathered in memory and written together."""

import threading
import time
from collections import Counter

from local_test.cloud.metric_data import Datum, MetricData

NAMESPACE = "AWS/SageMaker"


class Usage:
    """Figures that were not written yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures: list[Datum] = []
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def note(
        self,
        endpoint: str,
        variant: str,
        *,
        instances: int,
        status: int,
        model_s: float,
        overhead_s: float,
    ) -> None:
        """One invocation: the container's status, its time and ours, in seconds."""
        about = {"EndpointName": endpoint, "VariantName": variant}
        at_s = time.time()
        figures = {
            "ModelLatency": model_s * 1e6,
            "OverheadLatency": overhead_s * 1e6,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500),
        }
        new = [Datum(0, NAMESPACE, name, about, at_s, value) for name, value in figures.items()]
        with self._lock:
            self._figures += new
            self._counts[endpoint, variant, instances] += 1

    def add(self, endpoint: str, variant: str, name: str, value: float) -> None:
        """One figure more about a variant."""
        about = {"EndpointName": endpoint, "VariantName": variant}
        with self._lock:
            self._figures.append(Datum(0, NAMESPACE, name, about, time.time(), value))

    def write(self, metrics: MetricData) -> None:
        """Write what came since the last time."""
        with self._lock:
            figures, self._figures = self._figures, []
            counts, self._counts = self._counts, Counter()
        at_s = time.time()
        for (endpoint, variant, instances), count in counts.items():
            about = {"EndpointName": endpoint, "VariantName": variant}
            for name, value in (
                ("Invocations", count),
                ("InvocationsPerInstance", count / instances),
            ):
                figures.append(Datum(0, NAMESPACE, name, about, at_s, value))
        if figures:
            metrics.put_all(figures)
