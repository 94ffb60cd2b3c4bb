"""Model archives as a training job leaves them, and an environment that serves them at once."""

import tarfile
from pathlib import Path

FAKE_IMAGE = Path(__file__).with_name("fake_image")
FAKE_SERVING = {"IMAGECLF_LAUNCH_DEPLOY_ENVIRONMENT": f"PYTHONPATH={FAKE_IMAGE}"}
"""Settings with which the fake image serves, of models that `pack_classes` makes."""


def pack(folder: Path, archive: Path) -> Path:
    """The files of `folder` as model.tar.gz has them."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as target:
        for path in sorted(folder.iterdir()):
            target.add(path, path.name)
    return archive


def pack_model(folder: Path, name: str, *classes: str) -> Path:
    """A small real model for these classes, packed as `<name>.tar.gz` in `folder`."""
    from tests.serving.artifacts import write_artifact  # noqa: PLC0415  (imports torch)

    write_artifact(folder / name, "mobilenet_v3_small", classes, name=name, onnx=False)
    return pack(folder / name, folder / f"{name}.tar.gz")


def pack_classes(folder: Path, name: str, *classes: str) -> Path:
    """A model for the fake image, packed as `<name>.tar.gz` in `folder`; none without classes."""
    (folder / name).mkdir()
    if classes:
        (folder / name / "classes").write_text("\n".join(classes))
    return pack(folder / name, folder / f"{name}.tar.gz")
