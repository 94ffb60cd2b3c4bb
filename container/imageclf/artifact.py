"""The model artifact: a folder with weights and a manifest that says all there is to know of them.

    model/
      manifest.json      what this module reads and writes
      model.safetensors  the weights, by parameter name; nothing in it can run
      model.onnx         the network's graph, which finds its weights in the file above; optional

An ensemble is a folder of such folders, with a manifest that names them:

    model/
      manifest.json
      resnet50/          a member: a complete artifact of its own
      vit_b_16/

The manifest is written last, so a folder without one is not a model. Only the artifact crosses
from training to serving.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imageclf.errors import ArtifactError

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"
GRAPH: Literal["model.onnx"] = "model.onnx"
FORMAT: Literal[1] = 1

VERSION_CHARACTERS = 12
"""So much of a SHA-256 names the version of a model in answers."""

_CHUNK_BYTES = 1 << 20
_SHARES_TOLERANCE = 1e-6
_MEMBER = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


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


class OnnxGraph(_Strict):
    """The network as an ONNX graph, and how it compared with torch."""

    file: Literal["model.onnx"] = GRAPH
    sha256: str
    opset: int = Field(ge=1)
    images: int = Field(ge=0, description="real pictures on which it was compared with torch")
    max_difference: float = Field(ge=0, description="the largest difference of two logits")


class Manifest(_Strict):
    """The content of `manifest.json` beside the weights of one network."""

    format: Literal[1] = FORMAT
    name: str = Field("", description="of the training job; empty is that of the architecture")
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
    onnx: OnnxGraph | None = None
    versions: dict[str, str]
    created: str

    @property
    def title(self) -> str:
        """The name of the model for people."""
        return self.name or self.network.architecture

    @property
    def version(self) -> str:
        """What tells these weights from others."""
        return self.weights_sha256[:VERSION_CHARACTERS]

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
        return _parse(cls, folder, _content(folder))

    def write(self, folder: Path) -> None:
        """Write the manifest into `folder`, whole or not at all."""
        write_json(folder / MANIFEST, self.model_dump(mode="json"))


class Member(_Strict):
    """One network of an ensemble."""

    folder: str = Field(pattern=_MEMBER, description="inside the ensemble's folder")
    share: float = Field(gt=0, le=1, description="of its probabilities in the mean")
    weights_sha256: str


class EnsembleManifest(_Strict):
    """The content of `manifest.json` of an ensemble.

    `classes` and `folders` are those of the first member, in its order.
    """

    format: Literal[1] = FORMAT
    ensemble: tuple[Member, ...] = Field(min_length=1)
    name: str = "ensemble"
    classes: tuple[str, ...]
    folders: tuple[str, ...]
    metrics: dict[str, float] = Field(default_factory=dict)
    created: str

    @property
    def title(self) -> str:
        """The name of the model for people."""
        return self.name

    @property
    def version(self) -> str:
        """What tells these weights, and their shares, from others."""
        parts = (f"{member.weights_sha256} {member.share:.9g}" for member in self.ensemble)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:VERSION_CHARACTERS]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.classes) != len(self.folders):
            raise ValueError(f"it names {len(self.classes)} classes in {len(self.folders)} folders")
        if len({member.folder for member in self.ensemble}) != len(self.ensemble):
            raise ValueError("it names a member twice")
        if abs(sum(member.share for member in self.ensemble) - 1) > _SHARES_TOLERANCE:
            raise ValueError("the shares of its members do not add up to 1")
        return self

    def write(self, folder: Path) -> None:
        """Write the manifest into `folder`, whole or not at all."""
        write_json(folder / MANIFEST, self.model_dump(mode="json"))


AnyManifest = Manifest | EnsembleManifest
_Kind = TypeVar("_Kind", bound=_Strict)


def read_manifest(folder: Path) -> AnyManifest:
    """The manifest in `folder`, of one network or of an ensemble.

    Raises:
        ArtifactError: absent, or not a manifest of this format.
    """
    content = _content(folder)
    if _names_members(content):
        return _parse(EnsembleManifest, folder, content)
    return _parse(Manifest, folder, content)


def _names_members(content: bytes) -> bool:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and "ensemble" in read


def _content(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{folder} holds no model: {MANIFEST} cannot be read ({error.strerror})."
        ) from error


def _parse(kind: type[_Kind], folder: Path, content: bytes) -> _Kind:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        detail = error.errors()[0]
        place = "".join(f"{part}: " for part in detail["loc"])
        raise ArtifactError(
            f"{folder / MANIFEST} is not a manifest of format {FORMAT} "
            f"({place}{detail['msg']}); copy the model again, or train it with this version."
        ) from error


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


def verify(path: Path, expected_sha256: str) -> None:
    """Make sure that the file at `path` is the one its manifest describes.

    Raises:
        ArtifactError: it is another one, or cannot be read.
    """
    try:
        found = sha256(path)
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read ({error.strerror}); copy the model again."
        ) from error
    if found != expected_sha256:
        raise ArtifactError(
            f"{path} is not the file that {MANIFEST} describes (SHA-256 differs); "
            "copy the model again, all its files together."
        )
