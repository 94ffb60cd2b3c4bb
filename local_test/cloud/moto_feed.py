"""What jobs and servers said and measured, brought into moto's CloudWatch from the disk.

moto then answers GetLogEvents, FilterLogEvents, GetMetricStatistics and the rest as it always does,
also after a restart. Only what came since the last time is read, so this may be called before every
request.
"""

import threading
from datetime import UTC, datetime
from itertools import groupby

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.logs.models import LogsBackend, logs_backends

from local_test.cloud.cloud import Cloud
from local_test.cloud.logs import Event
from local_test.cloud.metric_data import Datum
from local_test.cloud.settings import ACCOUNT


class Feed:
    """From the disk of `cloud` into the memory of moto, region by region."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._last_event: dict[str, int] = {}
        self._last_datum: dict[str, int] = {}

    def logs(self, region: str) -> None:
        """Bring CloudWatch Logs of `region` up to date."""
        backend = logs_backends[ACCOUNT][region]
        with self._lock:
            while events := self._cloud.logs.since(self._last_event.get(region, 0)):
                _add_events(backend, events)
                self._last_event[region] = events[-1].id

    def metrics(self, region: str) -> None:
        """Bring CloudWatch's metrics of `region` up to date."""
        backend = cloudwatch_backends[ACCOUNT][region]
        with self._lock:
            while data := self._cloud.metrics.since(self._last_datum.get(region, 0)):
                backend.metric_data.extend(_datum(one) for one in data)
                self._last_datum[region] = data[-1].id


def _add_events(backend: LogsBackend, events: list[Event]) -> None:
    for (group, stream), some in groupby(events, key=lambda event: (event.group, event.stream)):
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        backend.groups[group].put_log_events(
            stream, [{"timestamp": one.at_ms, "message": one.message} for one in some]
        )


def _datum(datum: Datum) -> MetricDatum:
    return MetricDatum(
        namespace=datum.namespace,
        name=datum.name,
        value=datum.value,
        dimensions=[{"Name": name, "Value": value} for name, value in datum.dimensions.items()],
        timestamp=datetime.fromtimestamp(datum.at_s, UTC).replace(tzinfo=None),
    )
