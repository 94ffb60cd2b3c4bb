"""Traces with known content, in the format that Kineto writes (libkineto, output_json.cpp)."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BASE_NS = 1_790_857_026_000_000_000
"""As torch writes it: an old moment, from which all times of a trace are counted."""

THREAD, GPU, STREAM = 4711, 0, 7


class Written:
    """Collects events; times are microseconds since the trace began, which is `at_us` of base."""

    def __init__(self, at_us: float = 4.4e12) -> None:
        self.events: list[dict[str, Any]] = []
        self._at_us = at_us
        self._launched = 0

    def slice(self, category: str, name: str, begin: float, took: float, **more: Any) -> None:
        """Something that took time, on the one thread unless `more` says otherwise."""
        usual = {"pid": THREAD, "tid": THREAD, "args": {}}
        times = {"ts": self._at_us + begin, "dur": took}
        self.events.append({"ph": "X", "cat": category, "name": name, **times, **usual, **more})

    def step(self, number: int, begin: float, took: float) -> None:
        self.slice("user_annotation", f"ProfilerStep#{number}", begin, took)

    def operator(self, name: str, begin: float, took: float, **more: Any) -> None:
        self.slice("cpu_op", name, begin, took, **more)

    def call(self, name: str, begin: float, took: float, **arguments: Any) -> None:
        self.slice("cuda_runtime", name, begin, took, args=arguments)

    def work(
        self,
        name: str,
        called: tuple[float, float],
        ran: tuple[float, float],
        category: str = "kernel",
        call: str = "cudaLaunchKernel",
        **arguments: Any,
    ) -> None:
        """Work of the GPU with the call that asked for it; begin and length of each."""
        self._launched += 1
        joined = {"correlation": self._launched}
        self.call(call, *called, **joined)
        track = {"pid": GPU, "tid": STREAM}
        self.slice(category, name, *ran, args={**joined, **arguments}, **track)

    def memory(self, at: float, allocated: int, device: int = -1) -> None:
        kind = {"Device Type": 0 if device < 0 else 1, "Device Id": device}
        given = {"Total Allocated": allocated, "Bytes": 1, "Addr": 1, **kind}
        event = {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "s": "t"}
        self.events.append(
            {**event, "ts": self._at_us + at, "pid": THREAD, "tid": 1, "args": given}
        )

    def write(self, path: Path, **header: Any) -> Path:
        """As gzipped JSON; Kineto's header comes first, what ends it last."""
        content: Mapping[str, Any] = {
            "schemaVersion": 1,
            "deviceProperties": [],
            "displayTimeUnit": "ms",
            "baseTimeNanoseconds": BASE_NS,
            **header,
            "traceEvents": self.events,
            "traceName": "made.json",
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(content, indent=1).encode(), 1))
        return path
