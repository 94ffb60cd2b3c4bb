"""`docker/bake.py` where the weights cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

BAKE = Path(__file__).parents[2] / "docker" / "bake.py"
NOBODY_LISTENS = "http://127.0.0.1:9"


def bake(torch_home: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TORCH_HOME": str(torch_home), "https_proxy": NOBODY_LISTENS}
    return subprocess.run(
        [sys.executable, str(BAKE), *names],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_nothing_named_nothing_done(tmp_path: Path) -> None:
    assert bake(tmp_path).returncode == 0
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_no_architecture_ends_the_build(tmp_path: Path) -> None:
    done = bake(tmp_path, "resnet5o")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("PRETRAINED names resnet5o")


def test_a_failed_download_ends_the_build_with_the_address(tmp_path: Path) -> None:
    done = bake(tmp_path, "resnet18")
    assert done.returncode == 1
    assert "https://download.pytorch.org/models/resnet18" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.pth"))
