"""Statistics of many tensors, computed where they are, brought to the host in one go.

What is asked of a tensor comes from a few passes over it that several statistics share (`passes`).
Nothing waits for the device before `collect`; NaN and infinity are counted only where a norm says
that there are any, and those few tensors are looked at again. Types of half precision are added up
in float32. Names and meanings are those of `imageclf.debugger.statistics`, and so are the values.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from imageclf.debugger.hook import derived, layout, passes
from imageclf.debugger.statistics import Values

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
        return {
            name: derived.statistics(one.wanted, one.passes, one.shape)
            for name, one in held.items()
        }

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
            for one in derived.passes(self._held[name].wanted, exact=not keep):
                needing[one].append((name, tensor))
        for one, members in needing.items():
            results = passes.compute(one, [tensor for _, tensor in members], thin=thin)
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
            if held.again is None:
                continue
            norms = [float(held.passes[one]) for one in ("l1", "l2") if one in held.passes]
            finite = all(map(math.isfinite, norms))
            tiny = "l2" in held.passes and norms[-1] < _TOO_SMALL
            if not finite or tiny:
                again = _again(held.again, count=not finite, norm="l2" in held.passes)
                self._results += [(name, one, result) for one, result in again.items()]
        self._fetch()


def _again(tensor: Tensor, *, count: bool, norm: bool) -> dict[str, Tensor]:
    """The results of a second look, which takes its time."""
    row = layout.flat(tensor)
    found = {"nans": row.isnan().sum(), "infs": row.isinf().sum()} if count else {}
    if norm:
        found["l2"] = torch.linalg.vector_norm(row, 2, dtype=torch.float64)
    return found


def _one_row(results: Sequence[Tensor]) -> Tensor:
    """All results one after another as float64, with few launches on a GPU."""
    return torch.cat([_joined(results, kind) for kind in _kinds(results)])


def _joined(results: Sequence[Tensor], kind: torch.dtype) -> Tensor:
    return torch.cat([one.reshape(-1) for one in results if one.dtype == kind]).double()


def _kinds(results: Sequence[Tensor]) -> list[torch.dtype]:
    return list(dict.fromkeys(one.dtype for one in results))
