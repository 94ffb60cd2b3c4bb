"""Makes one model of several: a folder with copies of them, and a manifest with their shares.

The folder appears whole or not at all: it is made beside its place and renamed.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from imageclf import artifact
from imageclf.artifact import EnsembleManifest, Manifest, Member, read_manifest
from imageclf.errors import ArtifactError, SettingsError
from imageclf.serving.measure import Measured, Pictures, find_pictures, measure
from imageclf.serving.members import class_order
from imageclf.serving.predictor import Predictor
from imageclf.serving.settings import ServeSettings


def make(
    members: Sequence[Path], output: Path, weights: Sequence[float] = (), data: Path | None = None
) -> tuple[EnsembleManifest, list[Measured]]:
    """Make an ensemble of `members` in the folder `output`; measure it on the pictures in `data`.

    Args:
        weights: positive, one a member; equal when empty.

    Raises:
        SettingsError: the weights do not fit, or `output` holds something already.
        ArtifactError: a member is no model, is damaged, or has other classes than the first.
        DataError: `data` holds no pictures of these classes.
    """
    shares = _shares(weights or [1.0] * len(members), len(members))
    _check_output(output)
    manifests = [_read(folder) for folder in members]
    _check_classes(members, manifests)
    pictures = find_pictures(data, manifests[0]) if data else None
    draft = output.with_name(f".{output.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)  # what a killed run left
    try:
        manifest = _write(draft, members, manifests, shares)
        manifest, measured = _measure(draft, manifest, pictures) if pictures else (manifest, [])
        draft.replace(output)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest, measured


def parse_weights(text: str) -> list[float]:
    """The numbers in `1,1,2`; SettingsError when one of them is none."""
    try:
        return [float(part) for part in text.split(",")] if text.strip() else []
    except ValueError as error:
        raise SettingsError(
            f"--weights is {text!r}; give a number for each model, as in 1,1,2."
        ) from error


def _shares(weights: Sequence[float], members: int) -> list[float]:
    if len(weights) != members:
        raise SettingsError(f"--weights has {len(weights)} numbers for {members} models.")
    if not all(0 < weight < float("inf") for weight in weights):
        raise SettingsError("--weights must be positive numbers; leave a model out instead of 0.")
    return [weight / sum(weights) for weight in weights]


def _check_output(output: Path) -> None:
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise SettingsError(f"--output {output} holds something already; give a new folder.")
    output.parent.mkdir(parents=True, exist_ok=True)


def _read(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if isinstance(manifest, EnsembleManifest):
        raise ArtifactError(f"{folder} is an ensemble itself; name its members one by one.")
    return manifest


def _check_classes(members: Sequence[Path], manifests: Sequence[Manifest]) -> None:
    first = manifests[0]
    for folder, manifest in zip(members, manifests, strict=True):
        if class_order(first, manifest) is None:
            differing = sorted({*first.folders} ^ {*manifest.folders})
            raise ArtifactError(
                f"{folder} and {members[0]} have different classes ({', '.join(differing[:3])} in "
                "one of them only); an ensemble needs models of the same classes."
            )


def _write(
    draft: Path, members: Sequence[Path], manifests: Sequence[Manifest], shares: Sequence[float]
) -> EnsembleManifest:
    names = _names([manifest.network.architecture for manifest in manifests])
    for source, manifest, name in zip(members, manifests, names, strict=True):
        _copy(source, draft / name, manifest)
    first = manifests[0]
    ensemble = EnsembleManifest(
        ensemble=tuple(
            Member(folder=name, share=share, weights_sha256=manifest.weights_sha256)
            for name, share, manifest in zip(names, shares, manifests, strict=True)
        ),
        classes=first.classes,
        folders=first.folders,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    ensemble.write(draft)
    return ensemble


def _names(architectures: Sequence[str]) -> list[str]:
    """Folder names: the architectures, numbered where one comes again."""
    seen: Counter[str] = Counter()
    names = []
    for architecture in architectures:
        seen[architecture] += 1
        again = seen[architecture] > 1
        names.append(f"{architecture}-{seen[architecture]}" if again else architecture)
    return names


def _copy(source: Path, target: Path, manifest: Manifest) -> None:
    """Copy the files of an artifact, checked against its manifest."""
    hashes = {artifact.WEIGHTS: manifest.weights_sha256}
    if manifest.onnx:
        hashes[manifest.onnx.file] = manifest.onnx.sha256
    target.mkdir(parents=True)
    for name, sha256 in hashes.items():
        try:
            shutil.copyfile(source / name, target / name)
        except OSError as error:
            raise ArtifactError(
                f"{source / name} cannot be copied ({error.strerror or error}); "
                "look at the file and at the room on the disk."
            ) from error
        artifact.verify(target / name, sha256)
    manifest.write(target)


def _measure(
    draft: Path, manifest: EnsembleManifest, pictures: Pictures
) -> tuple[EnsembleManifest, list[Measured]]:
    predictor = Predictor.open(draft, ServeSettings.from_environment({}))
    predictor.start()
    names = [member.folder for member in manifest.ensemble]
    measured = measure(predictor, names, pictures)
    manifest = manifest.model_copy(update={"metrics": measured[-1].figures(pictures.split)})
    manifest.write(draft)
    return manifest, measured
