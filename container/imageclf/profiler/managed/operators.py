"""Operators that smdebug's hooks noted of some steps, as a trace of torch.profiler tells them."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imageclf.profiler import names
from imageclf.profiler.managed.timeline import Event

_OF_CPU, _OF_GPU = "cpu_functions", "gpu_functions-dev:"
_STEP = "Step:"


def write(events: Sequence[Event], folder: Path, worker: str) -> Path | None:
    """Write a trace of the operators of one process; None when it noted none.

    Args:
        events: in the order of their times.

    Raises:
        OSError: the disk is full.
    """
    found = [made for one in events if (made := _slice(one)) is not None]
    if not found:
        return None
    begin, end = found[0]["ts"], max(one["ts"] + one["dur"] for one in found)
    steps = [one for one in events if one.phase.startswith(_STEP)]
    around = [one for one in steps if one.end_us > begin and one.at_us < end]
    number = _number(around[0]) if around else 0
    named = [_shaped(one, "user_annotation", f"ProfilerStep#{_number(one)}") for one in around]
    path = folder / names.KERNELS / f"{worker}-{number}.pt.trace.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        json.dump({"baseTimeNanoseconds": 0, "traceEvents": [*named, *found]}, file)
    return path


def _slice(event: Event) -> dict[str, Any] | None:
    if event.phase == _OF_CPU:
        return _shaped(event, "cpu_op", event.name)
    if event.phase.startswith(_OF_GPU):
        device = event.phase.removeprefix(_OF_GPU)
        return {**_shaped(event, "kernel", event.name), "pid": f"GPU {device}"}
    return None


def _shaped(event: Event, category: str, name: str) -> dict[str, Any]:
    times = {"ts": event.at_us, "dur": event.took_us}
    thread = str(event.facts.get("tid", 0))
    return {"ph": "X", "cat": category, "name": name, **times, "pid": "process", "tid": thread}


def _number(event: Event) -> int:
    text = str(event.facts.get("step_num", ""))
    return int(text) if text.isdecimal() and len(text) < 16 else 0
