"""Weights on disk: safetensors only, so that reading them runs nothing.

Networks in channels_last layout are written in the plain one, and read back into whatever layout
the receiving tensor has.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from imageclf import artifact
from imageclf.artifact import Manifest
from imageclf.errors import ArtifactError
from imageclf.model import architecture as architectures

Tensors = Mapping[str, Tensor]


def write_tensors(path: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write tensors and text to one file, whole or not at all.

    The file is complete on the disk before it gets its name, so a kill, a full disk or a power cut
    leaves what was there before.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        try:
            safetensors.torch.save_file(plain, temporary, dict(metadata))
        except SafetensorError as error:
            raise OSError(str(error)) from error
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    artifact.sync_folder(path.parent)


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


def write_model(
    folder: Path, tensors: Tensors, architecture: str, describe: Callable[[str], Manifest]
) -> Manifest:
    """Write the artifact of a network's `tensors` into `folder`; auxiliary branches stay out.

    Args:
        describe: makes the manifest, given the SHA-256 of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / artifact.MANIFEST).unlink(missing_ok=True)
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
    if artifact.sha256(path) != manifest.weights_sha256:
        raise ArtifactError(
            f"{path} is not the file that {artifact.MANIFEST} describes (SHA-256 differs); "
            "copy the model again, both files together."
        )
    with architectures.WithoutWeights():
        network = architectures.build(manifest.network)
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        raise ArtifactError(
            f"The weights in {folder} do not fit {manifest.network.architecture}: {error}"
        ) from error
    return network.eval(), manifest
