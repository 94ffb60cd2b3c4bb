"""What is missing of a profile that ought to be there, told in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from imageclf.profiler import names
from imageclf.profiler.files.growing import Growing

SILENCE_S = 30.0
"""Who wrote nothing for so long, while others went on, is said to have stopped."""

Files = Mapping[str, Mapping[str, Growing]]
"""Tables by their kind and name."""


def gaps(files: Files, workers: Mapping[str, Mapping[str, Any]], ended: bool) -> Iterator[str]:
    """Sentences on what is missing.

    Args:
        workers: facts about each process.
        ended: the run has said that nothing more will come.
    """
    system, steps = _latest(files[names.SYSTEM]), _latest(files[names.STEPS])
    latest_s = max([*system.values(), *steps.values()], default=0.0)
    for host, end_s in system.items():
        if latest_s - end_s > SILENCE_S:
            yield f"The machine {host} was not sampled after {end_s:.0f} s."
    last_step_s = max(steps.values(), default=0.0)
    for worker, end_s in steps.items():
        if last_step_s - end_s > SILENCE_S:
            yield f"The process {worker} recorded no step after {end_s:.0f} s, when others went on."
    if ended or last_step_s > SILENCE_S:
        yield from _unsampled(system, steps)
        yield from _unknown(steps, workers)
    if ended:
        yield from _cut_off(files)


def _latest(tables: Mapping[str, Growing]) -> dict[str, float]:
    return {name: one.latest_s for name, one in tables.items() if one.latest_s is not None}


def _unsampled(system: Mapping[str, float], steps: Mapping[str, float]) -> Iterator[str]:
    hosts = dict.fromkeys(worker.rpartition("-")[0] for worker in steps)
    for host in hosts:
        if host not in system:
            yield f"The machine {host} was not sampled."


def _unknown(steps: Mapping[str, float], workers: Mapping[str, Any]) -> Iterator[str]:
    for worker in steps:
        if worker not in workers:
            yield f"The facts about the process {worker} are missing."


def _cut_off(files: Files) -> Iterator[str]:
    for kind, known in files.items():
        for name, one in known.items():
            if one.is_cut_off:
                yield f"The end of {kind}/{name} was not written whole; it was left out."
