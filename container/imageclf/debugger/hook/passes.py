"""Passes over tensors on their device: what several statistics share, computed once."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from imageclf.debugger import statistics as names
from imageclf.debugger.hook import layout

SAMPLE_VALUES = 2048
"""Percentiles come from at most so many values of a tensor, evenly spread."""

THIN_VALUES = 2**16
"""The variance of an activation comes from about so many of its values, where it has more,"""
THIN_PLACES = 1024
"""and the activity of a channel from about so many places of its maps."""

_PIECE = 2**16
"""So many values are added up in float32 before float64 takes over, on a CPU."""

Pass = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""Takes tensors of one device and type, none without values; gives a result for each."""


def compute(name: str, tensors: Sequence[Tensor], *, thin: bool) -> Sequence[Tensor]:
    """Do the pass `name` over tensors of one device and type.

    Args:
        thin: whether a part of the values is enough for what is a share or a spread.
    """
    part = _THIN.get(name) if thin else None
    return _COMPUTE[name](tensors if part is None else [part(tensor) for tensor in tensors])


def _l1(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """Sums of absolute values; torch's own norm on a CPU is slower, and adds up one by one."""
    rows = [layout.flat(tensor) for tensor in tensors]
    if _on_cpu(rows):
        return [_sum_of_absolute(row) for row in rows]
    return torch._foreach_norm(rows, 1, dtype=layout.accumulator(rows[0]))


def _sum_of_absolute(row: Tensor) -> Tensor:
    buffer = torch.empty(min(len(row), _PIECE), dtype=row.dtype)
    kind = layout.accumulator(row)
    sums = [
        torch.abs(piece, out=buffer[: len(piece)]).sum(dtype=kind) for piece in row.split(_PIECE)
    ]
    return torch.stack(sums).double().sum()


def _l2(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """Euclidean norms; on a CPU of pieces, since many squares are added up in float32."""
    rows = [layout.flat(tensor) for tensor in tensors]
    kind = layout.accumulator(rows[0])
    if not _on_cpu(rows):
        return torch._foreach_norm(rows, 2, dtype=kind)
    pieces = [row.split(_PIECE) for row in rows]
    norms = torch._foreach_norm([one for each in pieces for one in each], 2, dtype=kind)
    parts = torch.stack(norms).double().split([len(each) for each in pieces])
    return [torch.linalg.vector_norm(part) for part in parts]


def _on_cpu(tensors: Sequence[Tensor]) -> bool:
    return tensors[0].device.type == "cpu"


def _each(compute: Callable[[Tensor], Tensor]) -> Pass:
    return lambda tensors: [compute(layout.flat(tensor)) for tensor in tensors]


def _unit_shares(
    test: Callable[[Tensor], Tensor],
) -> Pass:
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
    share, gap = ranks_n2.frac(), above - below
    found = torch.where(share < 0.5, below + gap * share, above - gap * (1 - share))
    has_nan = ordered.gather(1, last_n[:, None]).isnan()  # NaN comes last
    return list(torch.where(has_nan, math.nan, torch.where(below == above, below, found)))


def _in_order(rows: Tensor) -> Tensor:
    """Each row sorted; numpy's sort is several times quicker than torch's on a CPU."""
    if _on_cpu([rows]):
        return torch.from_numpy(np.sort(rows.numpy(), axis=1))
    return rows.sort(dim=1).values


_COMPUTE: Mapping[str, Pass] = {
    "l1": _l1,
    "l2": _l2,
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


def _some(tensor: Tensor) -> Tensor:
    return layout.some_of(layout.flat(tensor), THIN_VALUES)


def _some_lines(tensor: Tensor) -> Tensor:
    return layout.some_lines(tensor, THIN_PLACES)


_THIN: Mapping[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(("variance", "abs_variance"), _some),
    **dict.fromkeys(("activity", "saturation_tanh", "saturation_sigmoid"), _some_lines),
}
"""How a part of a tensor is taken, for what needs not all of it."""
