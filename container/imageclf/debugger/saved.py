"""What was saved: one tensor at one step, and all tensors of a step.

This is what rules look at. Whether values or only statistics of them were saved, and by whom, they
need not know.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np

from imageclf.debugger import statistics
from imageclf.debugger.statistics import Values


class Mode(Enum):
    """What the network was doing; smdebug's names and numbers."""

    TRAIN = 1
    EVAL = 2
    PREDICT = 3
    GLOBAL = 4


@dataclass(frozen=True)
class Saved:
    """One tensor at one step, as one worker saved it.

    `saved_statistics` are those that were saved; `load`, when not None, reads the values.
    """

    name: str
    collections: frozenset[str] = frozenset()
    worker: str = "worker_0"
    shape: tuple[int, ...] | None = None
    saved_statistics: Mapping[str, Values] = field(default_factory=dict)
    load: Callable[[], Values] | None = None

    @cached_property
    def values(self) -> Values | None:
        """The values themselves, if they were saved.

        Raises:
            TensorsError: the file is damaged.
        """
        return None if self.load is None else np.asarray(self.load())

    def statistic(self, name: str) -> float | None:
        """A statistic that is one number: as saved, from others, or from the values; else None."""
        found = self.vector(name)
        return None if found is None or found.size != 1 else float(found.reshape(()))

    def vector(self, name: str) -> Values | None:
        """A statistic of any shape, likewise."""
        if name in self.saved_statistics:
            return np.asarray(self.saved_statistics[name])
        derived = statistics.derived(name, self.saved_statistics, self.shape)
        if derived is not None:
            return derived
        return None if self.values is None else statistics.of_values(name, self.values)


@dataclass(frozen=True)
class SavedStep:
    """All that was saved at one step. `number` counts over all modes; `at_s` is Unix time."""

    number: int
    mode: Mode
    mode_step: int
    at_s: float
    tensors: tuple[Saved, ...]

    def select(self, collection: str | None = None, regex: str | None = None) -> Iterator[Saved]:
        """The tensors that are in `collection` or whose names `regex` finds; all without either."""
        pattern = re.compile(regex) if regex else None
        for tensor in self.tensors:
            everything = collection is None and pattern is None
            inside = collection is not None and collection in tensor.collections
            if everything or inside or (pattern is not None and pattern.search(tensor.name)):
                yield tensor
