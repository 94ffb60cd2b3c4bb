import errno
import hashlib
import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imageclf import artifact
from imageclf.artifact import MANIFEST, Manifest, NetworkSpec
from imageclf.errors import ArtifactError


def manifest(**changes: Any) -> Manifest:
    content: dict[str, Any] = {
        "network": {"architecture": "resnet18", "classes": 2, "image_size": 64, "units": 16},
        "classes": ("Alaskan malamute", "Пудель"),
        "folders": ("005.Alaskan_malamute", "006.Пудель"),
        "crop_share": 0.875,
        "temperature": 1.25,
        "complete": True,
        "epoch": 3,
        "metrics": {"validation:top1": 0.9412},
        "hyperparameters": {"lr": "auto"},
        "data_fingerprint": "f" * 64,
        "weights_sha256": "0" * 64,
        "versions": {"torch": "2"},
        "created": "2026-01-01T00:00:00+00:00",
    }
    return Manifest.model_validate(content | changes)


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        Manifest.read(folder)
    return str(caught.value)


def edit(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = manifest()
    written.write(tmp_path)
    assert Manifest.read(tmp_path) == written


def test_a_manifest_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    text = (tmp_path / MANIFEST).read_text(encoding="utf-8")
    assert "Пудель" in text
    assert json.loads(text)["format"] == 1
    assert text.endswith("}\n")


def test_a_figure_that_is_no_number_survives(tmp_path: Path) -> None:
    manifest(metrics={"a": math.inf, "b": math.nan}).write(tmp_path)
    read = Manifest.read(tmp_path).metrics
    assert read["a"] == math.inf
    assert math.isnan(read["b"])


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path} holds no model: {MANIFEST} cannot be read (No such file or directory)."
    )


def test_a_field_of_a_later_version_is_named(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    edit(tmp_path, colour="blue")
    assert "is not a manifest of format 1 (colour: Extra inputs" in refusal(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    edit(tmp_path, format=2)
    assert "is not a manifest of format 1 (format: " in refusal(tmp_path)


def test_a_fault_deep_inside_is_named_by_its_place(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    edit(tmp_path, network={"architecture": "resnet18", "classes": "many", "image_size": 64})
    assert "(network: classes: " in refusal(tmp_path)


def test_a_manifest_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    content = (tmp_path / MANIFEST).read_bytes()
    for length in range(0, len(content) - 2, 7):
        (tmp_path / MANIFEST).write_bytes(content[:length])
        assert "is not a manifest of format 1 (Invalid JSON" in refusal(tmp_path)


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b"\x80\x04\x95\x00")
    assert "is not a manifest of format 1 (Invalid JSON" in refusal(tmp_path)


def test_classes_folders_and_outputs_are_as_many(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    edit(tmp_path, classes=["a", "b", "c"])
    assert "it names 3 classes in 2 folders for 2 outputs" in refusal(tmp_path)


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        manifest().network.classes = 3


def test_a_network_needs_two_classes() -> None:
    with pytest.raises(ValidationError):
        NetworkSpec(architecture="resnet18", classes=1, image_size=64)


def test_a_reader_sees_the_old_file_or_the_new_one_and_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = (b"a" * 500_000, b"b" * 900_000)
    artifact.replace(path, contents[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(60):
            artifact.replace(path, contents[turn % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_bytes())
    writer.join()
    assert seen <= set(contents)


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    program = (
        "import resource, sys; from pathlib import Path; from imageclf import artifact\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: artifact.replace(Path(sys.argv[1]), bytes(5000))\n"
        "except OSError as error: sys.exit(error.errno)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    (tmp_path / "file").write_bytes(content)
    assert artifact.sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
