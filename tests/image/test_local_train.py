"""`make local-train RUNNER=docker`: the launcher and the image together."""

import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.image.container import TINY, draw_pictures

pytestmark = pytest.mark.image

LAUNCHER = """
import sys
from pathlib import Path
from local_test.train import main
sys.exit(main(home=Path(sys.argv[1])))
"""


def start(root: Path, image: str, **variables: str) -> "subprocess.Popen[str]":
    wanted = {"RUNNER": "docker", "IMAGE": image, "DATA": str(root / "pictures")} | variables
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, root / "home"],
        env=os.environ | wanted,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def hyperparameters(**changes: str) -> str:
    return " ".join(f"{name}={value}" for name, value in (TINY | changes).items())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be behind sudo")
def test_under_sudo_the_container_leaves_files_of_the_one_who_typed_it(
    image: str, tmp_path: Path
) -> None:
    draw_pictures(tmp_path / "pictures")
    sudo = {"SUDO_UID": "1234", "SUDO_GID": "1235"}
    child = start(tmp_path, image, HP=hyperparameters(epochs="1"), **sudo)
    output, _ = child.communicate()
    assert child.returncode == 0, output
    assert "validation accuracy" in output
    latest = tmp_path / "home" / "run" / "latest"
    with tarfile.open(latest / "model.tar.gz") as archive:
        assert "manifest.json" in archive.getnames()
    below = list((tmp_path / "home").rglob("*"))
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in below} == {(1234, 1235)}
    assert (tmp_path / "pictures").stat().st_uid == 0


def test_a_signal_reaches_the_training_and_a_stopped_run_is_resumed(
    image: str, tmp_path: Path
) -> None:
    draw_pictures(tmp_path / "pictures")
    child = start(tmp_path, image, HP=hyperparameters(epochs="8"))
    assert child.stdout is not None
    for line in child.stdout:
        if "epoch=1 " in line:
            break
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate()
    assert child.returncode == 143, output
    assert any((tmp_path / "home" / "run" / "latest" / "checkpoints").iterdir())
    child = start(tmp_path, image, RESUME="1")
    output, _ = child.communicate()
    assert child.returncode == 0, output
    assert "resumed from" in output
