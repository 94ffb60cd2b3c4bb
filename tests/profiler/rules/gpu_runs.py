"""Runs on GPUs for tests of rules: series from files, and how rules are let loose on them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import Span, Stretch, Table
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.rules.finding import Finding
from tests.profiler.series.make import FILE, INTERVAL_S

HOST, WORKER = "algo-1", "algo-1-0"


def series(name: str) -> Table:
    """A series of `tests/profiler/series`."""
    with np.load(FILE) as content:
        names_of, values = content[f"{name}_columns"], content[name].astype(np.float64)
    columns = dict(zip(map(str, names_of), values, strict=True))
    return sampled(columns)


def sampled(columns: Mapping[str, npt.ArrayLike], interval_s: float = INTERVAL_S) -> Table:
    """Samples of a host from the beginning of the run on."""
    known = {name: np.asarray(values, np.float64) for name, values in columns.items()}
    count = max(len(values) for values in known.values())
    at_s = np.arange(count, dtype=np.float64) * interval_s
    return Table(at_s, known)


def trained(begin_s: float, end_s: float, took_s: float = 0.25, **phases: float) -> Table:
    """Training steps one after the other; `phases` in shares of a step."""
    at_s = np.arange(begin_s, end_s - took_s / 2, took_s, dtype=np.float64)
    still = np.ones(len(at_s))
    return Table(
        at_s,
        {
            names.STEP: np.arange(len(at_s), dtype=np.float64),
            names.MODE: still * names.TRAIN,
            names.TOOK: still * took_s * 1000,
            **{
                names.host_column(phase): still * share * took_s * 1000
                for phase, share in phases.items()
            },
        },
    )


def run(
    system: Table | Mapping[str, Table],
    steps: Table | Mapping[str, Table] | None = None,
    workers: Mapping[str, Mapping[str, Any]] | None = None,
    spans: Sequence[Span] = (),
) -> Stretch:
    """A whole run as one stretch; it trains all the time unless `steps` says otherwise."""
    hosts = {HOST: system} if isinstance(system, Table) else dict(system)
    end_s = max(float(table.at_s[-1]) for table in hosts.values()) + INTERVAL_S
    given = trained(0.0, end_s) if steps is None else steps
    tables = {WORKER: given} if isinstance(given, Table) else dict(given)
    facts = {name: {"device": "cuda"} for name in tables} if workers is None else dict(workers)
    return Stretch(0, 0.0, end_s, system=hosts, steps=tables, workers=facts, spans=tuple(spans))


def cut(whole: Stretch, at_s: Sequence[float]) -> list[Stretch]:
    """The same in portions, which begin at the times `at_s`."""
    edges = [whole.begin_s, *sorted(each for each in at_s if each < whole.end_s), whole.end_s]
    return [
        Stretch(
            number,
            begin_s,
            end_s,
            system={name: table.between(begin_s, end_s) for name, table in whole.system.items()},
            steps={name: table.between(begin_s, end_s) for name, table in whole.steps.items()},
            workers=whole.workers,
            spans=tuple(one for one in whole.spans if begin_s <= one.at_s < end_s),
        )
        for number, (begin_s, end_s) in enumerate(pairwise(edges))
    ]


def findings(rule: ProfilerRule, *portions: Stretch) -> list[Finding]:
    """What the rule finds in the run that these portions are."""
    found = [finding for portion in portions for finding in rule.look(portion)]
    return [*found, *rule.finish()]
