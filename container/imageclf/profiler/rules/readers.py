"""Rules on what reads the pictures: too few or too many readers, waiting, a slow disk."""

import math
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.reading import Reading
from imageclf.profiler.rules.scanned import ScannedRule
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

_BINS = 100


class _ReadingRule(ScannedRule):
    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._reading = Reading()

    def take(self, stretch: Stretch) -> None:
        self.looked += self._reading.take(stretch)

    def _waits(self) -> dict[str, dict[str, float | None]]:
        """Figures on each process, for the report."""
        found = {}
        for worker in self._reading.workers:
            step_ms, wait_ms = self._reading.step_ms(worker)
            found[worker] = {
                "wait_share": _known(self._reading.wait_share(worker)),
                "step_ms": _known(step_ms),
                "wait_ms": _known(wait_ms),
                "batch_ms": _known(self._reading.batch_ms(worker)),
                "fetch_share": _known(self._reading.fetch_share(worker)),
                "readers": self._reading.readers(worker),
                "enough_readers": self._reading.enough_readers(worker),
            }
        return found

    def _reads_in(self, worker: str) -> str:
        """`31 ms of each 52 ms step`."""
        step_ms, wait_ms = self._reading.step_ms(worker)
        return f"{wait_ms:.1f} ms of each {step_ms:.1f} ms step"


class DataloaderParameters(ProfilerParameters):
    """In per cent of the cores; `min_data_wait`, ours, in per cent of the step."""

    min_threshold: float = Field(70, ge=0)
    max_threshold: float = Field(200, gt=0)
    min_data_wait: float = Field(0, ge=0, le=100)


class Dataloader(_ReadingRule):
    """Readers of a host below `min_threshold` or above `max_threshold` per cent of its cores.

    Readers are the loaders' processes, or the training processes' threads that read.
    `min_data_wait` is ours: per cent of the step that must be lost to waiting before too few
    readers are told of. With 0, the default, they are told of always, as documented.
    """

    name = "Dataloader"
    description = "Looks whether as many processes or threads read pictures as the cores can feed."
    recommendation = (
        "Set workers so that the readers are about as many as the cores, and no more than needed."
    )

    Parameters = DataloaderParameters
    parameters: DataloaderParameters

    def judge(self, at_s: float) -> Findings:
        given = self.parameters
        for host in self._reading.hosts:
            readers, cores = self._readers(host), self._reading.cores(host)
            if not (readers and cores):
                continue
            share = 100 * readers / cores
            waits = self._longest_wait(host) >= given.min_data_wait
            if share < given.min_threshold and waits:
                yield self._few(at_s, host, readers, cores)
            elif share > given.max_threshold:
                yield self._many(at_s, host, readers, cores)

    def details(self) -> dict[str, Any]:
        hosts = {}
        for host in self._reading.hosts:
            took_ms = self._reading.took_ms(host)
            hosts[host] = {
                "cores": self._reading.cores(host),
                "dataloaders": self._readers(host),
                "dataloading_time": _distribution(took_ms) if len(took_ms) else {},
            }
        return self.judged(self.triggered, nodes=hosts, workers=self._waits())

    def _of(self, host: str) -> list[str]:
        return [one for one in self._reading.workers if self._reading.host(one) == host]

    def _readers(self, host: str) -> int:
        return sum(self._reading.readers(worker) for worker in self._of(host))

    def _longest_wait(self, host: str) -> float:
        shares = [self._reading.wait_share(worker) for worker in self._of(host)]
        return max((one for one in shares if math.isfinite(one)), default=0.0)

    def _few(self, at_s: float, host: str, readers: int, cores: int) -> Finding:
        given = self.parameters
        workers = self._of(host)
        wait = max(workers, key=lambda one: np.nan_to_num(self._reading.wait_share(one)))
        per_process = max(1, cores // max(1, len(workers)))
        return self.tell(
            at_s=at_s,
            step=self._reading.latest_step(wait),
            value=100 * readers / cores,
            threshold=given.min_threshold,
            where=host,
            found=(
                f"{readers} reader{'s read' if readers > 1 else ' reads'} on {host}, "
                f"which has {cores} cores: {100 * readers / cores:.0f} %."
            ),
            meaning=f"Waiting for pictures takes {self._reads_in(wait)}.",
            advice=f"{self._more(wait, per_process)}.",
        )

    def _more(self, worker: str, most: int) -> str:
        if self._reading.reads_itself(worker):
            return f"Let {most} threads read (OMP_NUM_THREADS), or set workers={most}"
        enough, readers = self._reading.enough_readers(worker), self._reading.readers(worker)
        wanted = max(readers + 1, min(enough, most)) if enough else most
        return f"Set workers={wanted}{_pace(enough)}"

    def _many(self, at_s: float, host: str, readers: int, cores: int) -> Finding:
        given = self.parameters
        workers = self._of(host)
        return self.tell(
            at_s=at_s,
            step=self._reading.latest_step(workers[0]),
            value=100 * readers / cores,
            threshold=given.max_threshold,
            where=host,
            found=(
                f"{readers} readers read on {host}, which has {cores} cores: "
                f"{100 * readers / cores:.0f} %."
            ),
            meaning="They take the cores from one another, and each needs memory.",
            advice=f"Set workers={max(1, cores // len(workers))}, or leave workers out.",
        )


class LoaderStarvesModelParameters(ProfilerParameters):
    """In per cent of the step."""

    threshold: float = Field(25, ge=0, le=100)


class LoaderStarvesModel(_ReadingRule):
    """A process waits for its batches for more than `threshold` per cent of its training steps.

    The default: below a quarter of the step other losses are the larger ones in most trainings,
    and on a CPU, where the same cores read and learn, such a share is as good as it gets.
    """

    name = "LoaderStarvesModel"
    description = "Looks how much of each training step is waiting for pictures."
    recommendation = (
        "Read with more workers, or make reading cheaper: smaller files, decoded ahead."
    )

    Parameters = LoaderStarvesModelParameters
    parameters: LoaderStarvesModelParameters

    def judge(self, at_s: float) -> Findings:
        given = self.parameters
        for worker in self._reading.workers:
            share = self._reading.wait_share(worker)
            if not share > given.threshold:
                continue
            yield self.tell(
                at_s=at_s,
                step=self._reading.latest_step(worker),
                value=share,
                threshold=given.threshold,
                where=worker,
                found=(
                    f"{worker} waits for pictures {self._reads_in(worker)}, {share:.0f} % of it."
                ),
                meaning="The model could learn for that time and stands still.",
                advice=f"{self._advice(worker)}.",
                fetch_share=_known(self._reading.fetch_share(worker)),
            )

    def details(self) -> dict[str, Any]:
        return self.judged(self.triggered, workers=self._waits())

    def _advice(self, worker: str) -> str:
        reading = self._reading
        batch_ms, fetch = reading.batch_ms(worker), reading.fetch_share(worker)
        enough, readers = reading.enough_readers(worker), reading.readers(worker)
        cores = reading.cores(reading.host(worker))
        takes = f"a batch takes a reader {batch_ms:.0f} ms" if math.isfinite(batch_ms) else ""
        if fetch > 50:
            return f"{takes}, {fetch:.0f} % of it in the files: see SlowDisk".lstrip(", ")
        if reading.is_on_cpu(worker) and readers >= cores:
            return (
                "Every core reads already: store smaller pictures, so that decoding takes less, or "
                "train the head alone on features that are kept"
            )
        if enough > readers:
            return f"Set workers={min(enough, max(readers + 1, cores))}: {takes}"
        return f"Set workers={readers + 1}" + (f": {takes}" if takes else "")


class SlowDiskParameters(ProfilerParameters):
    """In per cent of the reading, and of the step."""

    threshold: float = Field(50, ge=0, le=100)
    min_data_wait: float = Field(10, ge=0, le=100)


class SlowDisk(_ReadingRule):
    """Files take more than `threshold` per cent of the reading, and the model waits for it.

    It must wait `min_data_wait` per cent of its training steps: a disk that is slow and still fast
    enough does no harm. The defaults: a decoded JPEG of a photograph takes some milliseconds, its
    file from memory or a local disk a tenth of one; beyond one half the files decide.
    """

    name = "SlowDisk"
    description = "Looks whether the model waits for files, and not for decoding."
    recommendation = (
        "Bring the data nearer: File mode in place of FastFile, a larger or faster volume, fewer "
        "and larger files; more workers hide waiting, not missing bandwidth."
    )

    Parameters = SlowDiskParameters
    parameters: SlowDiskParameters

    def judge(self, at_s: float) -> Findings:
        given = self.parameters
        for worker in self._reading.workers:
            fetch, wait = self._reading.fetch_share(worker), self._reading.wait_share(worker)
            if not (fetch > given.threshold and wait > given.min_data_wait):
                continue
            yield self.tell(
                at_s=at_s,
                step=self._reading.latest_step(worker),
                value=fetch,
                threshold=given.threshold,
                where=worker,
                found=(
                    f"Files take {fetch:.0f} % of the reading of {worker}, decoding the rest, and "
                    f"waiting takes {self._reads_in(worker)}."
                ),
                meaning="The disk, or the network behind it, decides how fast the model learns.",
                advice=f"{self._advice(worker)}.",
            )

    def details(self) -> dict[str, Any]:
        return self.judged(self.triggered, workers=self._waits())

    def _advice(self, worker: str) -> str:
        enough, readers = self._reading.enough_readers(worker), self._reading.readers(worker)
        nearer = "Bring the data nearer (File mode, a faster volume)"
        if enough > readers:
            return f"{nearer}, or hide the waiting with workers={enough}{_pace(enough)}"
        return nearer


def _pace(enough: int) -> str:
    return f": {enough} readers keep pace with the steps" if enough > 1 else ""


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _distribution(took_ms: Any) -> dict[str, Any]:
    counts, edges = np.histogram(took_ms, bins=_BINS)
    return {
        "p25": float(np.percentile(took_ms, 25)),
        **percentiles(took_ms).as_json(),
        "probs": counts.tolist(),
        "binedges": edges.tolist(),
    }
