"""CheckInputImages: the pictures that go into the network are not centred on zero."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from imageclf.debugger import names, statistics
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.labels import selection
from imageclf.debugger.rules.selection import Patterns
from imageclf.debugger.rules.telling import Spells, at, finding
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

Means = npt.NDArray[np.float64]

_REGEX = ".*hybridsequential0_input_0"


class CheckInputImagesParameters(RuleParameters):
    """As documented. While `regex` is the default, the collection `inputs` is looked at too."""

    threshold_mean: float = Field(0.2, ge=0)
    threshold_samples: int = Field(500, ge=1)
    regex: Patterns = _REGEX
    channel: int = Field(1, ge=1, le=4)


class CheckInputImages(Rule):
    """Fires when the mean of a channel over `threshold_samples` pictures is too far from zero.

    `channel` is the axis of the channels: 1 for [B, C, H, W], 3 for [B, H, W, C].
    """

    name = "CheckInputImages"
    Parameters = CheckInputImagesParameters
    parameters: CheckInputImagesParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._selection = selection(self.parameters.regex, _REGEX, names.INPUTS)
        self._sums: dict[str, _Sum] = {}
        self._spells = Spells()

    def needs(self) -> Needs:
        raw = frozenset({statistics.RAW})
        if not self._channels_are_second:
            return {names.INPUTS: raw}
        means = frozenset({statistics.CHANNEL_MEANS, statistics.COUNT})
        return {names.INPUTS: means, names.INPUT_SAMPLE: raw}

    @property
    def _channels_are_second(self) -> bool:
        return self.parameters.channel == 1

    def look(self, step: SavedStep) -> Iterator[Finding]:
        for tensor in self._selection.tensors(step):
            means = self._means(tensor)
            if means is None:
                continue
            total = self._sums.setdefault(tensor.name, _Sum(np.zeros_like(means)))
            total.add(means, _count(tensor))
            if total.pictures >= self.parameters.threshold_samples:
                self.looked += 1
                yield from self._judge(step, tensor, total)

    def missing(self) -> str:
        if self._sums:
            return ""
        return (
            "CheckInputImages needs inputs, and none were saved; "
            "add them to the hook's collections."
        )

    def _means(self, tensor: Saved) -> Means | None:
        """Mean of each channel; None for what is no batch of pictures or cannot be had."""
        if self._channels_are_second and statistics.CHANNEL_MEANS in tensor.saved_statistics:
            return np.atleast_1d(tensor.saved_statistics[statistics.CHANNEL_MEANS])
        values = tensor.values
        if values is None or values.ndim <= max(self.parameters.channel, 2) or not len(values):
            return None
        axes = statistics.unit_axes(values.ndim, self.parameters.channel)
        return np.asarray(np.mean(values, axis=axes, dtype=np.float64))

    def _judge(self, step: SavedStep, tensor: Saved, total: "_Sum") -> Iterator[Finding]:
        means = total.means
        worst = int(np.abs(means).argmax())
        threshold = self.parameters.threshold_mean
        far = not abs(means[worst]) <= threshold
        if not self._spells.begins(tensor.name, far):
            return
        yield finding(
            self,
            step,
            tensor,
            value=abs(means[worst]),
            threshold=threshold,
            found=f"Over {total.pictures} pictures {at(step)} the mean of channel {worst} of "
            f"{tensor.name} is {means[worst]:.4g}, further than {threshold:g} from 0.",
            meaning="The pictures are not normalised as the network expects: it sees values that "
            "its weights were not made for.",
            advice="Subtract the mean and divide by the standard deviation of each channel, by the "
            "figures that the pretrained weights were trained with; pictures that are all dark or "
            "bright may lie off zero rightly, then raise threshold_mean.",
            details={"channel_means": means.tolist(), "pictures": total.pictures},
        )


@dataclass
class _Sum:
    """Sum of the means of each channel, weighted by pictures."""

    weighted: Means
    pictures: int = 0

    def add(self, means: Means, pictures: int) -> None:
        self.weighted = self.weighted + means * pictures
        self.pictures += pictures

    @property
    def means(self) -> Means:
        return self.weighted / max(self.pictures, 1)


def _count(tensor: Saved) -> int:
    """Pictures in the batch."""
    count = tensor.statistic(statistics.COUNT)
    if count is not None:
        return int(count)
    return tensor.shape[0] if tensor.shape else 1
