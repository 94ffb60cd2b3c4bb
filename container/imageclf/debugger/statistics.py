"""What is saved in place of a tensor's values, and how it is computed from them.

The first nine, also with `abs_` before them (the same of the absolute values), are smdebug's
reductions. The others are ours; they are saved under names of the same form. A statistic of a
tensor without values is NaN.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

SMDEBUG = ("min", "max", "mean", "std", "variance", "sum", "prod", "l1", "l2")

NANS = "nans"
"""How many values are NaN."""
INFINITIES = "infs"
"""How many values are infinite."""
ZEROS = "zeros"
"""Share of the values that are exactly zero, 0 to 1."""
Q05 = "q05"
"""5th percentile, over all values or an even sample of them."""
Q95 = "q95"
"""95th percentile, likewise."""
ACTIVITY = "activity"
"""Vector: for each unit the share of its values above zero. See `unit_axes`."""
SATURATION_TANH = "saturation_tanh"
"""Vector: for each unit the share of values beyond the bounds of SaturatedActivation for tanh."""
SATURATION_SIGMOID = "saturation_sigmoid"
"""Vector: likewise for the sigmoid."""
TANH_BOUNDS = (-9.4999, 9.4999)
SIGMOID_BOUNDS = (-23.0, 16.99999)
"""Defaults of SaturatedActivation; beyond them the function is flat."""
CHANNEL_MEANS = "channel_means"
"""Vector [C]: the mean of each channel of a batch of pictures."""
COUNT = "count"
"""Pictures in the batch: the length of the first axis."""
UPDATE_RATIO = "update_ratio"
"""Mean |w - w before| over (mean |w before| + 1e-9), where `before` is the last saved step."""
UPDATE_EPSILON = 1e-9
"""WeightUpdateRatio's default, so that weights of zero have a ratio too."""
UNCHANGED = "unchanged"
"""1 when all values are close to those of the last saved step (as `numpy.allclose`), else 0."""

RAW = "raw"
"""Not a statistic: the values themselves."""


_SAME = {
    "l1": ("abs_l1", "abs_sum"),
    "abs_l1": ("l1", "abs_sum"),
    "abs_sum": ("l1", "abs_l1"),
    "l2": ("abs_l2",),
    "abs_l2": ("l2",),
}
"""Names of one and the same."""


def unit_axes(ndim: int, channel: int = 1) -> tuple[int, ...]:
    """The axes over which the values of one unit lie: all but that of the channels or features."""
    return tuple(axis for axis in range(ndim) if axis != min(channel, ndim - 1))


def of_values(name: str, values: Values) -> Values | None:
    """The statistic `name` of `values`; None when it cannot be had of them alone."""
    compute = _FUNCTIONS.get(name)
    if compute is None:
        return None
    values = np.asarray(values)
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if not values.size:
        return np.asarray(np.nan)
    with np.errstate(all="ignore"):
        return np.asarray(compute(values))


def derived(name: str, known: Mapping[str, Values], shape: tuple[int, ...] | None) -> Values | None:
    """The statistic `name` from others that are `known` of the same tensor; None if it cannot."""
    for same in _SAME.get(name, ()):
        if same in known:
            return np.asarray(known[same])
    size = int(np.prod(shape)) if shape is not None else 0
    if name == "variance" and "std" in known:
        return np.square(known["std"], dtype=np.float64)
    if name == "std" and "variance" in known:
        return np.sqrt(known["variance"], dtype=np.float64)
    total = _sum_of_absolute(known) if name == "abs_mean" else known.get("sum")
    if name in {"mean", "abs_mean"} and total is not None and size:
        return np.asarray(total, dtype=np.float64) / size
    return None


def _sum_of_absolute(known: Mapping[str, Values]) -> Values | None:
    return next((known[name] for name in ("l1", *_SAME["l1"]) if name in known), None)


def _norm(order: int) -> Callable[[Values], Any]:
    return lambda values: np.linalg.norm(values.astype(np.float64).ravel(), order)


_PLAIN: Mapping[str, Callable[[Values], Any]] = {
    "min": np.min,
    "max": np.max,
    "mean": lambda values: np.mean(values, dtype=np.float64),
    "std": lambda values: np.std(values, dtype=np.float64),
    "variance": lambda values: np.var(values, dtype=np.float64),
    "sum": lambda values: np.sum(values, dtype=np.float64),
    "prod": lambda values: np.prod(values, dtype=np.float64),
    "l1": _norm(1),
    "l2": _norm(2),
}


def _of_absolute(compute: Callable[[Values], Any]) -> Callable[[Values], Any]:
    return lambda values: compute(np.abs(values))


def _share_beyond(bounds: tuple[float, float]) -> Callable[[Values], Any]:
    least, most = bounds
    return lambda values: np.mean((values < least) | (values > most), axis=unit_axes(values.ndim))


_FUNCTIONS: Mapping[str, Callable[[Values], Any]] = {
    **_PLAIN,
    **{f"abs_{name}": _of_absolute(compute) for name, compute in _PLAIN.items()},
    NANS: lambda values: np.isnan(values).sum(),
    INFINITIES: lambda values: np.isinf(values).sum(),
    ZEROS: lambda values: np.mean(values == 0),
    Q05: lambda values: np.percentile(values, 5),
    Q95: lambda values: np.percentile(values, 95),
    ACTIVITY: lambda values: np.mean(values > 0, axis=unit_axes(values.ndim)),
    SATURATION_TANH: _share_beyond(TANH_BOUNDS),
    SATURATION_SIGMOID: _share_beyond(SIGMOID_BOUNDS),
    CHANNEL_MEANS: lambda values: np.mean(values, axis=unit_axes(values.ndim), dtype=np.float64),
    COUNT: len,
}
