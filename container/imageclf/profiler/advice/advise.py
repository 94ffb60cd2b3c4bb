"""All advice on a run, from what was measured; never from a list of tips.

`losses` says where the time goes, `predictions` what a change would bring, `roofline` how far the
step is from what the machine can do. What cannot be said is said to be missing.
"""

import math
from collections.abc import Iterator
from typing import Any

from imageclf.profiler.advice.losses import losses
from imageclf.profiler.advice.measured import Measured, Source, measured
from imageclf.profiler.advice.model import StepModel
from imageclf.profiler.advice.numbers import positive
from imageclf.profiler.advice.predictions import Run, predictions
from imageclf.profiler.advice.roofline import roofline
from imageclf.profiler.advice.values import Advised
from imageclf.profiler.advice.work import work
from imageclf.profiler.kernels import Kernels


def advise(
    profile: Source, kernels: Kernels | None = None, dollars_an_hour: float | None = None
) -> Advised:
    """What limits the run in `profile`, and what to change.

    Args:
        profile: refreshed.
        kernels: of its windows of steps, where there are any.
        dollars_an_hour: price of one host, instead of the one that the run itself knew.
    """
    run = measured(profile)
    if run is None:
        return Advised(gaps=("No two training steps were recorded, so there is no advice.",))
    parts = work(run)
    price = positive(run.facts, "dollars_an_hour") if dollars_an_hour is None else dollars_an_hour
    base = Run(run, StepModel.of(run), parts, price)
    return Advised(
        losses=losses(run, parts, kernels),
        predictions=predictions(base),
        roofline=roofline(run, parts),
        gaps=tuple(_gaps(run)),
        facts=_facts(base),
    )


def _gaps(run: Measured) -> Iterator[str]:
    if not run.machine:
        yield (
            "The machine was not measured in this run, so the roofline and the predictions of "
            "batch size and bf16 are missing."
        )
    faults = run.machine.get("faults")
    yield from map(str, faults if isinstance(faults, list) else ())
    if run.reading is None:
        yield (
            "How long pictures take to read was not recorded, so what other workers or cached "
            "decoding would bring follows from the waits for data, or is missing."
        )
    if math.isnan(run.busy_cores):
        yield "The use of the cores was not sampled, so it is taken from computing and decoding."


def _facts(run: Run) -> dict[str, Any]:
    was = run.measured
    return {
        "worker": was.worker,
        "steps": was.steps,
        "step_ms": was.step_ms,
        "images_per_s": was.images_per_s(was.step_ms),
        "run_s": was.times.loop_s,
        "total_s": was.times.total_s,
        "run_cost": run.cost(was.times.total_s),
        "phases_ms": dict(was.phase_ms),
    }
