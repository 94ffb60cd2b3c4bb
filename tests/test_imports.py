"""Who may import whom: the contracts of pyproject.toml notice a forbidden import."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's Python code without its surroundings."""
    target = tmp_path_factory.mktemp("copy")
    for room in ("container", "fetching", "local_test", "scripts", "bench"):
        ignored = shutil.ignore_patterns(
            "__pycache__", "run", "data" if room == "local_test" else ""
        )
        shutil.copytree(ROOT / room, target / room, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    program = (
        "import sys; sys.path[:0] = ['.', 'container'];"
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("container/imageclf/config.py", "import torch"),
        ("container/imageclf/config.py", "import imageclf.data"),
        ("container/imageclf/data/__init__.py", "import imageclf.training"),
        ("container/imageclf/data/__init__.py", "import imageclf.model"),
        ("container/imageclf/report/__init__.py", "import torch"),
        ("container/imageclf/training/__init__.py", "import torchvision"),
        ("container/imageclf/training/__init__.py", "import local_test"),
        ("local_test/__init__.py", "import imageclf.training"),
        ("scripts/__init__.py", "import torch"),
        ("scripts/__init__.py", "import local_test"),
        ("local_test/__init__.py", "import scripts"),
        ("fetching/__init__.py", "import local_test"),
    ],
)
def test_a_forbidden_import_is_found(copy: Path, module: str, line: str) -> None:
    path = copy / module
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        found = lint(copy)
    finally:
        path.write_text(before)
    assert found.returncode == 1, found.stderr
    assert "BROKEN" in found.stdout


def test_the_project_keeps_its_contracts(copy: Path) -> None:
    found = lint(copy)
    assert found.returncode == 0, found.stdout + found.stderr
