"""Which layers learn: the blocks of a network from its input to its head, frozen or not."""

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from imageclf.model import architecture as architectures

_FEWEST_BLOCKS = 4
_SMALL_SHARE = 0.01

Block = tuple[str, ...]
"""Dotted names of the modules that are frozen and unfrozen together."""


def blocks(network: nn.Module, architecture: str) -> list[Block]:
    """The blocks of the backbone, input first; the head and auxiliary branches are in none.

    The network's own division is taken (`layer1` ... `layer4`, `features.0` ...): the largest part
    is opened until there are a few, and a part with less than 1 % of the weights (a norm, a stem
    convolution) goes with its neighbour.
    """
    head = architectures.head_name(architecture)
    side_branches = set(architectures.auxiliary_names(architecture))
    parts = [name for name in _children(network, "", head) if name not in side_branches]
    while len(parts) < _FEWEST_BLOCKS:
        openable = [part for part in parts if _children(network, part, head)]
        if not openable:
            break
        largest = max(openable, key=lambda part: _size(network, part, head))
        place = parts.index(largest)
        parts[place : place + 1] = _children(network, largest, head)
    return _joined(network, parts, head)


def _children(network: nn.Module, parent: str, head: str) -> list[str]:
    prefix = f"{parent}." if parent else ""
    names = [prefix + name for name, _ in network.get_submodule(parent).named_children()]
    return [name for name in names if name != head and _size(network, name, head)]


def _size(network: nn.Module, part: str, head: str) -> int:
    """Number of weights in `part`, those of the head not counted."""
    inside = head.removeprefix(f"{part}.") + "." if head.startswith(f"{part}.") else None
    return sum(
        weight.numel()
        for name, weight in network.get_submodule(part).named_parameters()
        if inside is None or not name.startswith(inside)
    )


def _joined(network: nn.Module, parts: list[str], head: str) -> list[Block]:
    sizes = {part: _size(network, part, head) for part in parts}
    small = _SMALL_SHARE * sum(sizes.values())
    groups: list[Block] = []
    held = 0
    for part in parts:
        if groups and (sizes[part] < small or held < small):
            groups[-1] += (part,)
            held += sizes[part]
        else:
            groups.append((part,))
            held = sizes[part]
    return groups


class Freezer:
    """Freezes and unfreezes the blocks of one network; heads, auxiliary ones too, always learn.

    A frozen block computes as in evaluation (its batch norms keep their statistics, its dropout is
    off) and gets no gradient.
    """

    def __init__(
        self, network: nn.Module, architecture: str, train: str, unfreeze_every: int
    ) -> None:
        self._network = network
        own = dict(network.named_children())
        branches = architectures.auxiliary_names(architecture)
        self._heads = (
            architectures.head_name(architecture),
            *(name for name in branches if name in own),
        )
        self._blocks = blocks(network, architecture)
        self._train = train
        self._unfreeze_every = unfreeze_every
        self._learning = -1

    def learning_blocks(self, epoch: int) -> int:
        """How many blocks, counted from the head, learn in `epoch` (counted from 1)."""
        every = len(self._blocks)
        gradual = min((epoch - 1) // self._unfreeze_every, every)
        return {"head": 0, "last-block": 1, "all": every, "gradual": gradual}[self._train]

    def apply(self, epoch: int) -> bool:
        """Set which weights get gradients in `epoch`; True when that changed."""
        learning = self.learning_blocks(epoch)
        if learning == self._learning:
            return False
        self._learning = learning
        everything = learning == len(self._blocks)
        for weight in self._network.parameters():
            weight.requires_grad_(everything)
        for name in (*self._heads, *self._names(learning)):
            self._network.get_submodule(name).requires_grad_(True)
        return True

    def train_mode(self, *, frozen_batch_norm: bool = False) -> None:
        """Training mode for what learns, evaluation mode for what is frozen."""
        self._network.train()
        if self._learning < len(self._blocks):
            learning = {*self._names(self._learning), *self._heads}
            for name, module in self._network.named_modules():
                if name and not _touches(name, learning):
                    module.eval()
        if frozen_batch_norm:
            for module in _batch_norms(self._network):
                module.eval()

    def describe(self) -> str:
        """What learns, for the log."""
        learning = sum(w.numel() for w in self._network.parameters() if w.requires_grad)
        total = sum(w.numel() for w in self._network.parameters())
        parts = ["the head"] + [name for block in self._unfrozen() for name in block]
        what = "all layers" if self._learning == len(self._blocks) else ", ".join(parts)
        return f"{what}: {learning / 1e6:.2f} of {total / 1e6:.2f} million weights learn"

    def _unfrozen(self) -> list[Block]:
        return self._blocks[len(self._blocks) - self._learning :] if self._learning > 0 else []

    def _names(self, learning: int) -> Iterator[str]:
        for block in self._blocks[len(self._blocks) - learning :] if learning else []:
            yield from block


def _touches(name: str, learning: set[str]) -> bool:
    """Whether module `name` lies in, or holds, one that learns."""
    return any(
        name == part or name.startswith(f"{part}.") or part.startswith(f"{name}.")
        for part in learning
    )


def _batch_norms(network: nn.Module) -> Iterator[nn.Module]:
    return (module for module in network.modules() if isinstance(module, _BatchNorm))
