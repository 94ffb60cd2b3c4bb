"""What computing a step consists of: arithmetic, memory, calls of operators, and the rest.

Arithmetic is the model's operations at the rate of its own heaviest layers, memory the bytes of
the operators that the memory bounds at the measured bandwidth, calls the number of operators
times what calling one takes. All three are of a whole batch as it was measured.
"""

import math
from dataclasses import dataclass

from imageclf.profiler import names
from imageclf.profiler.advice.measured import Measured
from imageclf.profiler.advice.numbers import number, or_zero, positive


@dataclass(frozen=True)
class Work:
    """Parts of a step's computing, in milliseconds; NaN for what was not measured.

    On a processor they follow one another; on a GPU calls go on beside arithmetic and memory.

    Args:
        fixed_ms: what a step takes whatever its batch: calls, the optimiser's update.
        growing_ms: what grows with the batch.
        floor_ms: no batch is faster than this.
    """

    arithmetic_ms: float
    memory_ms: float
    calls_ms: float
    fixed_ms: float
    growing_ms: float
    floor_ms: float = 0.0

    def of_batch(self, factor: float) -> float:
        """Time of computing with `factor` times the pictures."""
        return max(self.floor_ms, self.fixed_ms + self.growing_ms * factor)


def work(run: Measured) -> Work:
    """The parts of the computing of `run`."""
    machine = run.machine
    share = _batch_share(run)
    rate = positive(machine, "layer_gflops", run.precision)
    if math.isnan(rate):
        rate = positive(machine, "peak_gflops", run.precision)
    arithmetic = number(machine, "step", "flop") * share / rate / 1e6
    bandwidth = positive(machine, "bandwidth_gb_s")
    memory = number(machine, "step", "memory_bytes") * share / bandwidth / 1e6
    calls = number(machine, "step", "operators") * positive(machine, "operator_us") / 1e3
    scale = _scale(run, arithmetic, memory)
    arithmetic, memory = arithmetic * scale, memory * scale
    if (fitted := _fitted(run)) is not None:
        fixed, growing = fitted
        return Work(arithmetic, memory, calls, fixed, growing)
    if run.is_cuda:
        waited = launch_gap_ms(run, calls, or_zero(arithmetic) + or_zero(memory))
        floor = or_zero(min(calls, run.compute_ms))
        return Work(arithmetic, memory, calls, 0.0, run.compute_ms - waited, floor)
    fixed = min(run.compute_ms, or_zero(calls) + run.phase_ms[names.OPTIMISER])
    return Work(arithmetic, memory, calls, fixed, run.compute_ms - fixed)


def launch_gap_ms(run: Measured, calls_ms: float, device_ms: float) -> float:
    """Time of a step in which a GPU waits for the next launch, by the model."""
    return max(0.0, min(or_zero(calls_ms), run.compute_ms) - device_ms)


def _batch_share(run: Measured) -> float:
    """The batch of the measured steps against the one that was counted."""
    counted = positive(run.machine, "batch_size")
    return run.images / counted if counted > 0 and run.images else 1.0


def _scale(run: Measured, arithmetic: float, memory: float) -> float:
    """Makes the parts fit into the time that computing really took."""
    together = or_zero(arithmetic) + or_zero(memory)
    passes = run.phase_ms[names.FORWARD] + run.phase_ms[names.BACKWARD]
    room = run.compute_ms if run.is_cuda or not passes else min(passes, run.compute_ms)
    return min(1.0, room / together) if together else 1.0


_FEWEST_STEPS = 5
_FARTHEST = 0.8


def _fitted(run: Measured) -> tuple[float, float] | None:
    """Fixed and growing part from steps of several sizes, as the last batch of each epoch gives.

    None where sizes are too much alike, too few, or do not lie on a rising line.
    """
    sizes = {size: ms for size, (count, ms) in run.by_size.items() if count >= _FEWEST_STEPS}
    if len(sizes) < 2 or min(sizes) > _FARTHEST * max(sizes):
        return None
    small, large = min(sizes), max(sizes)
    each = (sizes[large] - sizes[small]) / (large - small)
    fixed = sizes[large] - each * large
    if each <= 0 or fixed < 0:
        return None
    growing = min(run.compute_ms, each * run.images)
    return run.compute_ms - growing, growing
