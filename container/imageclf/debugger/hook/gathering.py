"""What one saving step has gathered: statistics under way, values, and how they are written."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from imageclf.debugger import statistics as names
from imageclf.debugger.hook import layout
from imageclf.debugger.hook.derived import UNBIASED
from imageclf.debugger.hook.device_statistics import DeviceStatistics
from imageclf.debugger.hook.earlier import Earlier
from imageclf.debugger.hook.passes import SAMPLE_VALUES
from imageclf.debugger.hook.plans import Plan
from imageclf.debugger.hook.step_file import Record
from imageclf.debugger.names import STATISTIC_PREFIX
from imageclf.debugger.statistics import Values

Planned = tuple[str, Tensor, Plan]


@dataclass
class Gathered:
    """All of a step, on the host."""

    statistics: dict[str, dict[str, Values]] = field(default_factory=dict)
    raw: dict[str, Values] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    curves: dict[str, Values] = field(default_factory=dict)
    histograms: dict[str, Values] = field(default_factory=dict)
    from_s: dict[str, float] = field(default_factory=dict)
    """Unix time of raw values that are not of the moment of writing."""

    def records(self) -> list[Record]:
        """The statistics under their names in the files."""
        return [
            Record(f"{STATISTIC_PREFIX}{one.removeprefix(UNBIASED)}/{name}", values)
            for name, found in self.statistics.items()
            for one, values in sorted(found.items())
        ]

    def raw_records(self) -> list[Record]:
        """The values; smdebug's readers choke on none at all, which are left out."""
        return [
            Record(name, values, self.from_s.get(name))
            for name, values in self.raw.items()
            if values.size
        ]

    def shapes_alone(self) -> dict[str, tuple[int, ...]]:
        """Shapes of tensors of which no values are written, as those are their own shape."""
        return {name: shape for name, shape in self.shapes.items() if name not in self.raw}


class Gathering:
    """Takes in the tensors of one step.

    Args:
        earlier: the tensors of the step that was saved before.
        sample_images: so many entries of a batch are enough for a statistic of an activation.
        tensorboard: whether to gather what TensorBoard shows.
    """

    def __init__(self, earlier: Earlier, sample_images: int | None, *, tensorboard: bool) -> None:
        self._earlier = earlier
        self._sample_images = sample_images
        self._tensorboard = tensorboard
        self._device = DeviceStatistics()
        self._changes: list[tuple[str, str, Tensor]] = []
        self._copies: dict[str, Tensor] = {}
        self._curves: dict[str, Tensor] = {}
        self._histograms: dict[str, Tensor] = {}
        self._gathered = Gathered()

    @property
    def empty(self) -> bool:
        """Whether nothing was taken in so far."""
        return not self._gathered.shapes

    @torch.no_grad()
    def take(self, name: str, tensor: Tensor, plan: Plan) -> None:
        """Take in a tensor that may be overwritten as soon as this returns."""
        part = self._part(tensor, plan)
        self._gathered.shapes[name] = tuple(part.shape)
        if plan.statistics:
            self._device.add(name, part, plan.statistics, thin=plan.sampled)
        if plan.change:
            self._changes += self._earlier.compare([(name, tensor, plan.change)])
        if plan.raw:
            self._copies[name] = tensor.detach().clone()
        if self._tensorboard:
            self._show(name, tensor, plan)

    @torch.no_grad()
    def take_all(self, planned: Iterable[Planned], scale: Tensor | None = None) -> None:
        """Take in tensors that stay as they are until `settle`.

        Args:
            scale: the factor that all were multiplied with, which is taken out again.
        """
        planned = list(planned)
        self._gathered.shapes |= {name: tuple(tensor.shape) for name, tensor, _ in planned}
        wanted = [(n, tensor, plan.statistics) for n, tensor, plan in planned if plan.statistics]
        self._device.add_all(wanted, scale)
        changing = [(n, tensor, plan.change) for n, tensor, plan in planned if plan.change]
        self._changes += self._earlier.compare(changing)
        for name, tensor, plan in planned:
            if plan.raw:
                copy = tensor.detach().clone()
                self._copies[name] = copy if scale is None else copy / scale
            if self._tensorboard:
                self._show(name, tensor if scale is None else tensor / scale, plan)

    def settle(self) -> Gathered:
        """Bring what was taken in to the host; waits for the device."""
        self._gathered.statistics |= self._device.collect()
        for name, one, value in self._changes:
            self._gathered.statistics.setdefault(name, {})[one] = np.asarray(float(value))
        self._gathered.raw |= {name: to_numpy(copy) for name, copy in self._copies.items()}
        self._gathered.curves |= {name: to_numpy(one) for name, one in self._curves.items()}
        self._gathered.histograms |= {tag: to_numpy(one) for tag, one in self._histograms.items()}
        self._changes, self._copies, self._curves, self._histograms = [], {}, {}, {}
        return self._gathered

    def forget_overflow(self, prefix: str) -> None:
        """Forget the tensors of that prefix if any of their statistics is beyond all numbers."""
        gathered = self._gathered
        mine = {n: found for n, found in gathered.statistics.items() if n.startswith(prefix)}
        if any(_overflowed(one, value) for found in mine.values() for one, value in found.items()):
            for kept in (gathered.statistics, gathered.raw, gathered.shapes):
                for name in [name for name in kept if name.startswith(prefix)]:
                    del kept[name]

    def _show(self, name: str, tensor: Tensor, plan: Plan) -> None:
        """Keep what TensorBoard shows of a tensor."""
        if plan.curve and tensor.numel() == 1:
            self._curves[name] = layout.plain(tensor).reshape(()).clone()
        if plan.histogram and tensor.numel():
            row = layout.flat(layout.plain(tensor))
            self._histograms[f"{plan.histogram}/{name}"] = layout.sample(row, SAMPLE_VALUES).clone()

    def _part(self, tensor: Tensor, plan: Plan) -> Tensor:
        """What the statistics of an activation are computed of.

        Features [B, F] are few, and a few pictures would not tell a sparse one from a dead one.
        """
        few = self._sample_images
        enough = few is None or not plan.sampled or tensor.ndim < 3 or len(tensor) <= few
        return tensor if enough else tensor[:few]


def _overflowed(name: str, value: Values) -> bool:
    counts = name in {names.NANS, names.INFINITIES}
    return bool(value.any()) if counts else not np.isfinite(value).all()


def to_numpy(tensor: Tensor) -> Values:
    """The values on the host, in a type that smdebug's format can hold."""
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    values = tensor.detach().cpu().numpy()
    return values.astype(np.int32) if values.dtype in (np.int8, np.int16) else values
