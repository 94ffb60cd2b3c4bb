"""How often the rules find what is ill and leave alone what is well, in trainings of a few steps.

    python -m bench.rules [--seeds 5]

Does each case with each seed and prints a table: for each rule how many of the sick trainings that
it should find it found, and in how many of the healthy ones it was quiet. Writes
`bench/results/rules.json`. Ends with 1 when a sick training was not found.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.rules import diseases
from bench.rules.case import Case, Count, count

RESULTS = Path(__file__).parents[1] / "results" / "rules.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge, print, write."""
    options = _options(arguments)
    logging.disable(logging.INFO)
    counts = count(_cases(options.seeds), lambda case: print(f"... {case.name}", file=sys.stderr))
    print(table(counts))
    for name, counted in counts.items():
        for wrong in counted.wrong:
            print(f"{name}: {wrong}")
    if options.results:
        content = {name: asdict(counted) for name, counted in counts.items()}
        options.results.write_text(json.dumps(content, indent=2) + "\n")
    return int(any(counted.found < counted.sick for counted in counts.values()))


def _cases(seeds: int) -> list[Case]:
    return [case for seed in range(seeds) for case in diseases.cases(seed=seed)]


def table(counts: dict[str, Count]) -> str:
    """The counts as Markdown."""
    lines = ["| rule | sick, found | healthy, quiet |", "| --- | --- | --- |"]
    for name, one in counts.items():
        lines.append(f"| {name} | {one.found} of {one.sick} | {one.quiet} of {one.healthy} |")
    return "\n".join(lines)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="times that each case is done")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON file to write")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
