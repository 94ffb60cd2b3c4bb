"""Which passes over a tensor each statistic needs, and how it follows from their results."""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from imageclf.debugger import statistics as names
from imageclf.debugger.statistics import Values

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
    names.NANS: ("norm", "nans"),
    names.INFINITIES: ("norm", "infs"),
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


def passes(wanted: frozenset[str], exact: bool) -> list[str]:
    """What must be computed for `wanted`; `exact` when there is no second look at the tensor.

    Whether there is NaN or infinity at all, any norm says; one that is wanted anyway is taken.
    """
    found: dict[str, None] = {}
    for name in sorted(wanted):
        found.update(dict.fromkeys(_PASSES[name.removeprefix(UNBIASED)]))
    if "norm" in found and not exact and not found.keys() & {"l1", "l2"}:
        found["l2"] = None
    left_out = {"norm"} if exact else {"norm", "nans", "infs"}
    return [one for one in found if one not in left_out]


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
    names.COUNT: lambda _, shape: np.asarray(shape[0] if shape else 1),
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


def statistics(
    wanted: frozenset[str], results: Mapping[str, Values], shape: torch.Size
) -> dict[str, Values]:
    """What is wanted of a tensor of this shape, from the results of the passes over it."""
    if not shape.numel():
        return {name: np.asarray(np.nan) for name in wanted}
    scale = float(results.get("scale", np.ones(1))[0])
    with np.errstate(all="ignore"):
        return {name: np.asarray(_statistic(name, results, shape, scale)) for name in wanted}


def _statistic(name: str, results: Mapping[str, Values], shape: torch.Size, scale: float) -> Values:
    size = shape.numel()
    if name.startswith(UNBIASED):
        plain = name.removeprefix(UNBIASED)
        grown = np.float64(size) / (size - 1) if size > 1 else np.float64(np.nan)
        factor = grown if plain.endswith("variance") else np.sqrt(grown)
        return np.asarray(_statistic(plain, results, shape, scale) * factor)
    value = _FROM_PASSES[name](results, shape)
    return value if scale == 1 else value / scale ** _power(name, size)


def _power(name: str, size: int) -> int:
    """How often the scale of the values is a factor of the statistic."""
    if name in _SCALE_FREE:
        return 0
    if name.endswith("prod"):
        return size
    return 2 if name.endswith("variance") else 1
