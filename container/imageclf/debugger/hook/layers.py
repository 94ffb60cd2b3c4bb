"""Sees what goes into the layers of a network and what comes out, while it is installed.

Inputs are seen before the layer computes, outputs as soon as it has: many layers, such as
torchvision's ReLUs, overwrite their input, or their output is overwritten by the next.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imageclf.debugger import names
from imageclf.debugger.hook.foreign import CollectionKeys

See = Callable[[str, Tensor, Sequence[str]], bool]
"""Takes a tensor, its name and the collections it is in by its layer; says whether it is saved."""

Collections = tuple[str, ...]

_BY_TYPE: Sequence[tuple[tuple[type[nn.Module], ...], Collections, Collections]] = (
    ((nn.ReLU, nn.ReLU6), (names.RELU_INPUT,), (names.RELU_OUTPUT,)),
    ((nn.Tanh, nn.Sigmoid), (names.SATURATING_INPUT,), ()),
)
"""Types of layers, and the collections of what goes in and of what comes out."""


@dataclass(frozen=True)
class _Layer:
    name: str
    inputs: Collections
    outputs: Collections
    whole: bool = False


class Layers:
    """The layers of a network and its loss under the names that smdebug gives them."""

    def __init__(self) -> None:
        self._layers: dict[nn.Module, _Layer] = {}
        self._handles: list[RemovableHandle] = []
        self._watched: set[nn.Module] = set()
        self._counts: dict[str, int] = {}
        self._silent: set[tuple[object, nn.Module]] = set()
        self._see: See = _unseen

    def __contains__(self, module: nn.Module) -> bool:
        return module in self._layers

    def add(self, module: nn.Module, name: str) -> None:
        """Know a layer as `name`."""
        inputs, outputs = _by_type(module)
        self._layers[module] = _Layer(name, inputs, outputs)

    def add_network(self, module: nn.Module, name: str) -> None:
        """Know a whole network as `name`; its inputs are shown by `show_inputs` alone."""
        self._layers[module] = _Layer(name, (names.INPUTS,), (CollectionKeys.OUTPUTS,), whole=True)

    def install(self, see: See, occasion: object) -> None:
        """Show what passes through the layers to `see`, until `remove`.

        Args:
            occasion: layers of which nothing was saved are left alone on like occasions.
        """
        self._counts = {}
        self._see = see
        for module, layer in self._layers.items():
            if (occasion, module) not in self._silent:
                self._watch(module, layer, occasion)

    def remove(self) -> None:
        """Let the layers compute as if nobody had ever looked."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._watched = set()
        self._see = _unseen

    def inside(self, networks: Collection[nn.Module]) -> bool:
        """Whether any layer is being watched that is none of these."""
        return bool(self._handles) and not self._watched <= set(networks)

    def show_inputs(self, module: nn.Module, args: Any, kwargs: Any) -> bool:
        """Show what goes into `module`; says whether any of it is saved."""
        layer = self._layers[module]
        values = (args, list(kwargs.values()))
        return self._show(f"{layer.name}_input_", values, layer.inputs)

    def show_output(self, name: str, value: Tensor) -> None:
        """Show what a function that is no layer gave, as if it were one called `name`."""
        self._show(f"{name}_output_", value, ())

    def _watch(self, module: nn.Module, layer: _Layer, occasion: object) -> None:
        heard = False

        def before(_: nn.Module, args: Any, kwargs: Any) -> None:
            nonlocal heard
            heard = self.show_inputs(module, args, kwargs) or heard

        def after(_: nn.Module, __: Any, output: Any) -> None:
            nonlocal heard
            heard = self._show(f"{layer.name}_output_", output, layer.outputs) or heard
            if not heard and not layer.whole:
                self._silent.add((occasion, module))

        self._watched.add(module)
        if not layer.whole:
            self._handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        self._handles.append(module.register_forward_hook(after))

    def _show(self, stem: str, values: Any, collections: Collections) -> bool:
        heard = False
        for tensor in _tensors(values):
            number = self._counts.get(stem, 0)
            self._counts[stem] = number + 1
            heard = self._see(f"{stem}{number}", tensor, collections) or heard
        return heard


def _unseen(_: str, __: Tensor, ___: Sequence[str]) -> bool:
    return False


def _by_type(module: nn.Module) -> tuple[Collections, Collections]:
    for types, inputs, outputs in _BY_TYPE:
        if isinstance(module, types):
            return inputs, outputs
    return (), ()


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, dict):
        for value in values.values():
            yield from _tensors(value)
