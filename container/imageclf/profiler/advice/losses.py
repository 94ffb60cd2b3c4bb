"""What share of the time is lost, and to what."""

from collections.abc import Iterator

from imageclf.profiler import names
from imageclf.profiler.advice.measured import Measured
from imageclf.profiler.advice.numbers import or_zero
from imageclf.profiler.advice.values import Loss
from imageclf.profiler.advice.work import Work, launch_gap_ms
from imageclf.profiler.kernels import Kernels
from imageclf.report.figures import percent

_LEAST = 0.001

RUN = "run"


def losses(run: Measured, parts: Work, kernels: Kernels | None) -> tuple[Loss, ...]:
    """The losses of a step, and those of the run outside its steps, the largest first."""
    found = [*_of_step(run, parts, kernels), *_of_run(run)]
    return tuple(sorted((one for one in found if one.share >= _LEAST), key=lambda one: -one.share))


def _of_step(run: Measured, parts: Work, kernels: Kernels | None) -> Iterator[Loss]:
    data, copy, hook = (
        run.phase_ms[phase] / run.step_ms for phase in (names.DATA, names.COPY, names.HOOK)
    )
    copy = run.device_ms.get(names.COPY, copy * run.step_ms) / run.step_ms
    yield Loss("data", data, f"{percent(data, 0)} of a step is spent waiting for pictures.")
    yield Loss("copies", copy, f"{percent(copy, 0)} of a step brings pictures to the device.")
    yield _launches(run, parts, kernels)
    memory = or_zero(parts.memory_ms) / run.step_ms
    yield Loss(
        "memory",
        memory,
        f"{percent(memory, 0)} of a step goes to operators that move bytes and compute little; "
        "arithmetic in 16 bits halves their bytes.",
    )
    yield Loss(
        "hook", hook, f"{percent(hook, 0)} of a step is the debugger's; saving less often saves it."
    )


def _launches(run: Measured, parts: Work, kernels: Kernels | None) -> Loss:
    if kernels is not None and kernels.launches is not None and kernels.took_ms > 0:
        share = max(0.0, min(1.0, kernels.launches.gap_share))
        said = f"{percent(share, 0)} of the time the GPU waits for the next launch, by its trace."
        return Loss("launches", share, said)
    if run.is_cuda:
        share = launch_gap_ms(run, parts) / run.step_ms
        said = (
            f"By the model the GPU waits {percent(share, 0)} of a step for the next launch; "
            "profile=kernels measures it."
        )
        return Loss("launches", share, said)
    share = min(or_zero(parts.calls_ms), run.compute_ms) / run.step_ms
    said = f"Calling operators takes {percent(share, 0)} of a step, whatever they compute."
    return Loss("launches", share, said)


def _of_run(run: Measured) -> Iterator[Loss]:
    total_s = run.times.total_s
    if not total_s > 0:
        return
    for name, took_s, said in (
        ("evaluation", run.times.evaluation_s, "evaluates"),
        ("checkpoints", run.times.checkpoint_s, "writes checkpoints"),
        ("initialisation", run.times.initialisation_s, "passes before the first step"),
    ):
        share = took_s / total_s
        sentence = (
            f"{percent(share, 0)} of the run passes before the first step."
            if name == "initialisation"
            else f"The run {said} for {percent(share, 0)} of its time."
        )
        yield Loss(name, share, sentence, of=RUN)
