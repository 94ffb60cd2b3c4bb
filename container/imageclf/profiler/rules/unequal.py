"""Which GPUs of a host are the odd ones, when some pairs of them differ; and words for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from imageclf.report.figures import listing

Pair = tuple[int, int]
"""Two GPUs of a host, the smaller number first."""

_IDLE_PERCENT = 1.0


@dataclass(frozen=True)
class Unequal:
    """GPUs of a host that differ from others of it.

    Args:
        odd: numbers of the fewest GPUs with which all pairs that differ are explained.
        others: those from which they differ.
        distances: of the histograms of these pairs.
        means: utilisation of each GPU of the host that is used, per cent.
    """

    host: str
    odd: tuple[int, ...]
    others: tuple[int, ...]
    distances: Mapping[Pair, float]
    means: Mapping[int, float]

    @property
    def where(self) -> str:
        """Where there are but two GPUs, neither is odder, and both are named."""
        return f"{_gpus(self.odd if self._among_several else self._both)} of {self.host}"

    @property
    def words(self) -> dict[str, str]:
        """The three sentences of a finding."""
        return {"found": self._found, **self._why}

    @property
    def _among_several(self) -> bool:
        return len(self.means) > 2

    @property
    def _both(self) -> tuple[int, ...]:
        return tuple(sorted((*self.odd, *self.others)))

    @property
    def _found(self) -> str:
        greatest = f"{max(self.distances.values()):.2f}"
        if not self._among_several:
            first, second = self._both
            return (
                f"GPU {first} and GPU {second} of {self.host} did unequal work: "
                f"{self.means[first]:.0f} % and {self.means[second]:.0f} % on the mean, and their "
                f"histograms differ by {greatest}."
            )
        many = f"{len(self.others)} others" if self.others[1:] else f"GPU {self.others[0]}"
        return (
            f"{self.where} did other work than {many}: {self._range(self.odd)} on the mean, not "
            f"{self._range(self.others)}, and histograms that differ by up to {greatest}."
        )

    @property
    def _why(self) -> dict[str, str]:
        low = [self.means[each] for each in self.odd]
        if max(low) < _IDLE_PERCENT:
            return _IDLE
        mean_of_others = sum(self.means[each] for each in self.others) / len(self.others)
        return _LOW if sum(low) / len(low) < mean_of_others else _HIGH

    def _range(self, gpus: Sequence[int]) -> str:
        low, high = (f"{one(self.means[each] for each in gpus):.0f}" for one in (min, max))
        return f"{low} %" if low == high else f"{low} to {high} %"


_IDLE = {
    "meaning": "A GPU that does nothing is used by no process of the training, or its process "
    "stands still.",
    "advice": "Train with one process for each GPU, or take an instance with fewer GPUs.",
}
_LOW = {
    "meaning": "A GPU that reads low holds up the others as a rule: one that waits for another in "
    "a collective operation can read 100 %.",
    "advice": "Look at what SlowRank and LongCheckpoints say, and for what the process of the GPU "
    "that reads low does alone: checkpoints, logs, evaluation, slower reading.",
}
_HIGH = {
    "meaning": "Others have less to do than the GPU that reads high, or it only waits for them: "
    "in a collective operation one that waits can read 100 %.",
    "advice": "Give each GPU a process and as many pictures as the others, and look at what "
    "SlowRank says.",
}


def odd_ones(pairs: Collection[Pair], means: Mapping[int, float]) -> tuple[int, ...]:
    """The GPUs that differ from most others, until each of the `pairs` that differ has one of them.

    Of GPUs that differ from as many, the one that is used least. None of them can be left out.
    """
    left, found = set(pairs), set[int]()
    while left:
        gpus = sorted({each for pair in left for each in pair})
        odd = max(gpus, key=lambda each: (sum(each in pair for pair in left), -means[each]))
        found.add(odd)
        left = {pair for pair in left if odd not in pair}
    for each in sorted(found):
        if all((found - {each}) & set(pair) for pair in pairs):
            found.remove(each)
    return tuple(sorted(found))


def _gpus(numbers: Sequence[int]) -> str:
    return f"GPU{'s' if numbers[1:] else ''} {listing(list(map(str, numbers)))}"
