"""Trainings with a planted disease and their healthy twin: which rules speak of which.

    python -m bench.profile planted [--only NAME ...]

Each case is a real training of a small network of some seconds, recorded by the real collectors and
judged by the standard set; `SHORT` says what is scaled down to its length. Prints a table, writes
`bench/results/profile_planted.json`, and ends with 1 when a disease was not named or a healthy
training was.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.profile import planted_run
from bench.profile.planted_run import Planted
from imageclf.machine import cores
from imageclf.profiler.rules import catalogue, standard
from imageclf.profiler.run import Profile
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Status

RESULTS = Path(__file__).parents[1] / "results" / "profile_planted.json"

SHORT = {
    "MaxInitializationTime": {"threshold": "0.06"},
    "MemoryGrowth": {"patience": "16"},
    "CoresIdle": {"patience": "10"},
    "LongCheckpoints": {"patience_s": "1"},
}
"""Parameters in place of the standard set's: those that count minutes or samples of a run."""


@dataclass(frozen=True)
class Case:
    """A training, the rules that must speak of it, and those that may as well.

    Args:
        processes: that train together.
        company: rules that see the same disease from another side.
        alone: it shows only on a machine that does nothing else.
    """

    planted: Planted
    expects: frozenset[str] = frozenset()
    company: frozenset[str] = frozenset()
    processes: int = 1
    alone: bool = False


def _rules(*names: str) -> frozenset[str]:
    return frozenset(names)


CASES: Mapping[str, Case] = {
    "nothing": Case(Planted(probes=True)),
    "nothing, in two processes": Case(Planted(steps=40), processes=2),
    "a loader that sleeps": Case(
        Planted(steps=30, decode_s=0.008), _rules("LoaderStarvesModel"), _rules("CoresIdle")
    ),
    "one worker on many cores": Case(
        Planted(steps=30, workers=1, side=700, size=8, cores=None, threads=1),
        _rules("Dataloader"),
        _rules("LoaderStarvesModel"),
    ),
    "a batch of 1": Case(
        Planted(steps=300, batch_size=1, size=4, probes=True),
        _rules("TinyBatch"),
        _rules("LoaderStarvesModel"),
    ),
    "a step that stalls now and then": Case(
        Planted(steps=80, batch_size=4, stall_every=14, stall_s=0.5),
        _rules("StepOutlier"),
        _rules("CoresIdle"),
    ),
    "memory that grows": Case(Planted(steps=70, leak_mib=5), _rules("MemoryGrowth")),
    "one process slower than the other": Case(
        Planted(steps=30, slow_rank=4), _rules("SlowRank"), _rules("CoresIdle"), processes=2
    ),
    "a slow start": Case(Planted(steps=12, begin_s=3.8), _rules("MaxInitializationTime")),
    "a throttled disk": Case(
        Planted(steps=30, fetch_s=0.008),
        _rules("SlowDisk", "LoaderStarvesModel"),
        _rules("CoresIdle"),
    ),
    "one thread on many cores": Case(
        Planted(steps=40, size=32, cores=None, threads=1),
        _rules("CoresIdle"),
        _rules("Dataloader"),
        alone=True,
    ),
    "checkpoints that take long": Case(
        Planted(steps=40, checkpoint_s=0.15), _rules("LongCheckpoints"), _rules("CoresIdle")
    ),
}


def judge(folder: Path) -> list[RuleState]:
    """How the rules stand on the profile in `folder`."""
    profile = Profile(folder)
    profile.refresh()
    configurations = [_scaled(each) for each in standard.configurations()]
    engine = Engine([(each, catalogue.make(each)) for each in configurations])
    engine.look(profile.fresh(everything=True))
    engine.finish()
    return engine.states


def named(states: Sequence[RuleState]) -> set[str]:
    """The rules that spoke."""
    return {state.configuration.name for state in states if state.status is Status.ISSUES}


def train(case: Case, folder: Path) -> None:
    """Train, with the profile in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    planted_run.start(case.planted, folder, case.processes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge, print, write."""
    options = _options(arguments)
    rows = []
    for name in options.only or CASES:
        if CASES[name].alone and os.getloadavg()[0] > 0.25 * cores():
            print(f"... {name}: left out, the machine does something else", file=sys.stderr)
            continue
        print(f"... {name}", file=sys.stderr)
        with TemporaryDirectory() as folder:
            train(CASES[name], Path(folder) / "profiler")
            states = judge(Path(folder) / "profiler")
        rows.append(_row(name, states))
    print(table(rows))
    if not options.only:
        (options.results or RESULTS).write_text(json.dumps(rows, indent=2) + "\n")
    return int(not all(row["right"] for row in rows))


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """The cases as Markdown."""
    lines = ["| planted | must speak | spoke | |", "| --- | --- | --- | --- |"]
    for row in rows:
        expects, spoke = (", ".join(row[key]) or "none" for key in ("expects", "spoke"))  # type: ignore[arg-type]
        lines.append(
            f"| {row['name']} | {expects} | {spoke} | {'right' if row['right'] else 'wrong'} |"
        )
    return "\n".join(lines)


def _row(name: str, states: Sequence[RuleState]) -> dict[str, object]:
    case, spoke = CASES[name], named(states)
    right = case.expects <= spoke <= case.expects | case.company
    return {
        "name": name,
        "expects": sorted(case.expects),
        "spoke": sorted(spoke),
        "right": right,
        "findings": {
            state.configuration.name: [one.as_json() for one in state.findings]
            for state in states
            if state.findings
        },
    }


def _scaled(configuration: RuleConfiguration) -> RuleConfiguration:
    given = {**configuration.parameters, **SHORT.get(configuration.rule, {})}
    return replace(configuration, parameters=given)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.profile planted", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES), help="only these")
    parser.add_argument("--results", type=Path, help="the JSON file to write")
    return parser.parse_args(arguments)
