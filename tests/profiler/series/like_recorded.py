"""Series in the shapes of recordings that others published; made with a seed, not recorded.

What nvidia-smi and the like recorded of GPUs that train was looked at, and pauses, levels and jumps
are imitated here; no recorded series is taken over. The published recordings: `one_low`,
`one_pauses`, `both_pause`, `teeth_low` and `memory_settles` are like runs of
grantwilkins/training_profile (H100 and TITAN V), `two_stalls` is like one of karpathy/nanoGPT, pull
request 643 (eight GPUs), `steady_42` like one of Patrickeraa/Ember, `one_unused` like one of
tkjunsei/OpenAD. Of a loader that starves, of memory that leaks and of waiting for disks no
recording was found.
"""

import numpy as np
import numpy.typing as npt

INTERVAL_S = 0.5

Values = npt.NDArray[np.float64]
Series = dict[str, Values]


def all_of(draw: np.random.Generator) -> dict[str, Series]:
    """All series, each two samples a second."""
    return {
        "one_low": _one_low(draw),
        "one_pauses": _one_pauses(draw),
        "both_pause": _both_pause(draw),
        "teeth_low": _teeth_low(draw),
        "memory_settles": _memory_settles(draw),
        "two_stalls": _two_stalls(draw),
        "steady_42": _gpus(_about(draw, 42, 6, 740), memory=7),
        "one_unused": _gpus(_about(draw, 92, 4, 480), np.zeros(480), memory=30),
    }


def _one_low(draw: np.random.Generator) -> Series:
    """GPU 0 works for 1.5 s of 36 s; the others wait for it, which reads 100 %."""
    time_s = _times(300)
    works = time_s % 36 >= 36 - 1.5
    first = np.where(works, 95.0, _about(draw, 4, 2, len(time_s)))
    return _gpus(first, *([np.full(len(time_s), 100.0)] * 7), memory=50.6)


def _one_pauses(draw: np.random.Generator) -> Series:
    """GPU 0 pauses 21 s every 68 s; the others wait for it, which reads 100 %."""
    time_s = _times(550)
    paused = time_s % 68 >= 68 - 21
    rows = [np.where(paused, 100.0, _about(draw, 91, 4, len(time_s))) for _ in range(7)]
    first = np.where(paused, _about(draw, 4, 2, len(time_s)), _about(draw, 91, 4, len(time_s)))
    return _gpus(first, *rows, memory=50.6)


def _both_pause(draw: np.random.Generator) -> Series:
    """Both GPUs pause 14 s every 36 s."""
    time_s = _times(318)
    paused = time_s % 36 >= 36 - 14
    rows = [np.where(paused, 0.0, _about(draw, 96, 3, len(time_s))) for _ in range(2)]
    return _gpus(*rows, memory=55.4)


def _teeth_low(draw: np.random.Generator) -> Series:
    """Teeth between 0 and 90 %, 28 % on the mean, each window with as many high ones."""
    golden = (5**0.5 - 1) / 2
    spread = [(np.arange(756) * golden + draw.random()) % 1 for _ in range(2)]
    teeth: list[Values] = [90 * np.power(one, 2.2, dtype=np.float64) for one in spread]
    return _gpus(*teeth, memory=28.2)


def _memory_settles(draw: np.random.Generator) -> Series:
    """Memory rises in steps until 112 s, the greatest within a second, and stays for 475 s."""
    time_s = _times(587)
    at_s = np.array([0.0, 12.0, 27.5, 33.0, 33.5, 34.0, 88.0, 88.5]) + 24
    levels = np.array([38.0, 41.0, 42.0, 57.0, 59.0, 61.0, 64.0, 67.0])
    memory = levels[np.maximum(np.searchsorted(at_s, time_s, side="right") - 1, 0)]
    return {**_gpus(_about(draw, 98, 1, len(time_s)), memory=0), "gpu0_memory": memory}


def _two_stalls(draw: np.random.Generator) -> Series:
    """Eight GPUs at 98 to 100 %, of which seven stall for 4 s and for 1.5 s in the first 72 s."""
    time_s = _times(1085)
    stalled = ((time_s >= 44) & (time_s < 48)) | ((time_s >= 70) & (time_s < 71.5))
    rows = [np.where(stalled, 0.0, _about(draw, 99.5, 0.5, len(time_s))) for _ in range(7)]
    return _gpus(_about(draw, 99.5, 0.5, len(time_s)), *rows, memory=60)


def _times(seconds: int) -> Values:
    return np.arange(0, seconds, INTERVAL_S, dtype=np.float64)


def _about(draw: np.random.Generator, mean: float, deviation: float, points: int) -> Values:
    return draw.normal(mean, deviation, points)


def _gpus(*utilizations: Values, memory: float) -> Series:
    """A host of whose cores a third is busy, and none waits."""
    still = np.zeros(len(utilizations[0]))
    gpus = {f"gpu{number}_utilization": one for number, one in enumerate(utilizations)}
    full = {f"gpu{number}_memory": still + memory for number in range(len(utilizations))}
    return {"cpu": still + 30, "io_wait": still, **gpus, **full}
