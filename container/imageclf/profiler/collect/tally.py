"""Sums over the last steps of training, added up in one thread and taken in another."""

from collections.abc import Mapping
from dataclasses import dataclass

from imageclf.profiler import names

_TOOK = names.STEP_COLUMNS.index(names.TOOK)
_DATA = names.STEP_COLUMNS.index(names.host_column(names.DATA))


@dataclass
class _Sums:
    steps: int = 0
    images: int = 0
    took_ms: float = 0.0
    data_ms: float = 0.0


class Tally:
    """What was since the last `take`; `all_steps` counts from the beginning of the run."""

    def __init__(self) -> None:
        self.all_steps = 0
        self._sums = _Sums()

    def step(self, row: tuple[float, ...], images: int) -> None:
        """Count a step, given in the columns `STEP_COLUMNS`."""
        sums = self._sums
        sums.steps += 1
        sums.images += images
        sums.took_ms += row[_TOOK]
        sums.data_ms += row[_DATA]
        self.all_steps += 1

    def take(self) -> Mapping[str, float]:
        """Figures by the tags of TensorBoard; none when there was no step. Begins anew."""
        sums, self._sums = self._sums, _Sums()
        if not sums.steps or not sums.took_ms:
            return {}
        return {
            "profiler/step_ms": sums.took_ms / sums.steps,
            "profiler/images_per_s": sums.images / (sums.took_ms / 1e3),
            "profiler/data_wait_percent": 100 * sums.data_ms / sums.took_ms,
        }
