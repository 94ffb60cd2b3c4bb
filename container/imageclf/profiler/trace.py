"""A trace that joins system, phases, readers and kernels on one time axis, for Perfetto.

ui.perfetto.dev and chrome://tracing open it. Of a long run the extremes, the longest and examples
are shown; `otherData` in the file says what was left out.
"""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

from imageclf import __version__
from imageclf.profiler import kernels
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.run import Profile
from imageclf.profiler.traces import machine_tracks, step_tracks, window_tracks
from imageclf.profiler.traces.tracks import Event, Process
from imageclf.profiler.traces.window_tracks import Picked

MOST_EVENTS = 200_000
"""About so many events a browser still handles with ease."""

_COUNTERS, _STEPS, _READS, _SPANS, _WINDOWS = 0.2, 0.35, 0.15, 0.05, 0.25
"""Shares of the events for each kind."""


def write_trace(profile: Profile, path: Path, most_events: int = MOST_EVENTS) -> Path:
    """Write the trace of all that `profile` holds, as gzipped JSON; returns `path`.

    Raises:
        OSError: the file cannot be written.
    """
    joined = _Joined(profile, most_events)
    joined.put_all()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with gzip.open(part, "wt", compresslevel=3, encoding="utf-8") as file:
            for piece in joined.pieces():
                file.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


class _Joined:
    """Everything as events."""

    def __init__(self, profile: Profile, most: int) -> None:
        self._profile, self._most = profile, most
        self._whole: Stretch = profile.whole()
        self._processes: dict[str, Process] = {}
        self._left_out: list[str] = []

    def put_all(self) -> None:
        """Make the events of all hosts and processes."""
        for host, samples in sorted(self._whole.system.items()):
            said = machine_tracks.put(
                self._process(f"machine {host}"),
                host,
                samples,
                self._each(_COUNTERS, len(self._whole.system)),
            )
            self._left_out += said
        windows = self._pick_windows()
        for worker in self._workers():
            close = [(one.begin_s, one.end_s) for one in windows if one.worker == worker]
            self._put_worker(worker, close)
        for window in windows:
            process = self._process(f"training {window.worker}")
            self._left_out += window_tracks.put(process, window)

    def pieces(self) -> Iterator[str]:
        """The JSON of the file, in pieces."""
        about = {
            "made by": f"imageclf {__version__}",
            "run began, Unix time in s": f"{self._profile.began_wall_s:.3f}",
            "phases": "Within a step they are laid end to end in one order, whatever theirs was.",
            "left out": " ".join(dict.fromkeys(self._left_out)) or "Nothing.",
        }
        yield f'{{"displayTimeUnit": "ms", "otherData": {json.dumps(about)}, "traceEvents": [\n'
        first = True
        for event in self._events():
            yield ("" if first else ",\n") + json.dumps(event, allow_nan=False)
            first = False
        yield "\n]}\n"

    def _events(self) -> Iterator[Event]:
        for process in self._processes.values():
            yield from process.events

    def _put_worker(self, worker: str, close: list[tuple[float, float]]) -> None:
        process = self._process(f"training {worker}")
        spans = [span for span in self._whole.spans if span.worker == worker]
        count = len(self._workers())
        self._left_out += step_tracks.put_spans(process, spans, self._each(_SPANS, count))
        if worker in self._whole.steps:
            self._left_out += step_tracks.put_steps(
                process, self._whole.steps[worker], self._each(_STEPS, count), close
            )
        if worker in self._whole.reads:
            self._left_out += step_tracks.put_reads(
                process, self._whole.reads[worker], self._each(_READS, count)
            )

    def _pick_windows(self) -> list[Picked]:
        """What is shown of the windows, the first ones first: each file is read once."""
        left = int(_WINDOWS * self._most)
        found: list[Picked] = []
        for trace in kernels.traces(self._profile.folder):
            shift = window_tracks.shift_ns(trace, self._profile.axis)
            if shift is None:
                self._left_out.append(f"It is not known when {trace.path.name} was.")
            elif left < 1:
                self._left_out.append(f"{trace.path.name} is not shown.")
            else:
                found.append(window_tracks.pick(trace, shift, left))
                left -= found[-1].count - found[-1].missing
        return found

    def _workers(self) -> list[str]:
        known = {*self._whole.steps, *self._whole.reads, *self._whole.workers}
        return sorted(known | {span.worker for span in self._whole.spans})

    def _process(self, name: str) -> Process:
        return self._processes.setdefault(name, Process(len(self._processes) + 1, name))

    def _each(self, share: float, among: int) -> int:
        return max(1, int(self._most * share / max(1, among)))
