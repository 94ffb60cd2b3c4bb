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
    """

    arithmetic_ms: float
    memory_ms: float
    calls_ms: float

    @property
    def device_ms(self) -> float:
        """Arithmetic and memory together; what is not known counts nothing."""
        return or_zero(self.arithmetic_ms) + or_zero(self.memory_ms)


def work(run: Measured) -> Work:
    """The parts of the computing of `run`, no more together than it took."""
    machine, share = run.machine, batch_share(run)
    rate = positive(machine, "layer_gflops", run.precision)
    if math.isnan(rate):
        rate = positive(machine, "peak_gflops", run.precision)
    bandwidth = positive(machine, "bandwidth_gb_s")
    parts = Work(
        arithmetic_ms=number(machine, "step", "flop") * share / rate / 1e6,
        memory_ms=number(machine, "step", "memory_bytes") * share / bandwidth / 1e6,
        calls_ms=number(machine, "step", "operators") * positive(machine, "operator_us") / 1e3,
    )
    fits = min(1.0, passes_ms(run) / parts.device_ms) if parts.device_ms else 1.0
    return Work(parts.arithmetic_ms * fits, parts.memory_ms * fits, parts.calls_ms)


def passes_ms(run: Measured) -> float:
    """Forward and backward pass of the measured steps; all of computing where phases are missing.

    A GPU works on while the process is elsewhere, so there it is all of computing, too.
    """
    passes = run.phase_ms[names.FORWARD] + run.phase_ms[names.BACKWARD]
    return run.compute_ms if run.is_cuda or not passes else min(passes, run.compute_ms)


def launch_gap_ms(run: Measured, parts: Work) -> float:
    """Time of a step in which a GPU waits for the next launch, by the model."""
    return max(0.0, min(or_zero(parts.calls_ms), run.compute_ms) - parts.device_ms)


def batch_share(run: Measured) -> float:
    """The batch of the measured steps against the one that was counted before."""
    counted = positive(run.machine, "batch_size")
    return run.images / counted if run.images and not math.isnan(counted) else 1.0
