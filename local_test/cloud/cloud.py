"""What every part of the local cloud works with: settings, and the state on disk."""

from dataclasses import dataclass

from local_test.cloud.logs import Logs
from local_test.cloud.metric_data import MetricData
from local_test.cloud.objects.store import Objects
from local_test.cloud.settings import CloudSettings
from local_test.cloud.store import Store


@dataclass(frozen=True)
class Cloud:
    """The state under one root; may be opened by several processes at once, used by any thread."""

    settings: CloudSettings
    store: Store
    objects: Objects
    logs: Logs
    metrics: MetricData

    @classmethod
    def open(cls, settings: CloudSettings) -> "Cloud":
        """The state at `settings.root`, which is made when it is not there."""
        root = settings.root
        root.mkdir(parents=True, exist_ok=True)
        return cls(
            settings,
            Store(root),
            Objects(root / "s3"),
            Logs(root / "logs.sqlite"),
            MetricData(root / "metrics.sqlite"),
        )
