"""The networks that a model is made of: one, or the members of an ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imageclf.artifact import AnyManifest, EnsembleManifest, Manifest, Member, read_manifest
from imageclf.errors import ArtifactError


@dataclass(frozen=True)
class Part:
    """A network with its artifact's folder.

    `order[k]` is the place of the model's class `k` among the network's own; `share` is the
    network's weight in the mean of probabilities.
    """

    folder: Path
    manifest: Manifest
    order: tuple[int, ...]
    share: float


def parts(folder: Path) -> tuple[AnyManifest, tuple[Part, ...]]:
    """The manifest of the model in `folder`, and its networks.

    Raises:
        ArtifactError: a manifest is absent or damaged, a member lies elsewhere, was replaced, or
            has other classes.
    """
    manifest = read_manifest(folder)
    if isinstance(manifest, Manifest):
        own = tuple(range(len(manifest.classes)))
        return manifest, (Part(folder, manifest, own, 1.0),)
    return manifest, tuple(_part(folder, manifest, member) for member in manifest.ensemble)


def _part(folder: Path, manifest: EnsembleManifest, member: Member) -> Part:
    place = folder / member.folder
    if place.resolve().parent != folder.resolve():
        raise ArtifactError(
            f"Member {member.folder} of the ensemble in {folder} is a link to another place; "
            "make the ensemble again."
        )
    own = Manifest.read(place)
    if own.weights_sha256 != member.weights_sha256:
        raise ArtifactError(
            f"Member {member.folder} of the ensemble in {folder} is not the model that was put "
            "there; make the ensemble again."
        )
    order = class_order(manifest, own)
    if order is None:
        raise ArtifactError(
            f"Member {member.folder} of the ensemble in {folder} has other classes than the "
            "ensemble; make the ensemble again."
        )
    return Part(place, own, order, member.share)


def class_order(model: AnyManifest, member: AnyManifest) -> tuple[int, ...] | None:
    """For each class of `model` its place in `member`; None when their classes differ.

    The folders of the training data tell which class is which, else the names.
    """
    return _places(model.folders, member.folders) or _places(model.classes, member.classes)


def _places(wanted: Sequence[str], there: Sequence[str]) -> tuple[int, ...] | None:
    if len(set(there)) != len(there) or sorted(wanted) != sorted(there):
        return None
    return tuple(there.index(name) for name in wanted)
