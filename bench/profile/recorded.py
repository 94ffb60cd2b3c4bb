"""What the rules on GPUs say of GPUs that somebody recorded with nvidia-smi or the like.

    python -m bench.profile recorded LOG.csv[@BEGIN-END] ... [--gpus N] [--memory-mib N]

BEGIN and END are the seconds of the log between which the training went on; without them it is the
whole log. Columns are found by their names: a time, the use of the GPU, and if there are such the
GPU's number, memory used and memory there. Where no column has the number, GPUs come in turn. What
is read is the last value at each half second, as the sampler would have it. Steps, CPU and disks
are not in such a log: rules that need them say so. Prints what the standard rules found.
"""

import argparse
import csv
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imageclf.errors import SettingsError
from imageclf.profiler import names
from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.rules import catalogue, standard
from imageclf.rules.engine import Engine, RuleState
from tests.profiler.rules.gpu_runs import HOST, run, trained

RULES = ("LowGPUUtilization", "LoadBalancing", "BatchSize", "GPUMemoryIncrease")

_INTERVAL_S = 0.5
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TIMES = ("%Y/%m/%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S")

_COLUMNS = {
    "at_s": ("time",),
    "gpu": ("index", "gpu_id", "gpu id"),
    "use": ("utilization.gpu", "gpu_utilization", "utilization_gpu", "utilization"),
    "used_mib": ("memory.used", "memory_used", "memory used"),
    "total_mib": ("memory.total", "memory_total"),
}
"""Beginnings, or else parts, of their names, the more certain ones first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, judge, print."""
    options = _options(arguments)
    for text in options.logs:
        path, _, when = text.partition("@")
        try:
            table = read(Path(path), options.gpus, options.memory_mib)
        except (OSError, SettingsError) as error:
            print(error, file=sys.stderr)
            return 2
        begin_s, end_s = map(float, when.split("-")) if when else (0.0, float(table.at_s[-1]))
        print(f"{path}: {end_s - begin_s:.0f} s of training")
        for gpu in table.gpus:
            use = table.between(begin_s, end_s)[names.gpu_column(gpu, names.GPU_UTILIZATION)]
            low, middle, high = np.percentile(use[np.isfinite(use)], (5, 50, 95))
            print(f"  GPU {gpu}: {np.nanmean(use):.0f} %, of {low:.0f}, {middle:.0f}, {high:.0f}")
        for state in judge(table, begin_s, end_s):
            print(f"  {state.configuration.rule:18} {state.status.value}")
            for one in state.findings:
                print(f"    {one.found} {one.meaning}")
    return 0


def read(log: Path, gpus: int, memory_mib: float) -> Table:
    """The samples of a log, from its begin on.

    Args:
        gpus: how many come in turn where no column has a GPU's number.
        memory_mib: of a GPU, where no column has it; NaN when it is not known.

    Raises:
        OSError: it cannot be read.
        SettingsError: it has no time or no use of a GPU, or no row of them.
    """
    with log.open(newline="") as file:
        head, *lines = [*csv.reader(file, skipinitialspace=True)] or [[]]
    places = {name: _place(head, known) for name, known in _COLUMNS.items()}
    if places["at_s"] is None or places["use"] is None:
        raise SettingsError(
            f"{log} has no column for the time or for the use of a GPU ({', '.join(head)}); record "
            "with nvidia-smi --query-gpu=timestamp,index,utilization.gpu --format=csv."
        )
    rows = [
        {name: _value(line[place], name) for name, place in places.items() if place is not None}
        for line in lines
        if len(line) == len(head) and line != head
    ]
    series = [
        _series([row for turn, row in enumerate(rows) if row.get("gpu", turn % gpus) == number])
        for number in sorted({row.get("gpu", turn % gpus) for turn, row in enumerate(rows)})
    ]
    if not series:
        raise SettingsError(f"{log} has no rows below its heading; give another log.")
    begin_s = min(float(one["at_s"][0]) for one in series)
    end_s = max(float(one["at_s"][-1]) for one in series)
    at_s = np.arange(begin_s, end_s, _INTERVAL_S, dtype=np.float64)
    columns: dict[str, npt.NDArray[np.float64]] = {}
    for number, one in enumerate(series):
        last = np.maximum(np.searchsorted(one["at_s"], at_s, side="right") - 1, 0)
        columns[names.gpu_column(number, names.GPU_UTILIZATION)] = one["use"][last]
        total_mib = one.get("total_mib", np.full(len(one["at_s"]), memory_mib))
        if "used_mib" in one and np.isfinite(total_mib).any():
            share = 100 * one["used_mib"] / total_mib
            columns[names.gpu_column(number, names.GPU_MEMORY)] = share[last]
    return Table(np.asarray(at_s - begin_s, np.float64), columns)


def judge(table: Table, begin_s: float, end_s: float) -> list[RuleState]:
    """How the standard rules on GPUs stand, with a process on each GPU that trains meanwhile."""
    workers = {f"{HOST}-{gpu}": {"device": "cuda", "gpu": gpu} for gpu in table.gpus}
    steps = {name: trained(begin_s, end_s, 0.5) for name in workers}
    whole: Stretch = run(table, steps, workers)
    chosen = [one for one in standard.configurations() if one.rule in RULES]
    engine = Engine([(one, catalogue.make(one)) for one in chosen])
    engine.look([whole])
    engine.finish()
    return engine.states


def _place(head: Sequence[str], known: Sequence[str]) -> int | None:
    for text in known:
        for place, name in enumerate(head):
            if text in name.strip().lower():
                return place
    return None


def _value(text: str, name: str) -> float:
    if name == "at_s":
        for form in _TIMES:
            try:
                return datetime.strptime(text.strip(), form).timestamp()
            except ValueError:
                continue
    found = _NUMBER.search(text)
    return float(found[0]) if found else np.nan


def _series(rows: Sequence[Mapping[str, float]]) -> dict[str, npt.NDArray[np.float64]]:
    known = [row for row in rows if np.isfinite(row["at_s"])]
    return {name: np.array([row[name] for row in known]) for name in known[0]}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.profile recorded", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("logs", nargs="+", metavar="LOG.csv[@BEGIN-END]")
    parser.add_argument("--gpus", type=int, default=1, help="that come in turn in the logs")
    parser.add_argument("--memory-mib", type=float, default=np.nan, help="memory of a GPU")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
