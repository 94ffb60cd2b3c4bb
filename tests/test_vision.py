"""torchvision beside whatever torch there is; each import in a process of its own."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib, sys
from imageclf.vision import torchvision
{after}
"""


def run(after: str = "", path: Path | None = None) -> tuple[int, str, str]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(after=after)],
        env={"PYTHONPATH": str(path or "")},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def test_networks_and_transforms_work_after_the_import() -> None:
    code, output, errors = run(
        after="import torch\n"
        "from torchvision.transforms import v2\n"
        "network = torchvision.models.get_model('squeezenet1_1', weights=None, num_classes=3)\n"
        "pictures = v2.Resize(64)(torch.zeros(2, 3, 80, 80))\n"
        "print(tuple(network(pictures).shape))"
    )
    assert code == 0, errors
    assert output == "(2, 3)\n"


def test_importing_again_gives_the_same_module() -> None:
    code, output, errors = run(
        after="import torchvision as plain\n"
        "again = importlib.reload(sys.modules['imageclf.vision']).torchvision\n"
        "print(plain is torchvision is again)"
    )
    assert code == 0, errors
    assert output == "True\n"


FAKE = """
import torch
attempts = getattr(torch, "attempts", 0)
torch.attempts = attempts + 1
if {condition}:
    raise RuntimeError("operator torchvision::{missing} does not exist")
"""


def fake(folder: Path, condition: str, missing: str) -> Path:
    """A torchvision, named so, whose import fails as that of an unmatched pair does."""
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(FAKE.format(condition=condition, missing=missing))
    return folder


def test_operators_that_are_missing_are_declared_once_and_the_import_repeated(
    tmp_path: Path,
) -> None:
    code, output, errors = run(
        after="import torch\nprint(torch.attempts, hasattr(torch.ops.torchvision, 'nms'))",
        path=fake(tmp_path, "not attempts", "nms"),
    )
    assert code == 0, errors
    assert output == "2 True\n"


def test_a_pair_that_fits_is_left_alone(tmp_path: Path) -> None:
    code, output, errors = run(
        after="import torch\nprint(torch.attempts, hasattr(torch.ops.torchvision, 'nms'))",
        path=fake(tmp_path, "False", "nms"),
    )
    assert code == 0, errors
    assert output == "1 False\n"


def test_another_fault_of_torchvision_is_not_hidden(tmp_path: Path) -> None:
    code, _, errors = run(path=fake(tmp_path, "not attempts", "roi_align"))
    assert code == 1
    assert "operator torchvision::roi_align does not exist" in errors
