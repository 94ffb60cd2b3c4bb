"""How far a step is from the limit of the machine (roofline; Williams et al., 2009).

The peak is the best measured rate of a matrix product and of the model's own heaviest layers, the
bandwidth that of copies. Bytes are those of operators whose tensors do not fit into the cache, one
operator after another, nothing fused; what fuses operators can go below this limit.
"""

from imageclf.profiler.advice.measured import Measured
from imageclf.profiler.advice.numbers import known, number, positive, shown
from imageclf.profiler.advice.values import Roofline
from imageclf.profiler.advice.work import Work, batch_share
from imageclf.report.figures import percent

ARITHMETIC, MEMORY, DATA, LAUNCHES = "arithmetic", "memory", "data", "launches"

_DATA_SHARE = 0.3
_BEYOND = 1.05
"""A step cannot reach more than the peak: the peak was measured too low."""


def roofline(run: Measured, parts: Work) -> Roofline | None:
    """The step against the limit; None where the machine was not measured."""
    machine = run.machine
    peak = positive(machine, "peak_gflops", run.precision)
    bandwidth = positive(machine, "bandwidth_gb_s")
    share = batch_share(run)
    gflop = number(machine, "step", "flop") / 1e9 * share
    gb = number(machine, "step", "bytes") / 1e9 * share
    if not known(peak, bandwidth, gflop, gb):
        return None
    arithmetic_ms, memory_ms = gflop / peak * 1e3, gb / bandwidth * 1e3
    limit_ms = max(arithmetic_ms, memory_ms)
    bound = _bound(run, parts, ARITHMETIC if arithmetic_ms >= memory_ms else MEMORY)
    achieved = gflop / run.step_ms * 1e3
    said = (
        f"A step takes {shown(run.step_ms)} ms; at this machine's measured peaks the arithmetic "
        f"alone would take {shown(arithmetic_ms)} ms and the memory alone {shown(memory_ms)} ms; "
        f"it reaches {percent(achieved / peak, 0)} of the peak arithmetic, "
        + _judged(achieved / peak, bound)
    )
    return Roofline(
        peak_gflops=peak,
        bandwidth_gb_s=bandwidth,
        step_gflop=gflop,
        step_gb=gb,
        achieved_gflops=achieved,
        limit_ms=limit_ms,
        step_ms=run.step_ms,
        bound_by=bound,
        said=said,
    )


_WHY = {
    ARITHMETIC: "arithmetic bounds it",
    MEMORY: "the bandwidth of the memory bounds it",
    DATA: "waiting for pictures bounds it",
    LAUNCHES: "calling operators bounds it",
}


def _judged(reached: float, bound: str) -> str:
    """The end of the sentence; of peaks that cannot be right it says so."""
    if reached > _BEYOND:
        return "so the machine had other work when its peaks were measured, before the first step."
    return f"and {_WHY[bound]}."


def _bound(run: Measured, parts: Work, by_limit: str) -> str:
    """What keeps the step from being shorter."""
    if run.data_ms > _DATA_SHARE * run.step_ms:
        return DATA
    if known(parts.calls_ms) and parts.calls_ms > parts.device_ms:
        return LAUNCHES
    return by_limit
