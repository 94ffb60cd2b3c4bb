"""Makes `synthesised.npz`: series of GPUs as NVML gives them, every 500 ms for five minutes.

They are synthesised with a seed and not recorded: where they were made there is no GPU. Their
shapes follow what is published of real ones: a training that keeps its GPU busy reads 98 to 100 %
with a dip now and then (nvidia-smi logs in the guides of computing centres); a loader that cannot
keep up shows as saw teeth between 0 and 100 %; one process that drives several GPUs uses the first
more than the others; unused ones read 0 % (the MIT Supercloud Dataset, Samsi et al. 2021, has all
of them). Whole per cents, as NVML counts. `like_recorded` adds shapes that recordings of others
have, which are longer. Run as `python -m tests.profiler.series.make`.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.profiler.series import like_recorded
from tests.profiler.series.like_recorded import INTERVAL_S, Series, Values

__all__ = ["FILE", "INTERVAL_S", "POINTS"]

FILE = Path(__file__).with_name("synthesised.npz")
POINTS = 600

_NOTE = "synthesised by make.py with a seed, not recorded on a GPU"


def main() -> None:
    """Write the file."""
    with zipfile.ZipFile(FILE, "w") as archive:
        for name, values in arrays().items():
            with archive.open(_entry(name), "w") as entry:
                np.save(entry, values)


def arrays() -> dict[str, npt.NDArray[Any]]:
    """What the file holds: for each series its values [columns, points], and their names."""
    found: dict[str, npt.NDArray[Any]] = {"note": np.array(_NOTE)}
    draw = np.random.default_rng(20)
    for name, series in (*_all(draw).items(), *like_recorded.all_of(draw).items()):
        values = np.stack(list(series.values()))
        found[name] = np.clip(np.rint(values), 0, 100).astype(np.uint8)
        found[f"{name}_columns"] = np.array(list(series))
    return found


def _entry(name: str) -> zipfile.ZipInfo:
    """Dated 1980, so that the same series give the same file."""
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _all(draw: np.random.Generator) -> dict[str, Series]:
    time_s = np.arange(POINTS, dtype=np.float64) * INTERVAL_S
    busy = _busy(draw)
    teeth = np.where(time_s % 4 < 2.4, draw.normal(96, 2, POINTS), draw.normal(2, 2, POINTS))
    starved = np.where(draw.random(POINTS) < 0.8, draw.normal(3, 2, POINTS), 60)
    steady = np.full(POINTS, 81.0)
    return {
        "healthy_a100": _one(busy, steady, draw.normal(35, 6, POINTS)),
        "under_used": _one(draw.normal(32, 6, POINTS), steady, draw.normal(80, 5, POINTS)),
        "small_batch": _one(draw.normal(32, 6, POINTS), steady - 70, draw.normal(22, 4, POINTS)),
        "fluctuating": _one(teeth, steady, draw.normal(55, 8, POINTS)),
        "idle": _one(np.zeros(POINTS), np.zeros(POINTS), draw.normal(12, 3, POINTS)),
        "memory_grows": _one(busy, 30 + time_s * 0.12, draw.normal(35, 6, POINTS)),
        "cpu_bottleneck": _one(starved, steady, draw.normal(98, 1, POINTS)),
        "io_bottleneck": {
            **_one(starved, steady, draw.normal(12, 3, POINTS)),
            "io_wait": draw.normal(78, 6, POINTS),
        },
        "eight_balanced": _several([_busy(draw) for _ in range(8)]),
        "eight_unbalanced": _several(
            [_busy(draw), *(draw.normal(45, 5, POINTS) for _ in range(7))],
        ),
    }


def _busy(draw: np.random.Generator) -> Values:
    dips = draw.random(POINTS) < 0.01
    return np.where(dips, draw.normal(60, 15, POINTS), draw.normal(97.5, 1.2, POINTS))


def _one(utilization: Values, memory: Values, cpu: Values) -> Series:
    still = np.zeros(POINTS)
    return {
        "cpu": cpu,
        "io_wait": still,
        "gpu0_utilization": utilization,
        "gpu0_memory": memory,
    }


def _several(utilizations: list[Values]) -> Series:
    still = np.zeros(POINTS)
    gpus = {f"gpu{number}_utilization": one for number, one in enumerate(utilizations)}
    memory = {f"gpu{number}_memory": still + 70 for number in range(len(utilizations))}
    return {"cpu": still + 40, "io_wait": still, **gpus, **memory}


if __name__ == "__main__":
    main()
