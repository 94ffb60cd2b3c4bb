"""`python -m bench.cloud`: what the local cloud adds to a job, to an invocation, and to the memory.

A cloud of its own, on four slots. Each figure is measured beside what it is compared with: a job
beside its own program, invocations in turn through the endpoint and straight to the server behind
it. Prints a table and writes `bench/results/cloud.json`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.cloud.invocations import invocations
from bench.cloud.jobs import busy_api, channel_job, empty_job
from bench.cloud.running import running

RESULTS = Path(__file__).parents[1] / "results" / "cloud.json"
SLOTS = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="bench", dir="/tmp") as folder,
        running(Path(folder) / "cloud", SLOTS) as cloud,
    ):
        figures = {"ready_s": cloud.ready_s, "idle_mib": cloud.idle_mib()}
        figures |= empty_job(cloud, options.jobs)
        figures |= channel_job(cloud, options.jobs, options.pictures)
        figures |= invocations(cloud, Path(folder), options.invocations)
        figures |= busy_api(cloud, SLOTS, options.seconds)
        figures["used_mib"] = cloud.idle_mib()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(_table(figures, options))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.cloud", description=__doc__)
    parser.add_argument("--jobs", type=int, default=7, help="of each kind")
    parser.add_argument("--pictures", type=int, default=1000, help="in the channel of a job")
    parser.add_argument("--invocations", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20, help="how long four jobs are busy")
    return parser.parse_args(arguments)


def _table(figures: dict[str, float], options: argparse.Namespace) -> str:
    rows = [
        ("ready after", "ready_s", "s", ""),
        ("memory when idle", "idle_mib", "MiB", "below 250 MB"),
        ("memory at the end", "used_mib", "MiB", ""),
        ("job that does nothing, over its program", "empty_job_s", "s", "at most 1.5 s"),
        (f"the same with {options.pictures} pictures in", "channel_job_s", "s", ""),
        ("invocation at the server itself, p50", "direct_ms", "ms", ""),
        ("over that, through the endpoint, p50", "endpoint_extra_ms", "ms", "at most 3 ms"),
        ("over that, with boto3, p50", "boto3_extra_ms", "ms", ""),
        (f"Describe while {SLOTS} jobs are busy, p50", "describe_p50_ms", "ms", ""),
        (f"Describe while {SLOTS} jobs are busy, p99", "describe_p99_ms", "ms", "below 100 ms"),
        ("jobs that ran at once", "at_once", "", str(SLOTS)),
    ]
    return "\n".join(
        f"{title:42} {figures[name]:9.2f} {unit:4} {f'({aim})' if aim else ''}".rstrip()
        for title, name, unit, aim in rows
    )


if __name__ == "__main__":
    sys.exit(main())
