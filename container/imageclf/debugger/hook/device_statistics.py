"""Statistics of many tensors, computed where they are, brought to the host in one go.

What is asked of a tensor comes from a few passes over it that several statistics share (`_PASSES`).
Nothing waits for the device before `collect`; NaN and infinity are counted only where a norm says
that there are any, and those few tensors are looked at again. Types of half precision are added up
in float32. Names and meanings are those of `imageclf.debugger.statistics`, and so are the values.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from imageclf.debugger import statistics as names
from imageclf.debugger.hook import layout
from imageclf.debugger.statistics import Values

SAMPLE_VALUES = 4096
"""Percentiles come from at most so many values of a tensor, evenly spread."""

THIN_VALUES = 2**18
"""The variance of an activation comes from about so many of its values, where it has more,"""
THIN_PLACES = 2048
"""and the activity of a channel from about so many places of its maps."""

_PASSES: Mapping[str, tuple[str, ...]] = {
    "min": ("extremes",),
    "max": ("extremes",),
    "abs_max": ("extremes",),
    "abs_min": ("abs_least",),
    "mean": ("sum",),
    "sum": ("sum",),
    **dict.fromkeys(("abs_mean", "abs_sum", "l1", "abs_l1"), ("l1",)),
    **dict.fromkeys(("l2", "abs_l2"), ("l2",)),
    **dict.fromkeys(("std", "variance"), ("variance",)),
    **dict.fromkeys(("abs_std", "abs_variance"), ("abs_variance",)),
    **dict.fromkeys(("prod", "abs_prod"), ("prod",)),
    names.NANS: ("l2", "nans"),
    names.INFINITIES: ("l2", "infs"),
    names.ZEROS: ("nonzero",),
    names.Q05: ("percentiles",),
    names.Q95: ("percentiles",),
    names.ACTIVITY: ("activity",),
    names.SATURATION_TANH: ("saturation_tanh",),
    names.SATURATION_SIGMOID: ("saturation_sigmoid",),
    names.CHANNEL_MEANS: ("channel_means",),
    names.COUNT: (),
}
"""What has to be computed for each statistic."""

OFFERED = frozenset(_PASSES)

UNBIASED = "unbiased_"
"""`unbiased_std` and `unbiased_variance` divide by n - 1: as smdebug's PyTorch hook reduces."""

_TOO_SMALL = 1e-15
"""Below this, squares in float32 lose digits or vanish."""

Item = tuple[str, Tensor, frozenset[str]]
"""A tensor's name, itself, and the statistics that are wanted of it."""


@dataclass
class _Held:
    """What is known of a tensor on the host, and the tensor while it may be looked at again."""

    wanted: frozenset[str]
    shape: torch.Size
    passes: dict[str, Values] = field(default_factory=dict)
    again: Tensor | None = None


class DeviceStatistics:
    """Takes tensors in, hands their statistics out."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._results: list[tuple[str, str, Tensor]] = []

    def add(self, name: str, tensor: Tensor, wanted: frozenset[str], *, thin: bool = False) -> None:
        """Take in a tensor that may be overwritten as soon as this returns.

        Args:
            thin: whether a part of its values is enough for what is a share or a spread.
        """
        self._take([(name, tensor, wanted)], keep=False, thin=thin)

    def add_all(self, items: Sequence[Item], scale: Tensor | None = None) -> None:
        """Take in many tensors, which stay as they are until `collect`.

        Args:
            scale: the factor that they were all multiplied with, to be taken out again.
        """
        self._take(items, keep=True, thin=False)
        if scale is not None:
            self._results += [(name, "scale", scale.reshape(1)) for name, _, _ in items]

    def collect(self) -> dict[str, dict[str, Values]]:
        """The statistics of all tensors that were taken in since the last call; waits for them."""
        self._fetch()
        self._look_again()
        held, self._held = self._held, {}
        return {name: _statistics(one) for name, one in held.items()}

    def _take(self, items: Sequence[Item], keep: bool, thin: bool) -> None:
        groups: dict[tuple[torch.device, torch.dtype], list[tuple[str, Tensor]]]
        groups = defaultdict(list)
        for name, given, wanted in items:
            tensor = layout.plain(given)
            again = tensor if keep else None
            self._held[name] = _Held(wanted, tensor.shape, again=again)
            if tensor.numel():
                groups[tensor.device, tensor.dtype].append((name, tensor))
        for group in groups.values():
            self._reduce(group, keep, thin)

    def _reduce(self, group: Sequence[tuple[str, Tensor]], keep: bool, thin: bool) -> None:
        needing: dict[str, list[tuple[str, Tensor]]] = defaultdict(list)
        for name, tensor in group:
            for one in _passes(self._held[name].wanted, exact=not keep):
                needing[one].append((name, tensor))
        for one, members in needing.items():
            thinner = _THIN.get(one, _whole) if thin else _whole
            results = _COMPUTE[one]([thinner(tensor) for _, tensor in members])
            pairs = zip(members, results, strict=True)
            self._results += [(name, one, result) for (name, _), result in pairs]

    def _fetch(self) -> None:
        """Bring all results to the host, in one transfer from each device."""
        places: dict[torch.device, list[tuple[str, str, Tensor]]] = defaultdict(list)
        for entry in self._results:
            places[entry[2].device].append(entry)
        self._results = []
        for results in places.values():
            kinds = _kinds([result for _, _, result in results])
            results.sort(key=lambda entry: kinds.index(entry[2].dtype))
            row = _one_row([result for _, _, result in results]).cpu().numpy()
            parts = np.split(row, np.cumsum([result.numel() for _, _, result in results])[:-1])
            for (name, one, result), part in zip(results, parts, strict=True):
                self._held[name].passes[one] = part.reshape(result.shape)

    def _look_again(self) -> None:
        """Count NaN and infinity, and add up in float64, where a norm says that it must be."""
        for name, held in self._held.items():
            norm = held.passes.get("l2")
            if norm is None or held.again is None or _TOO_SMALL < float(norm) < math.inf:
                continue
            row = layout.flat(held.again)
            exact = {"l2": torch.linalg.vector_norm(row, 2, dtype=torch.float64)}
            if not math.isfinite(float(norm)):
                exact |= {"nans": row.isnan().sum(), "infs": row.isinf().sum()}
            self._results += [(name, one, result) for one, result in exact.items()]
        self._fetch()


def _passes(wanted: frozenset[str], exact: bool) -> list[str]:
    """What must be computed for `wanted`; `exact` when there is no second look at the tensor."""
    found: dict[str, None] = {}
    for name in sorted(wanted):
        found.update(dict.fromkeys(_PASSES[name.removeprefix(UNBIASED)]))
    left_out = {"nans", "infs"} if not exact else set()
    return [one for one in found if one not in left_out]


def _one_row(results: Sequence[Tensor]) -> Tensor:
    """All results one after another as float64, with few launches on a GPU."""
    return torch.cat([_joined(results, kind) for kind in _kinds(results)])


def _joined(results: Sequence[Tensor], kind: torch.dtype) -> Tensor:
    return torch.cat([one.reshape(-1) for one in results if one.dtype == kind]).double()


def _kinds(results: Sequence[Tensor]) -> list[torch.dtype]:
    return list(dict.fromkeys(one.dtype for one in results))


def _norms(order: int) -> Callable[[Sequence[Tensor]], Sequence[Tensor]]:
    def compute(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        rows = [layout.flat(tensor) for tensor in tensors]
        return torch._foreach_norm(rows, order, dtype=layout.accumulator(rows[0]))

    return compute


def _each(compute: Callable[[Tensor], Tensor]) -> Callable[[Sequence[Tensor]], Sequence[Tensor]]:
    return lambda tensors: [compute(layout.flat(tensor)) for tensor in tensors]


def _unit_shares(
    test: Callable[[Tensor], Tensor],
) -> Callable[[Sequence[Tensor]], Sequence[Tensor]]:
    """For each unit the share of its values that pass."""

    def share(tensor: Tensor) -> Tensor:
        axes, yes = layout.axes_of_units(tensor), test(tensor)
        if not axes:
            return yes.float()
        counts = yes.view(torch.uint8).sum(axes, dtype=torch.int32)
        return counts / math.prod(tensor.shape[axis] for axis in axes)

    return lambda tensors: [share(tensor) for tensor in tensors]


def _beyond(bounds: tuple[float, float]) -> Callable[[Tensor], Tensor]:
    return lambda tensor: (tensor < bounds[0]) | (tensor > bounds[1])


def _channel_means(tensors: Sequence[Tensor]) -> list[Tensor]:
    def mean(tensor: Tensor) -> Tensor:
        axes = layout.axes_of_units(tensor)
        kind = layout.accumulator(tensor)
        return tensor.mean(axes, dtype=kind) if axes else tensor.to(kind)

    return [mean(tensor) for tensor in tensors]


def _percentiles(tensors: Sequence[Tensor]) -> list[Tensor]:
    """5th and 95th percentile of each tensor, as `numpy.percentile` interpolates."""
    samples = [layout.sample(layout.flat(tensor), SAMPLE_VALUES) for tensor in tensors]
    rows = torch.nn.utils.rnn.pad_sequence(samples, batch_first=True, padding_value=math.nan)
    ordered = _in_order(rows.to(layout.accumulator(rows)))
    last_n = torch.tensor([len(one) - 1 for one in samples], device=rows.device)
    ranks_n2 = last_n[:, None] * torch.tensor([0.05, 0.95], device=rows.device, dtype=torch.double)
    below = ordered.gather(1, ranks_n2.floor().long()).double()
    above = ordered.gather(1, ranks_n2.ceil().long()).double()
    found = below + (above - below) * ranks_n2.frac()
    has_nan = ordered.gather(1, last_n[:, None]).isnan()  # NaN comes last
    return list(torch.where(has_nan, math.nan, torch.where(below == above, below, found)))


def _in_order(rows: Tensor) -> Tensor:
    """Each row sorted; numpy's sort is several times quicker than torch's on a CPU."""
    if rows.device.type == "cpu":
        return torch.from_numpy(np.sort(rows.numpy(), axis=1))
    return rows.sort(dim=1).values


_COMPUTE: Mapping[str, Callable[[Sequence[Tensor]], Sequence[Tensor]]] = {
    "l1": _norms(1),
    "l2": _norms(2),
    "sum": _each(lambda row: row.sum(dtype=layout.accumulator(row))),
    "extremes": _each(lambda row: torch.stack(torch.aminmax(row))),
    "abs_least": _each(lambda row: row.abs().amin()),
    "variance": _each(lambda row: row.to(layout.accumulator(row)).var(correction=0)),
    "abs_variance": _each(lambda row: row.to(layout.accumulator(row)).abs().var(correction=0)),
    "prod": _each(lambda row: row.prod(dtype=torch.float64)),
    "nonzero": _each(torch.count_nonzero),
    "nans": _each(lambda row: row.isnan().sum()),
    "infs": _each(lambda row: row.isinf().sum()),
    "percentiles": _percentiles,
    "activity": _unit_shares(lambda tensor: tensor > 0),
    "saturation_tanh": _unit_shares(_beyond(names.TANH_BOUNDS)),
    "saturation_sigmoid": _unit_shares(_beyond(names.SIGMOID_BOUNDS)),
    "channel_means": _channel_means,
}


def _mean(of: str) -> Callable[[Mapping[str, Values], torch.Size], Values]:
    return lambda passes, shape: passes[of] / shape.numel()


def _counted(of: str) -> Callable[[Mapping[str, Values], torch.Size], Values]:
    return lambda passes, _: passes.get(of, np.zeros(()))


def _one(of: str) -> Callable[[Mapping[str, Values], torch.Size], Values]:
    return lambda passes, _: passes[of]


_FROM_PASSES: Mapping[str, Callable[[Mapping[str, Values], torch.Size], Values]] = {
    "min": lambda passes, _: passes["extremes"][0],
    "max": lambda passes, _: passes["extremes"][1],
    "abs_max": lambda passes, _: np.abs(passes["extremes"]).max(),
    "abs_min": _one("abs_least"),
    "mean": _mean("sum"),
    "sum": _one("sum"),
    "abs_mean": _mean("l1"),
    **dict.fromkeys(("abs_sum", "l1", "abs_l1"), _one("l1")),
    **dict.fromkeys(("l2", "abs_l2"), _one("l2")),
    "variance": _one("variance"),
    "std": lambda passes, _: np.sqrt(passes["variance"]),
    "abs_variance": _one("abs_variance"),
    "abs_std": lambda passes, _: np.sqrt(passes["abs_variance"]),
    "prod": _one("prod"),
    "abs_prod": lambda passes, _: np.abs(passes["prod"]),
    names.NANS: _counted("nans"),
    names.INFINITIES: _counted("infs"),
    names.ZEROS: lambda passes, shape: 1 - passes["nonzero"] / shape.numel(),
    names.Q05: lambda passes, _: passes["percentiles"][0],
    names.Q95: lambda passes, _: passes["percentiles"][1],
    names.ACTIVITY: _one("activity"),
    names.SATURATION_TANH: _one("saturation_tanh"),
    names.SATURATION_SIGMOID: _one("saturation_sigmoid"),
    names.CHANNEL_MEANS: _one("channel_means"),
    names.COUNT: lambda _, shape: np.asarray(shape[0]),
}

_SCALE_FREE = (
    names.NANS,
    names.INFINITIES,
    names.ZEROS,
    names.ACTIVITY,
    names.SATURATION_TANH,
    names.SATURATION_SIGMOID,
    names.COUNT,
)


def _whole(tensor: Tensor) -> Tensor:
    return tensor


def _some(tensor: Tensor) -> Tensor:
    return layout.some_of(layout.flat(tensor), THIN_VALUES)


def _some_lines(tensor: Tensor) -> Tensor:
    return layout.some_lines(tensor, THIN_PLACES)


_THIN: Mapping[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(("variance", "abs_variance"), _some),
    **dict.fromkeys(("activity", "saturation_tanh", "saturation_sigmoid"), _some_lines),
}
"""How a part of a tensor is taken, for what needs not all of it."""


def _statistics(held: _Held) -> dict[str, Values]:
    """What was wanted of a tensor, from what was computed of it."""
    if not held.shape.numel():
        return {name: np.asarray(np.nan) for name in held.wanted}
    scale = float(held.passes.get("scale", np.ones(1))[0])
    with np.errstate(all="ignore"):
        return {name: np.asarray(_statistic(name, held, scale)) for name in held.wanted}


def _statistic(name: str, held: _Held, scale: float) -> Values:
    size = held.shape.numel()
    if name.startswith(UNBIASED):
        plain = name.removeprefix(UNBIASED)
        grown = np.float64(size) / (size - 1) if size > 1 else np.float64(np.nan)
        factor = grown if plain.endswith("variance") else np.sqrt(grown)
        return np.asarray(_statistic(plain, held, scale) * factor)
    value = _FROM_PASSES[name](held.passes, held.shape)
    return value if scale == 1 else value / scale ** _power(name, size)


def _power(name: str, size: int) -> int:
    """How often the scale of the values is a factor of the statistic."""
    if name in _SCALE_FREE:
        return 0
    if name.endswith("prod"):
        return size
    return 2 if name.endswith("variance") else 1
