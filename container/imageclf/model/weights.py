"""Weights on disk: safetensors only, so that reading them runs nothing.

Networks in channels_last layout are written in the plain one, and read back into whatever layout
the receiving tensor has.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from imageclf import artifact
from imageclf.artifact import Manifest
from imageclf.errors import ArtifactError, SettingsError
from imageclf.model import architecture as architectures

Tensors = Mapping[str, Tensor]

_KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_ALIGNMENT_BYTES = 8
_LENGTH_BYTES = 8
_SHOWN = 300
"""Characters of a reason that a message shows."""


def write_tensors(path: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write tensors and text to one file, whole or not at all.

    The file is complete on the disk before it gets its name, so a kill, a full disk or a power cut
    leaves what was there before; beside it at most a file that `clear_unfinished` removes.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            _write(file, tensors, metadata)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    artifact.sync_folder(path.parent)


def _write(file: BinaryIO, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write the safetensors format, one tensor in memory at a time.

    The library's own writer holds all copies at once, and when killed leaves a file under a random
    name, of which nobody can say whose it was. Source: "Format", README of safetensors.
    """
    largest_first = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in largest_first:
        start, end = end, end + tensors[name].numel() * tensors[name].element_size()
        kind, shape = _KINDS[tensors[name].dtype], list(tensors[name].shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    file.write(len(text).to_bytes(_LENGTH_BYTES, "little") + text)
    for name in largest_first:
        plain = tensors[name].detach().cpu().reshape(-1)
        file.write(plain.view(torch.uint8).numpy().data)


def clear_unfinished(folder: Path) -> None:
    """Remove what a killed `write_tensors` left in `folder`."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and text of a file that `write_tensors` made.

    Raises:
        OSError: the file cannot be read, or is cut off or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except SafetensorError as error:
        raise OSError(f"{path.name} is damaged: {error}") from error


class Place(NamedTuple):
    """Where in a file the values of a tensor lie, row by row, little-endian."""

    offset: int
    bytes: int


def tensor_places(path: Path) -> dict[str, Place]:
    """Where the tensors of a file that `write_tensors` made lie in it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    spans = {name: entry["data_offsets"] for name, entry in header.items()}
    return {
        name: Place(_LENGTH_BYTES + length + start, end - start)
        for name, (start, end) in spans.items()
    }


def write_model(
    folder: Path, tensors: Tensors, architecture: str, describe: Callable[[str], Manifest]
) -> Manifest:
    """Write the artifact of a network's `tensors` into `folder`; auxiliary branches stay out.

    Args:
        describe: makes the manifest, given the SHA-256 of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (artifact.MANIFEST, artifact.GRAPH):
        (folder / name).unlink(missing_ok=True)
    clear_unfinished(folder)
    path = folder / artifact.WEIGHTS
    write_tensors(path, without_auxiliary(tensors, architecture), {"format": "pt"})
    manifest = describe(artifact.sha256(path))
    manifest.write(folder)
    return manifest


def without_auxiliary(tensors: Tensors, architecture: str) -> dict[str, Tensor]:
    """`tensors` less those of the auxiliary branches."""
    branches = tuple(f"{name}." for name in architectures.auxiliary_names(architecture))
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(branches)}


def load_model(folder: Path) -> tuple[nn.Module, Manifest]:
    """The network of the artifact in `folder`, on the CPU, in evaluation mode.

    Raises:
        ArtifactError: manifest or weights are absent, damaged or do not belong together.
    """
    manifest = Manifest.read(folder)
    path = folder / artifact.WEIGHTS
    try:
        tensors, _ = read_tensors(path)
    except OSError as error:
        raise ArtifactError(
            f"The weights of the model in {folder} cannot be read: {error}."
        ) from error
    artifact.verify(path, manifest.weights_sha256)
    return _assemble(manifest, tensors, folder).eval(), manifest


def fill(network: nn.Module, tensors: Tensors, **options: bool) -> None:
    """`load_state_dict` for tensors from a file.

    Some networks (MNASNet) ask which version of themselves the tensors are of. A file of tensors
    does not tell; ours are always of the version that is installed.

    Raises:
        RuntimeError: the tensors are of another network.
    """
    state = OrderedDict(tensors)
    state._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(state, **options)


def _assemble(manifest: Manifest, tensors: Tensors, folder: Path) -> nn.Module:
    try:
        with architectures.WithoutWeights():
            network = architectures.build(manifest.network)
        fill(network, tensors, assign=True)
    except (SettingsError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(
            f"The model in {folder} is not a {manifest.network.architecture} that this version "
            f"can build ({reason[:_SHOWN]}); train it again, or serve it with the version that "
            "trained it."
        ) from error
    return network
