"""Views of tensors in the order of their memory, so that no statistic begins with a copy."""

import math

import torch
from torch import Tensor

from imageclf.debugger.statistics import unit_axes

_STRETCH = 1024


def plain(tensor: Tensor) -> Tensor:
    """The values as real numbers: without gradient, dense, whole numbers as float64."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    return tensor if tensor.is_floating_point() else tensor.double()


def flat(tensor: Tensor) -> Tensor:
    """All values in one row, in the order of memory where they lie densely in it."""
    if tensor.is_contiguous():
        return tensor.view(-1)
    if tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return tensor.as_strided((tensor.numel(),), (1,))
    return tensor.reshape(-1)


def sample(row: Tensor, at_most: int) -> Tensor:
    """At most `at_most` values of a row, evenly spread.

    The distance between them shares no factor with the row's length: else it might always meet
    the same place of each kernel of a convolution.
    """
    if len(row) <= at_most:
        return row
    distance = math.ceil(len(row) / at_most)
    while math.gcd(distance, len(row)) > 1:
        distance += 1
    return row[::distance]


def some_of(row: Tensor, at_most: int) -> Tensor:
    """At least `at_most` values of a longer row: whole stretches of it, evenly spread."""
    stretches = len(row) // _STRETCH
    if len(row) <= at_most or stretches < 2:
        return row
    distance = max(1, len(row) // at_most)
    while math.gcd(distance, stretches) > 1:
        distance -= 1
    return row[: stretches * _STRETCH].view(stretches, _STRETCH)[::distance]


def some_lines(pictures: Tensor, at_most: int) -> Tensor:
    """Evenly spread lines of feature maps [B, C, H, W]: about `at_most` places of each channel."""
    if pictures.ndim != 4:
        return pictures
    places = pictures.numel() // pictures.shape[1]
    return pictures[:, :, :: max(1, places // at_most)]


def axes_of_units(tensor: Tensor) -> tuple[int, ...]:
    """The axes over which the values of one unit lie."""
    return unit_axes(tensor.ndim)


def accumulator(tensor: Tensor) -> torch.dtype:
    """The type in which the values are added up."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
