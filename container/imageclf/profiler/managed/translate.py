"""Makes a profile as our collectors write it of the profiler files of the managed service.

So rules, advice and report need to know one kind of files. What the service did not measure stays
unknown: the reading of single batches, the machine's limits, what the device did.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.files.blocks import Writer, clocks
from imageclf.profiler.managed import operators, steps, system, timeline
from imageclf.profiler.managed.steps import Steps
from imageclf.profiler.managed.system import Samples
from imageclf.profiler.managed.timeline import Event

_MACHINE = "managed"  # all times are Unix times: one clock for all hosts
_LOADER_WORKER = "DataLoaderWorker"
_NS_A_S = 1e9


def is_managed(folder: Path) -> bool:
    """Whether a profile's folder was filled by the managed service, not by our collectors."""
    own = any((folder / name).is_dir() for name in (names.STEPS, names.WORKERS))
    return not own and any((folder / name).is_dir() for name in (system.FOLDER, timeline.FOLDER))


def translate(folder: Path, into: Path) -> None:
    """Write what lies in `folder` anew into the empty folder `into`.

    Raises:
        OSError: the disk is full.
    """
    samples, lost_lines = system.read(folder)
    events, lost_events = timeline.read(folder)
    made = {node: steps.steps(one) for node, one in events.items()}
    began_ns = _began_ns(samples, made)
    clock = {**clocks(), "machine": _MACHINE, "monotonic_ns": began_ns, "wall_ns": began_ns}
    for host, one in samples.items():
        _write(into / names.SYSTEM / host, one.columns, one.at_ns, one.rows, clock)
    workers = _workers(samples, made)
    for rank, (name, node) in enumerate(workers):
        found = made.get(node, Steps(np.empty(0, np.int64), np.empty((0, len(steps.COLUMNS)))))
        if len(found.at_ns):
            _write(into / names.STEPS / name, steps.COLUMNS, found.at_ns, found.rows, clock)
        operators.write(events.get(node, ()), into, name)
        facts = _facts(name, samples, events.get(node, ()))
        fault = _fault(lost_lines, lost_events) if rank == 0 else ""
        more = {"rank": rank, "world_size": len(workers), "began_ns": began_ns, "fault": fault}
        _write_json(into / names.WORKERS / f"{name}.json", {**clock, **facts, **more})
        if rank == 0 and len(found.at_ns):
            _write_spans(into / names.SPANS / f"{name}.jsonl", _spans(began_ns, found, samples))
    _write_json(into / names.END_OF_JOB, {"at_s": 0})


def _began_ns(samples: Mapping[str, Samples], made: Mapping[str, Steps]) -> int:
    times = [*(one.at_ns for one in samples.values()), *(one.at_ns for one in made.values())]
    return min((int(each[0]) for each in times if len(each)), default=0)


def _workers(samples: Mapping[str, Samples], made: Mapping[str, Steps]) -> list[tuple[str, str]]:
    """A name `HOST-RANK` and the node of each process; of a host without one, only the name."""
    nodes = sorted(made, key=lambda node: (_number(node), node))
    hosts = [_host(node) for node in nodes]
    silent = [host for host in sorted(samples) if host not in hosts]
    named = [*zip(hosts, nodes, strict=True), *((host, "") for host in silent)]
    return [(f"{host}-{rank}", node) for rank, (host, node) in enumerate(named)]


def _number(node: str) -> int:
    """Rank, or number of the process."""
    first = node.partition("-")[0]
    return int(first) if first.isdecimal() and len(first) < 16 else 0


def _host(node: str) -> str:
    return node.partition("-")[2] or node


def _facts(name: str, samples: Mapping[str, Samples], events: Sequence[Event]) -> dict[str, Any]:
    """What is known of a process and its host."""
    host = name.rpartition("-")[0]
    facts: dict[str, Any] = {"host": host, "origin": "the managed service's profiler"}
    if host in samples:
        columns, at_ns = samples[host].columns, samples[host].at_ns
        gpus = [one for one in columns if one.endswith(f"_{names.GPU_UTILIZATION}")]
        cores = [one for one in columns if one.removeprefix(names.CPU).isdecimal()]
        facts |= {"device": "cuda" if gpus else "cpu", "cores": len(cores)}
        if len(at_ns) > 1:
            facts["interval_ms"] = round(float(np.median(np.diff(at_ns))) / 1e6)
    readers = {one.facts.get("worker_id") for one in events if one.name == _LOADER_WORKER}
    return facts | ({"workers": len(readers)} if readers else {})


def _fault(lines: int, events: int) -> str:
    lost = lines + events
    if not lost:
        return ""
    entries = "entry" if lost == 1 else "entries"
    return f"{lost} {entries} of the service's files could not be read; what is there was taken."


def _spans(
    began_ns: int, found: Steps, samples: Mapping[str, Samples]
) -> list[tuple[str, int, int]]:
    """Name, begin and end of what came before the first step, of all steps, and what came after."""
    first_ns = int(found.at_ns[0])
    took = found.rows[-1, steps.COLUMNS.index(names.TOOK)]
    last_ns = int(found.at_ns[-1] + took * 1e6)
    end_ns = max([last_ns, *(int(one.at_ns[-1]) for one in samples.values())])
    return [
        (names.INITIALISATION, began_ns, first_ns),
        (names.TRAINING_LOOP, first_ns, last_ns),
        (names.FINALISATION, last_ns, end_ns),
    ]


def _write(
    path: Path, columns: Sequence[str], at_ns: Any, rows: Any, clock: Mapping[str, Any]
) -> None:
    writer = Writer(path, columns, clock)
    try:
        for part in np.array_split(np.arange(len(at_ns)), max(1, len(at_ns) // 10_000)):
            writer.write(at_ns[part], rows[part])
    finally:
        writer.close()


def _write_spans(path: Path, spans: Sequence[tuple[str, int, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        {"name": name, "at_ns": begin, "took_s": (end - begin) / _NS_A_S}
        for name, begin, end in spans
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
