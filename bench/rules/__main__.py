"""How often the rules find what is ill and leave alone what is well, in trainings of a few steps.

    python -m bench.rules [--seeds 5] [--sick | --healthy 100]

Does each case with each seed and prints a table: for each rule how many of the sick trainings that
it should find it found, and in how many of the healthy ones it was quiet. Writes
`bench/results/rules.json`. Ends with 1 when a sick training was not found.

`--sick` does the fine-tunings only. `--healthy` does as many healthy fine-tunings of all kinds and
counts the false alarms of the standard set; it writes `bench/results/rules_healthy.json`, and ends
with 1 when there are false alarms in more than 2 of 100.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from bench.rules import ailments, diseases, healthy
from bench.rules.case import Case, Count, count

RESULTS = Path(__file__).parents[1] / "results"

_ALLOWED = 0.02
"""Share of healthy trainings in which the standard set may find something."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge, print, write."""
    options = _options(arguments)
    logging.disable(logging.INFO)
    torch.set_num_threads(1)  # these networks are too small to share out
    cases = _cases(options)
    counts = count(cases, lambda case: print(f"... {case.name}", file=sys.stderr))
    print(table(counts))
    for name, counted in counts.items():
        for wrong in counted.wrong:
            print(f"{name}: {wrong}")
    content = {name: asdict(counted) for name, counted in counts.items()}
    results = options.results or RESULTS / (
        "rules_healthy.json" if options.healthy else "rules.json"
    )
    if options.healthy or not options.sick:
        results.write_text(json.dumps(content, indent=2) + "\n")
    alarms = {wrong.partition(":")[0] for one in counts.values() for wrong in one.wrong}
    if options.healthy:
        print(f"{len(alarms)} of {len(cases)} healthy trainings with a false alarm")
        return int(len(alarms) > _ALLOWED * len(cases))
    return int(any(counted.found < counted.sick for counted in counts.values()))


def _cases(options: argparse.Namespace) -> list[Case]:
    if options.healthy:
        return healthy.cases(options.healthy)
    made: list[Case] = []
    for seed in range(options.seeds):
        made += [] if options.sick else diseases.cases(seed=seed)
        made += ailments.cases(seed)
    return made


def table(counts: dict[str, Count]) -> str:
    """The counts as Markdown."""
    lines = ["| rule | sick, found | healthy, quiet |", "| --- | --- | --- |"]
    for name, one in counts.items():
        lines.append(f"| {name} | {one.found} of {one.sick} | {one.quiet} of {one.healthy} |")
    return "\n".join(lines)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="times that each case is done")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--sick", action="store_true", help="only the fine-tunings, sick ones mostly")
    only.add_argument("--healthy", type=int, default=0, help="only so many healthy fine-tunings")
    parser.add_argument("--results", type=Path, help="the JSON file to write")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
