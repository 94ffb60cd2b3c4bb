"""Where a network's first weights come from: ImageNet, a file, a channel, or chance.

`.pth` files are read with ``weights_only=True``: nothing in them can run.
"""

import socket
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
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
from imageclf.model.weights import fill
from imageclf.vision import torchvision

IMAGENET = "imagenet"
NONE = "none"
SUFFIXES = (".safetensors", ".pth", ".pt", ".tar.gz")

_DOWNLOAD_TIMEOUT_S = 30.0
_SHOWN = 100
"""Characters of a setting that a message shows."""

_DAMAGED = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    SafetensorError,
    TypeError,
    UnpicklingError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What readers of `.pth`, safetensors and gzip raise, seen with files damaged at random places."""


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
        with _impatient():
            content = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        tensors = _unwrapped(content)
    except _DAMAGED as error:
        raise WeightsError(
            f"The pretrained weights in {path} are damaged ({_first_line(error)}); "
            "delete the file, or put a whole one there."
        ) from error
    except (OSError, HTTPException) as error:
        raise WeightsError(
            f"The ImageNet weights of {architecture} are not in {path} and could not be downloaded "
            f"({error}); put the file there, pass pretrained=<file or channel>, "
            "or train from scratch with pretrained=none."
        ) from error
    return tensors, f"{path} ({'cached' if cached else 'downloaded'})"


@contextmanager
def _impatient() -> Iterator[None]:
    """Inside, a network that swallows packets is an error after a while, not a job that hangs."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _find(source: str, tree: Tree) -> Path:
    try:
        channel = tree.channel(source)
        folder = channel if channel.is_dir() else Path(source)
        if folder.is_file():
            return folder
        found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"Hyperparameter pretrained is {source[:_SHOWN]!r}, which is neither imagenet, none, "
            f"a file nor one of the channels ({', '.join(tree.channels()) or 'there are none'})."
        ) from error
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
    except (OSError, *_DAMAGED) as error:
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
        raise ValueError(str(error)) from error
    raise ValueError(f"no {artifact.WEIGHTS} in it")


def _unwrapped(content: Any) -> Mapping[str, Tensor]:
    """The state dict in a `.pth`, which people wrap in `state_dict` or `model`."""
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise ValueError("it holds no state_dict")
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
    fill(network, fitting, strict=False)
    head = [name for name in own if name.startswith(f"{replaceable[0]}.")]
    taken = sum(name in fitting for name in head)
    if taken == len(head):
        return ", the head too"
    return ", a part of the head too" if taken else ", the head is fresh"


def _resized(
    network: nn.Module, architecture: str, tensors: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Vision transformers: position embeddings stretched to another image size."""
    if not architecture.startswith("vit_") or "encoder.pos_embedding" not in tensors:
        return tensors
    stretch = torchvision.models.vision_transformer.interpolate_embeddings
    try:
        return dict(stretch(network.image_size, network.patch_size, dict(tensors)))
    except (RuntimeError, ValueError):  # another network's; what does not fit is told by name
        return tensors


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
