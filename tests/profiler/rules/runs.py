"""Made runs on a CPU for tests of rules: steps one after the other, reads, samples."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import Span, Stretch, Table
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.rules.finding import Finding

HOST, WORKER = "algo-1", "algo-1-0"
FACTS = {"device": "cpu", "cores": 4, "threads": 4, "workers": 0, "host": HOST}


def steps(
    took_ms: npt.ArrayLike,
    count: int = 1,
    *,
    begin_s: float = 1.0,
    mode: int = names.TRAIN,
    **columns: npt.ArrayLike,
) -> Table:
    """Steps one after the other; columns are milliseconds of a phase unless they are known."""
    took = np.asarray(took_ms, np.float64) * np.ones(count if np.ndim(took_ms) == 0 else 1)
    at_s = begin_s + np.cumsum(took) / 1e3 - took / 1e3
    usual: dict[str, npt.ArrayLike] = {
        names.STEP: np.arange(len(took)),
        names.MODE: mode,
        names.IMAGES: 16,
        names.TOOK: took,
        **{names.host_column(phase): 0 for phase in names.PHASES},
    }
    phases = {names.host_column(one) for one in names.PHASES}
    given = {
        (names.host_column(name) if names.host_column(name) in phases else name): values
        for name, values in columns.items()
    }
    return Table(at_s, {name: _wide(one, len(took)) for name, one in {**usual, **given}.items()})


def table(at_s: npt.ArrayLike, **columns: npt.ArrayLike) -> Table:
    """Rows at these times."""
    times = np.asarray(at_s, np.float64)
    return Table(times, {name: _wide(one, len(times)) for name, one in columns.items()})


def samples(count: int, interval_s: float = 0.5, **columns: npt.ArrayLike) -> Table:
    """Samples of a host from the beginning on."""
    return table(np.arange(count) * interval_s, **columns)


def reads(count: int, interval_s: float = 0.1, **columns: npt.ArrayLike) -> Table:
    """Batches of 16 that one process reads, in 40 ms each."""
    usual: dict[str, npt.ArrayLike] = {
        names.WORKER: 0,
        names.THREADS: 1,
        names.IMAGES: 16,
        names.TOOK: 40,
        names.FETCH: 2,
        names.DECODE: 38,
    }
    return table(np.arange(count) * interval_s, **{**usual, **columns})


def run(
    steps: Table | Mapping[str, Table],
    *,
    system: Table | None = None,
    reads: Table | None = None,
    spans: Sequence[Span] = (),
    facts: Mapping[str, Any] | None = None,
    machine: Mapping[str, Any] | None = None,
) -> Stretch:
    """A whole run as one stretch."""
    tables = {WORKER: steps} if isinstance(steps, Table) else dict(steps)
    known = {**FACTS, **(facts or {})}
    every = [*tables.values(), *(one for one in (system, reads) if one is not None)]
    end_s = max((float(one.at_s[-1]) for one in every if len(one)), default=0.0) + 1e-6
    return Stretch(
        0,
        0.0,
        end_s,
        system={} if system is None else {HOST: system},
        steps=tables,
        reads={} if reads is None else {WORKER: reads},
        spans=tuple(spans),
        workers=dict.fromkeys(tables, known),
        machine=machine or {},
    )


def cut(whole: Stretch, at_s: Sequence[float]) -> list[Stretch]:
    """The same in portions, which begin at the times `at_s`."""
    edges = [0.0, *sorted(each for each in at_s if 0 < each < whole.end_s), whole.end_s]
    return [
        Stretch(
            number,
            begin_s,
            end_s,
            system={name: one.between(begin_s, end_s) for name, one in whole.system.items()},
            steps={name: one.between(begin_s, end_s) for name, one in whole.steps.items()},
            reads={name: one.between(begin_s, end_s) for name, one in whole.reads.items()},
            spans=tuple(one for one in whole.spans if begin_s <= one.at_s < end_s),
            workers=whole.workers,
            machine=whole.machine,
        )
        for number, (begin_s, end_s) in enumerate(pairwise(edges))
    ]


def findings(rule: ProfilerRule, *portions: Stretch) -> list[Finding]:
    """What the rule finds in the run that these portions are."""
    found = [finding for portion in portions for finding in rule.look(portion)]
    return [*found, *rule.finish()]


def _wide(values: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    return np.array(np.broadcast_to(np.asarray(values, np.float64), count))
