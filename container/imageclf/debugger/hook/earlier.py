"""What has changed in tensors since the step that was saved before; keeps a copy of each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from imageclf.debugger import statistics as names
from imageclf.debugger.hook import layout
from imageclf.debugger.hook.device_statistics import Item

OF_CHANGE = frozenset({names.UPDATE_RATIO, names.UNCHANGED})
"""The statistics that need the values of the step before."""

_RTOL, _ATOL = 1e-5, 1e-8  # numpy.allclose


class Earlier:
    """Copies of tensors, on their device, as they were when last compared."""

    def __init__(self) -> None:
        self._before: dict[str, Tensor] = {}

    def compare(self, items: Sequence[Item]) -> list[tuple[str, str, Tensor]]:
        """Tensor, statistic and value of what changed; none for a tensor that is new."""
        found = []
        for name, tensor, wanted in items:
            now = layout.plain(tensor)
            before = self._before.get(name)
            if before is not None and before.shape == now.shape:
                found += [(name, one, _COMPUTE[one](now, before)) for one in sorted(wanted)]
                before.copy_(now)
            else:
                self._before[name] = now.clone()
        return found


def _update_ratio(now: Tensor, before: Tensor) -> Tensor:
    kind = layout.accumulator(now)
    change: Tensor = torch.linalg.vector_norm(layout.flat(now - before), 1, dtype=kind)
    size: Tensor = torch.linalg.vector_norm(layout.flat(before), 1, dtype=kind)
    return change / (size + names.UPDATE_EPSILON * now.numel())


def _unchanged(now: Tensor, before: Tensor) -> Tensor:
    return torch.isclose(now, before, rtol=_RTOL, atol=_ATOL).all().float()


_COMPUTE = {names.UPDATE_RATIO: _update_ratio, names.UNCHANGED: _unchanged}
