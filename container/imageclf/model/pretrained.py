"""Where a network's first weights come from: ImageNet, a file, a channel, or chance.

`.pth` files are read with ``weights_only=True``: nothing in them can run.
"""

import tarfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from imageclf import artifact
from imageclf.contract import Tree
from imageclf.errors import WeightsError
from imageclf.model import architecture as architectures
from imageclf.vision import torchvision

IMAGENET = "imagenet"
NONE = "none"
SUFFIXES = (".safetensors", ".pth", ".pt", ".tar.gz")


def load(network: nn.Module, architecture: str, source: str, tree: Tree) -> str:
    """Fill `network` with the weights of `source`; returns where they came from, for the log.

    Args:
        source: ``imagenet``, ``none``, a file, or the name of a channel that holds one.

    Raises:
        WeightsError: they cannot be had, cannot be read, or belong to another network.
    """
    if source == NONE:
        return "fresh weights, nothing pretrained"
    if source == IMAGENET:
        tensors, origin = _imagenet(architecture)
    else:
        path = _find(source, tree)
        tensors, origin = _read(path), str(path)
    taken = _fill(network, architecture, tensors, origin)
    return f"pretrained weights from {origin}{taken}"


def imagenet_file(architecture: str) -> Path:
    """Where torchvision keeps its ImageNet weights of `architecture` on this machine."""
    url = torchvision.models.get_model_weights(architecture).DEFAULT.url
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name


def _imagenet(architecture: str) -> tuple[Mapping[str, Tensor], str]:
    weights = torchvision.models.get_model_weights(architecture).DEFAULT
    path = imagenet_file(architecture)
    cached = path.is_file()
    try:
        tensors = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (UnpicklingError, EOFError, RuntimeError) as error:
        raise WeightsError(
            f"The pretrained weights in {path} are damaged ({_first_line(error)}); "
            "delete the file, or put a whole one there."
        ) from error
    except OSError as error:
        raise WeightsError(
            f"The ImageNet weights of {architecture} are not in {path} and could not be downloaded "
            f"({error}); put the file there, pass pretrained=<file or channel>, "
            "or train from scratch with pretrained=none."
        ) from error
    return tensors, f"{path} ({'cached' if cached else 'downloaded'})"


def _find(source: str, tree: Tree) -> Path:
    channel = tree.channel(source)
    folder = channel if channel.is_dir() else Path(source)
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise WeightsError(
            f"Hyperparameter pretrained is {source!r}, which is neither imagenet, none, a file "
            f"nor one of the channels ({', '.join(tree.channels()) or 'there are none'})."
        )
    found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    if len(found) != 1:
        raise WeightsError(
            f"{folder} must hold one file of weights ({', '.join(SUFFIXES)}); "
            f"it holds {len(found)}{': ' if found else ''}{', '.join(p.name for p in found)}."
        )
    return found[0]


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.name.endswith(".tar.gz"):
            return _read_archive(path)
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return _unwrapped(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, SafetensorError, UnpicklingError, EOFError, RuntimeError) as error:
        raise WeightsError(
            f"{path} cannot be read as weights ({_first_line(error)}); give a .safetensors file, "
            "a state_dict saved with torch.save, or a model.tar.gz of ours."
        ) from error


def _read_archive(path: Path) -> Mapping[str, Tensor]:
    """The weights in a `model.tar.gz`; nothing is unpacked to the disk."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.isfile() and Path(member.name).name == artifact.WEIGHTS:
                    content = archive.extractfile(member)
                    assert content is not None
                    return safetensors.torch.load(content.read())
    except tarfile.TarError as error:
        raise OSError(str(error)) from error
    raise OSError(f"no {artifact.WEIGHTS} in it")


def _unwrapped(content: Any) -> Mapping[str, Tensor]:
    """The state dict in a `.pth`, which people wrap in `state_dict` or `model`."""
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise OSError("it holds no state_dict")
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}


def _fill(network: nn.Module, architecture: str, tensors: Mapping[str, Tensor], origin: str) -> str:
    """Copy `tensors` into the backbone, and into the head where it has the same shape."""
    own = network.state_dict()
    replaceable = (
        architectures.head_name(architecture),
        *architectures.auxiliary_names(architecture),
    )
    fitting = {
        name: tensor
        for name, tensor in _resized(network, architecture, tensors).items()
        if name in own and own[name].shape == tensor.shape
    }
    missing = [
        name
        for name in own
        if name not in fitting
        and not name.startswith(tuple(f"{part}." for part in replaceable))
        and not name.endswith("num_batches_tracked")
    ]
    if missing:
        raise WeightsError(
            f"The weights in {origin} are not those of {architecture}: {len(missing)} of "
            f"{len(own)} tensors are absent or of another shape, {missing[0]} for one."
        )
    network.load_state_dict(fitting, strict=False)
    with_head = any(name.startswith(f"{replaceable[0]}.") for name in fitting)
    return ", the head too" if with_head else ", the head is fresh"


def _resized(
    network: nn.Module, architecture: str, tensors: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Vision transformers: position embeddings stretched to another image size."""
    if not architecture.startswith("vit_") or "encoder.pos_embedding" not in tensors:
        return tensors
    stretched: Mapping[str, Tensor] = torchvision.models.vision_transformer.interpolate_embeddings(
        network.image_size, network.patch_size, dict(tensors)
    )
    return stretched


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
