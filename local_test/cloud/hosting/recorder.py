"""Captured exchanges, gathered in memory and stored together: one object for a few seconds."""

import logging
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import capture
from local_test.cloud.hosting.capture import Exchange, Sample
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, Objects
from local_test.cloud.operations import Document

AGE_S = 2.0
"""So old the first line of an object may get before it is stored."""

_log = logging.getLogger(__name__)


@dataclass
class _Batch:
    began_s: float = field(default_factory=time.time)
    lines: list[bytes] = field(default_factory=list)


class Recorder:
    """What is captured and not stored yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[tuple[str, str, str], _Batch] = {}
        self._samples: dict[tuple[str, str, int], Sample] = {}

    def note(self, endpoint: str, variant: str, config: Document, exchange: Exchange) -> None:
        """Capture an exchange, if `config`, a DataCaptureConfig, wants it."""
        if not config.get("EnableCapture", True):
            return
        percent = int(config["InitialSamplingPercentage"])
        with self._lock:
            sample = self._samples.setdefault((endpoint, variant, percent), Sample(percent))
            if not sample.take():
                return
        line = capture.line(exchange, config)
        with self._lock:
            place = (config["DestinationS3Uri"], endpoint, variant)
            self._batches.setdefault(place, _Batch()).lines.append(line)

    def store(self, objects: Objects, *, all_of_it: bool = False) -> None:
        """Store what is old enough; or everything.

        What cannot be stored is lost and said so in the log: requests do not wait for a bucket.
        """
        now = time.time()
        with self._lock:
            due = {
                place: batch
                for place, batch in self._batches.items()
                if all_of_it or now - batch.began_s >= AGE_S
            }
            for place in due:
                del self._batches[place]
        for (destination, endpoint, variant), batch in due.items():
            at = datetime.fromtimestamp(batch.began_s, UTC)
            name = f"{at:%M-%S-%f}"[:-3] + f"-{uuid.uuid4()}.jsonl"
            address = uri.join(destination, endpoint, variant, f"{at:%Y/%m/%d/%H}", name)
            try:
                bucket, key = uri.split(address)
                objects.put(bucket, key, b"".join(batch.lines), "application/x-ndjson")
            except (ApiError, NoSuchBucketError, OSError) as error:
                _log.warning("Captured data cannot be stored at %s: %s", address, error)
