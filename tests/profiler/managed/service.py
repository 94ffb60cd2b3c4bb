"""Profiler files as the managed service and smdebug's hooks write them.

The service's own writer was never published; its lines are as the developer guide and smdebug's
reader have them. Timelines are written by smdebug itself.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BEGAN_S = 1_733_636_919.0
"""Unix time at which a made run began."""

Line = Mapping[str, Any]


def line(
    kind: str, name: str, dimension: str, value: float, at_s: float, *, host: str = "algo-1"
) -> Line:
    """One reading, `at_s` seconds after the run began."""
    stamp = BEGAN_S + at_s
    said = {"Type": kind, "Name": name, "Dimension": dimension, "Value": value}
    return {**said, "NodeId": host, "Timestamp": stamp}


def write_system(folder: Path, lines: Iterable[Line]) -> None:
    """A file for each minute and host, in the folder of its hour."""
    for one in lines:
        minute = int(one["Timestamp"] // 60) * 60
        hour = time.strftime("%Y%m%d%H", time.gmtime(minute))
        path = folder / "system" / "incremental" / hour / f"{minute}.{one['NodeId']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(one) + "\n")


class Hook:
    """smdebug's own writer of timelines; times are seconds after the run began.

    Args:
        node: what smdebug makes of rank and host; here it would be this machine's name.
    """

    def __init__(self, folder: Path, node: str = "0-algo-1") -> None:
        from smdebug.core.tfevent.timeline_file_writer import TimelineFileWriter  # noqa: PLC0415

        rotation = SimpleNamespace(file_close_interval=3600, file_max_size=1 << 30)
        told = SimpleNamespace(
            local_path=str(folder), trace_file=SimpleNamespace(rotation_policy=rotation)
        )
        fake_settings = SimpleNamespace(profiling_enabled=True, config=told)
        self._folder, self._node = folder, node
        self._writer: Any = TimelineFileWriter(fake_settings)

    def note(self, phase: str, name: str, at_s: float, took_s: float, **facts: Any) -> None:
        self._writer.write_trace_events(
            BEGAN_S + at_s, training_phase=phase, op_name=name, duration=took_s, pid=7, **facts
        )

    def step(self, number: int, at_s: float, *, data_s: float, mode: str = "TRAIN") -> None:
        """A step of 60 ms forward, 100 ms backward and 20 ms besides, and its data before."""
        told = {"step_num": str(number)}
        self.note("DataLoaderIter", "_MultiProcessingDataLoaderIter::GetNext", at_s, data_s)
        began_s = at_s + data_s
        self.note(f"Step:ModeKeys.{mode}", f"Step:ModeKeys.{mode}", began_s, 0.18, **told)
        self.note("Forward", "ResNet", began_s, 0.06, **told)
        self.note("Backward(post-forward)", "Backward(post-forward)", began_s + 0.06, 0.1, **told)

    def close(self) -> None:
        self._writer.close()
        for path in self._folder.rglob("*_pythontimeline.json"):
            first, _, rest = path.name.split("_", 2)
            path.rename(path.with_name(f"{first}_{self._node}_{rest}"))
