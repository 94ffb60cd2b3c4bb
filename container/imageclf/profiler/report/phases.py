"""What a training step consists of: phases of the process, or on a GPU what the GPU was at.

A process only asks a GPU for its work and goes on, so its own times say little there: the phases
are then what the GPU spent on each, and where it did nothing, the wait for data or the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table

WORDS = {
    names.DATA: "waiting for data",
    names.COPY: "copy to the device",
    names.FORWARD: "forward",
    names.BACKWARD: "backward",
    names.OPTIMISER: "optimiser",
    names.HOOK: "debugger's hook",
    names.OTHER: "other",
}
SHADES = {
    names.DATA: 2,
    names.COPY: 4,
    names.FORWARD: 1,
    names.BACKWARD: 7,
    names.OPTIMISER: 3,
    names.HOOK: 6,
    names.OTHER: 8,
}
IDLE = "GPU idle otherwise"


@dataclass(frozen=True)
class Phase:
    """A part of the training step, over all steps; `share` is 0 to 1, `values_ms` [steps]."""

    name: str
    word: str
    shade: int
    values_ms: Floats
    total_s: float
    share: float = 0.0


def on_gpu(tables: Sequence[Table]) -> bool:
    """Whether it is known what GPUs spent on phases."""
    columns = list(map(names.device_column, names.DEVICE_PHASES))
    return any(table.has(column) for table in tables for column in columns)


def columns(table: Table) -> list[tuple[str, str, Floats]]:
    """Name, word and times [steps] of each part of a step, in the order of the step."""
    if on_gpu([table]):
        return _on_device(table)
    return [(name, WORDS[name], table[names.host_column(name)]) for name in names.PHASES]


def of(tables: Sequence[Table]) -> tuple[Phase, ...]:
    """The parts that took time, with their shares of all steps of all processes."""
    joined: dict[str, tuple[str, list[Floats]]] = {}
    for table in tables:
        for name, word, values in columns(table):
            joined.setdefault(name, (word, []))[1].append(values)
    return _shared([_phase(name, word, parts) for name, (word, parts) in joined.items()])


def of_process(tables: Sequence[Table]) -> tuple[Phase, ...]:
    """The same by the times of the processes, also on a GPU."""
    return _shared(
        [
            _phase(name, WORDS[name], [table[names.host_column(name)] for table in tables])
            for name in names.PHASES
        ]
    )


def _on_device(table: Table) -> list[tuple[str, str, Floats]]:
    spent = {name: table[names.device_column(name)] for name in names.DEVICE_PHASES}
    known = np.isfinite(list(spent.values())).any(axis=0)
    busy = np.nansum(list(spent.values()), axis=0)
    idle = np.where(known, np.maximum(table[names.TOOK] - busy, 0.0), np.nan)
    data = np.minimum(np.nan_to_num(table[names.host_column(names.DATA)]), idle)
    return [
        (names.DATA, WORDS[names.DATA], data),
        *((name, WORDS[name], values) for name, values in spent.items()),
        (names.OTHER, IDLE, idle - data),
    ]


def _phase(name: str, word: str, parts: Sequence[Floats]) -> Phase:
    values = np.concatenate(parts) if parts else np.empty(0)
    return Phase(name, word, SHADES[name], values, float(np.nansum(values)) / 1000)


def _shared(found: Sequence[Phase]) -> tuple[Phase, ...]:
    spent = [one for one in found if one.total_s > 0]
    whole_s = sum(one.total_s for one in spent)
    return tuple(replace(one, share=one.total_s / whole_s) for one in spent)
