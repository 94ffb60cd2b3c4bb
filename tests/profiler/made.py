"""Profiles with known content, written as the collectors write them."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.files.blocks import Writer, clocks

Column = npt.ArrayLike

BEGAN_NS = 10**15
"""When a made run began, by the monotonic clock of its machine."""


class Made:
    """Writes one run's profile into `folder`; times are seconds since the run began."""

    def __init__(self, folder: Path, wall_s: float = 1.8e9, began_ns: int = BEGAN_NS) -> None:
        self.folder = folder
        self.began_ns = began_ns
        self._clocks = {
            **clocks(),
            "monotonic_ns": began_ns,
            "wall_ns": int(wall_s * 1e9),
            "machine": "made",
        }

    def system(self, host: str, at_s: Column, columns: Mapping[str, Column]) -> None:
        """Samples of a host."""
        self._table(names.SYSTEM, host, at_s, columns)

    def steps(self, worker: str, at_s: Column, columns: Mapping[str, Column]) -> None:
        """Steps of a process; of training, numbered from 0, unless `columns` says otherwise."""
        count = len(np.atleast_1d(at_s))
        usual: dict[str, Column] = {names.STEP: np.arange(count), names.MODE: names.TRAIN}
        self._table(names.STEPS, worker, at_s, {**usual, **columns})

    def reads(self, worker: str, at_s: Column, columns: Mapping[str, Column]) -> None:
        """Batches that a process had read."""
        self._table(names.READS, worker, at_s, columns)

    def worker(self, name: str, **facts: Any) -> None:
        """Facts about a process."""
        usual = {"rank": int(name.rpartition("-")[2]), "began_ns": self.began_ns}
        path = self.folder / names.WORKERS / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**self._clocks, **usual, **facts}))

    def spans(self, worker: str, spans: Sequence[tuple[str, float, float]]) -> None:
        """Name, begin and length in seconds of each."""
        path = self.folder / names.SPANS / f"{worker}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (
            {"name": name, "at_ns": self._ns(at_s), "took_s": took_s}
            for name, at_s, took_s in spans
        )
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def end(self) -> None:
        """The run says that nothing more will come."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / names.END_OF_JOB).write_text(json.dumps({"at_s": time.time()}))

    def _table(self, kind: str, name: str, at_s: Column, columns: Mapping[str, Column]) -> None:
        times = np.atleast_1d(np.asarray(at_s, float))
        rows = np.stack(
            [np.broadcast_to(np.asarray(one, np.float32), times.shape) for one in columns.values()],
            axis=1,
        )
        writer = Writer(self.folder / kind / name, list(columns), self._clocks)
        for part in np.array_split(np.arange(len(times)), max(1, len(times) // 1000)):
            writer.write([self._ns(one) for one in times[part]], rows[part])
        writer.close()

    def _ns(self, at_s: float) -> int:
        return self.began_ns + int(at_s * 1e9)
