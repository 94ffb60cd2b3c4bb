"""Networks by name: any of torchvision's classification architectures with a head of our own.

torchvision has no common place for the last layer, the auxiliary heads or the blocks of its
networks. They are found here by looking: the layers with as many outputs as there are classes are
heads, the last of them is the main one.
"""

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from imageclf.artifact import NetworkSpec
from imageclf.errors import SettingsError
from imageclf.vision import torchvision

_PROBE_CLASSES = 997  # a number of outputs that no inner layer has

Layer = nn.Linear | nn.Conv2d


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all architectures that can be trained."""
    return tuple(torchvision.models.list_models(module=torchvision.models))


def check_name(name: str) -> str:
    """`name` itself; SettingsError with the nearest known name when there is no such network."""
    if name in names():
        return name
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names())}."
    raise SettingsError(f"Hyperparameter architecture is {name!r}, which is not known; {hint}")


def default_image_size(architecture: str) -> int:
    """Side in pixels at which torchvision's best weights of `architecture` were trained."""
    weights = torchvision.models.get_model_weights(architecture).DEFAULT
    return int(weights.transforms().crop_size[0])


def build(spec: NetworkSpec, *, auxiliary: bool = False) -> nn.Module:
    """The network of `spec` with fresh weights: images [B, 3, S, S] to logits [B, classes].

    Args:
        auxiliary: keep the auxiliary heads (Inception v3, GoogLeNet) that help training; the
            network then returns several logits while it trains, see `all_logits`.

    Raises:
        SettingsError: unknown architecture, or `spec.image_size` does not fit it.
    """
    check_name(spec.architecture)
    auxiliary = auxiliary and has_auxiliary(spec.architecture)
    if auxiliary and not _runs(spec, auxiliary=True):
        auxiliary = False  # the side branch needs a larger picture than the trunk does
    if not auxiliary and not _runs(spec, auxiliary=False):
        raise _misfit(spec)
    network = _bare(spec.architecture, spec.classes, spec.image_size, auxiliary)
    name = head_name(spec.architecture)
    network.set_submodule(name, _head(network.get_submodule(name), spec))
    return network


def has_auxiliary(architecture: str) -> bool:
    """Whether the network has side branches with logits of their own."""
    return "aux_logits" in _arguments(architecture)


def head_name(architecture: str) -> str:
    """Dotted name of the layer that makes the logits."""
    return _head_names(architecture)[-1]


def auxiliary_names(architecture: str) -> tuple[str, ...]:
    """Top-level names of the auxiliary branches."""
    return tuple(name.partition(".")[0] for name in _head_names(architecture)[:-1])


def all_logits(output: Tensor | tuple[Tensor | None, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Main logits [B, K] and those of the auxiliary heads, from what the network returned."""
    if isinstance(output, Tensor):
        return output, ()
    main, *others = output
    assert main is not None
    return main, tuple(logits for logits in others if logits is not None)


def _arguments(architecture: str) -> frozenset[str]:
    """Names of the keyword arguments of the class behind an architecture."""
    builder = torchvision.models.get_model_builder(architecture)
    module = inspect.getmodule(inspect.unwrap(builder))
    own = {"inception_v3": "Inception3", "googlenet": "GoogLeNet"}.get(architecture)
    if own is not None:
        return frozenset(inspect.signature(getattr(module, own)).parameters)
    if architecture.startswith("vit_"):
        return frozenset({"image_size"})
    if architecture.startswith("maxvit"):
        return frozenset({"input_size"})
    return frozenset()


def _bare(architecture: str, classes: int, image_size: int, auxiliary: bool) -> nn.Module:
    takes = _arguments(architecture)
    options: dict[str, object] = {"weights": None, "num_classes": classes}
    if "aux_logits" in takes:
        options |= {"aux_logits": auxiliary, "transform_input": True, "init_weights": True}
    if "image_size" in takes:
        options["image_size"] = image_size
    if "input_size" in takes:
        options["input_size"] = (image_size, image_size)
    network: nn.Module = torchvision.models.get_model(architecture, **options)
    return network


_INITIALISES = frozenset(
    {
        "add_",
        "clamp_",
        "erfinv_",
        "fill_",
        "kaiming_uniform_",
        "mul_",
        "normal_",
        "uniform_",
        "zero_",
    }
)
"""Names of what gives weights their first values, in `torch.nn.init` and of tensors."""


class WithoutWeights(TorchFunctionMode):
    """Builds layers without memory for their weights, and leaves out their first values.

    ``torch.device("meta")`` would do, but RegNet computes its widths with tensors as it is built.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if func is torch.empty:
            given = {**given, "device": "meta"}
        elif func.__name__ in _INITIALISES:
            weight = args[0] if args else given["tensor"]
            if weight.is_meta:
                return weight
        return func(*args, **given)


def outline(architecture: str, classes: int, image_size: int, auxiliary: bool) -> nn.Module:
    """The network's structure on the device `meta`: shapes and names, no weights."""
    with WithoutWeights():
        network = _bare(architecture, classes, image_size, auxiliary)
    return network.to("meta")


@functools.cache
def _head_names(architecture: str) -> tuple[str, ...]:
    size = default_image_size(architecture)
    network = outline(architecture, _PROBE_CLASSES, size, auxiliary=True)
    return tuple(
        name for name, layer in network.named_modules() if _outputs(layer) == _PROBE_CLASSES
    )


def _outputs(layer: nn.Module) -> int | None:
    if isinstance(layer, nn.Linear):
        return layer.out_features
    return layer.out_channels if isinstance(layer, nn.Conv2d) else None


def _head(layer: nn.Module, spec: NetworkSpec) -> nn.Module:
    """`layer`, or a small network in its place: hidden layer of `units`, dropout."""
    assert isinstance(layer, Layer)
    parts: list[nn.Module] = []
    if spec.units:
        parts += [_like(layer, outputs=spec.units), nn.ReLU()]
    if spec.dropout:
        parts.append(nn.Dropout(spec.dropout))
    parts.append(_like(layer, inputs=spec.units) if spec.units else layer)
    return nn.Sequential(*parts) if len(parts) > 1 else layer


def _like(layer: Layer, *, inputs: int = 0, outputs: int = 0) -> nn.Module:
    """A fresh layer of the same kind (dense, or 1x1 convolution) with another width."""
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs or layer.in_features, outputs or layer.out_features)
    return nn.Conv2d(inputs or layer.in_channels, outputs or layer.out_channels, kernel_size=1)


@functools.lru_cache(maxsize=256)
def _runs(spec: NetworkSpec, *, auxiliary: bool) -> bool:
    """Whether a picture of this size goes through; tried without memory or arithmetic."""
    try:
        network = outline(spec.architecture, spec.classes, spec.image_size, auxiliary)
        network(torch.empty(2, 3, spec.image_size, spec.image_size, device="meta"))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def _misfit(spec: NetworkSpec) -> SettingsError:
    default = default_image_size(spec.architecture)
    return SettingsError(
        f"Hyperparameter image-size is {spec.image_size}, which {spec.architecture} cannot take; "
        f"use {_nearest_size(spec) or default}, or best {default}, its own."
    )


def _nearest_size(spec: NetworkSpec) -> int | None:
    """The size nearest to the one asked for that goes through, of multiples of 32."""
    sizes = sorted(range(32, 1025, 32), key=lambda side: abs(side - spec.image_size))
    fitting = (
        side
        for side in sizes
        if _runs(spec.model_copy(update={"image_size": side}), auxiliary=False)
    )
    return next(fitting, None)
