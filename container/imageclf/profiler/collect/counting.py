"""What a training step asks of a machine: operations, bytes, operators; counted, not computed.

The network is copied without its weights to the device `meta`, where operators only work out
shapes, and goes once forward and back there. Counted is what the operators do one by one: nothing
is fused, and a tensor is read by each operator that takes it. The optimiser is not counted here.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import conv_flop_count, flop_registry

from imageclf.model import architecture as architectures

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)
_WITHOUT_CONTENT = ("aten.empty", "aten.new_empty", "aten.detach", "aten._unsafe_view")
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Operator:
    """One call of an operator.

    Args:
        flop: operations; a multiplication and an addition are two. 0 for what only moves bytes.
        moved_bytes: of the tensors that it reads and writes.
        arguments: shapes of tensors, other arguments as they are.
        forward: it belongs to the forward pass.
    """

    name: str
    flop: int
    moved_bytes: int
    arguments: tuple[Any, ...]
    forward: bool


def operators_of_a_step(
    network: nn.Module, *, precision: str, batch_size: int, image_size: int
) -> list[Operator]:
    """The operators of one training step of `network`; what is frozen now has no way back.

    Bytes are counted at the width of `precision`, weights too. The network is left as it is.

    Raises:
        RuntimeError: an operator of the network cannot work out shapes alone.
    """
    dtype = _DTYPES[precision]
    outline = outline_of(network).to(dtype).train()
    images_bchw = torch.empty((batch_size, 3, image_size, image_size), dtype=dtype, device="meta")
    counted = _Counting()
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), counted:
        main_bk, auxiliary = architectures.all_logits(outline(images_bchw))
        labels_b = torch.empty(batch_size, dtype=torch.int64, device="meta")
        loss = nn.functional.cross_entropy(main_bk, labels_b)
        for logits_bk in auxiliary:
            loss = loss + nn.functional.cross_entropy(logits_bk, labels_b)
        counted.forward = False
        if loss.requires_grad:
            loss.backward()
    return counted.operators


def outline_of(network: nn.Module) -> nn.Module:
    """A copy on the device `meta`: shapes, modes and what learns; no weights, no hooks."""
    memo = without_hooks(network)
    for weight in network.parameters():
        empty = torch.empty_like(weight, device="meta")
        memo[id(weight)] = nn.Parameter(empty, requires_grad=weight.requires_grad)
    for buffer in network.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(network, memo)


def without_hooks(network: nn.Module) -> dict[int, Any]:
    """What makes `copy.deepcopy` leave the hooks of all modules out, as its `memo`."""
    found = (module.__dict__.get(name) for module in network.modules() for name in _HOOKS)
    return {id(hooks): OrderedDict() for hooks in found if hooks is not None}


class _Counting(TorchDispatchMode):
    """Notes every operator that is called while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operators: list[Operator] = []
        self.forward = True

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not func.is_view and _moves(func):
            tensors = [*_tensors((args, kwargs)), *_tensors(result)]
            flop = _flop(func.overloadpacket, args, kwargs, result)
            moved = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            shapes = tuple(tuple(one.shape) if isinstance(one, Tensor) else one for one in args)
            name = str(func.overloadpacket)
            self.operators.append(Operator(name, flop, moved, shapes, self.forward))
        return result


def _flop(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> int:
    """Operations of one call, by torch's formulas.

    Not so for the way back through a convolution: torch forgets there that its channels may be in
    groups. Each of the gradients that are asked for takes as much as the way forth.
    """
    if packet is torch.ops.aten.convolution_backward:
        gradient, images, weight, *_, wanted = args
        forth = conv_flop_count(list(images.shape), list(weight.shape), list(gradient.shape))
        return int(forth) * sum(map(bool, wanted[:2]))
    formula: Callable[..., Any] | None = flop_registry.get(packet)
    return int(formula(*args, **kwargs, out_val=result)) if formula else 0


def _moves(func: Any) -> bool:
    """Whether the operator touches the content of tensors; making room for one does not."""
    return not str(func.overloadpacket).startswith(_WITHOUT_CONTENT)


def _tensors(values: Any) -> Iterator[Tensor]:
    return (value for value in tree_leaves(values) if isinstance(value, Tensor))
