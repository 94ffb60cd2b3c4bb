"""The model artifact: a folder with weights and a manifest that says all there is to know of them.

    model/
      manifest.json      what this module reads and writes
      model.safetensors  the weights, by parameter name; nothing in it can run

The manifest is written last, so a folder without one is not a model. Only the artifact crosses
from training to serving.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imageclf.errors import ArtifactError

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"
FORMAT: Literal[1] = 1

_CHUNK_BYTES = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSpec(_Strict):
    """What is needed to build the network, without its weights."""

    architecture: str
    classes: int = Field(ge=2)
    image_size: int = Field(ge=1)
    units: int = Field(default=0, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class Normalisation(_Strict):
    """Mean and deviation of each channel, of values scaled to 0..1."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


class Manifest(_Strict):
    """The content of `manifest.json`."""

    format: Literal[1] = FORMAT
    network: NetworkSpec
    classes: tuple[str, ...]
    folders: tuple[str, ...]
    normalisation: Normalisation = Normalisation()
    crop_share: float = Field(gt=0, le=1)
    temperature: float = Field(default=1.0, gt=0)
    complete: bool = Field(description="false when training was stopped before its last epoch")
    epoch: int
    metrics: dict[str, float]
    hyperparameters: dict[str, str]
    data_fingerprint: str
    weights_sha256: str
    versions: dict[str, str]
    created: str

    @model_validator(mode="after")
    def _names_every_class(self) -> Self:
        if not len(self.classes) == len(self.folders) == self.network.classes:
            raise ValueError(
                f"it names {len(self.classes)} classes in {len(self.folders)} folders "
                f"for {self.network.classes} outputs"
            )
        return self

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest in `folder`.

        Raises:
            ArtifactError: absent, or not a manifest of this format.
        """
        path = folder / MANIFEST
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ArtifactError(
                f"{folder} holds no model: {MANIFEST} cannot be read ({error.strerror})."
            ) from error
        except ValidationError as error:
            detail = error.errors()[0]
            place = "".join(f"{part}: " for part in detail["loc"])
            raise ArtifactError(
                f"{path} is not a manifest of format {FORMAT} ({place}{detail['msg']}); "
                "copy the model again, or train it with this version."
            ) from error

    def write(self, folder: Path) -> None:
        """Write the manifest into `folder`, whole or not at all."""
        write_json(folder / MANIFEST, self.model_dump(mode="json"))


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON to `path`, whole or not at all."""
    replace(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def replace(path: Path, content: bytes) -> None:
    """Put a file with `content` at `path`; a reader sees the old one or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file at `path`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
