"""Real training runs for tests: small pictures, a small network, the real program."""

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imageclf.contract import Tree

SMALL = {
    "architecture": "shufflenet_v2_x0_5",
    "pretrained": "none",
    "image-size": "32",
    "batch-size": "8",
    "epochs": "3",
    "precision": "fp32",
    "workers": "0",
    "augment": "light",
    "onnx": "false",
}
PATIENCE_S = 120.0

_fork_server = multiprocessing.get_context("forkserver")
_fork_server.set_forkserver_preload(["tests.training.loaded"])


def write_pictures(folder: Path, classes: int = 3, per_class: int = 10, seed: int = 0) -> None:
    """PNG files of coloured noise, one hue a class, that a network learns to tell apart."""
    draw = np.random.default_rng(seed)
    for label in range(classes):
        (folder / f"class_{label}").mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            pixels = draw.integers(0, 120, (40, 40, 3), dtype=np.uint8)
            pixels[:, :, label % 3] += 100
            Image.fromarray(pixels).save(folder / f"class_{label}" / f"{seed}_{number}.png")


def make_tree(root: Path, data: Path | None = None, /, **hyperparameters: str) -> Tree:
    """A tree as SageMaker makes it, with one channel; `data` is linked, or made."""
    tree = Tree(root)
    tree.config.mkdir(parents=True)
    tree.data.mkdir(parents=True)
    if data is None:
        write_pictures(tree.channel("training"))
    else:
        tree.channel("training").symlink_to(data)
    settings = SMALL | {name.replace("_", "-"): value for name, value in hyperparameters.items()}
    write_config(tree, "hyperparameters", settings)
    write_config(tree, "inputdataconfig", {})
    write_config(tree, "resourceconfig", {"current_host": "localhost", "hosts": ["localhost"]})
    return tree


def write_config(tree: Tree, name: str, content: dict[str, Any]) -> None:
    (tree.config / f"{name}.json").write_text(json.dumps(content))


def warm_up() -> None:
    """Start the server that the programs are forked from, with torch loaded."""
    process = _fork_server.Process(target=int)
    process.start()
    process.join()


def program(tree: Tree) -> BaseProcess:
    """The training program, started in a process of its own."""
    process = _fork_server.Process(target=_in_child, args=(str(tree.root),))
    process.start()
    return process


def finish(process: BaseProcess) -> int:
    """The exit code, as a shell has it; the process is ended when it takes too long."""
    process.join(PATIENCE_S)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"the program still ran after {PATIENCE_S:g} s")
    return process.exitcode


def train(tree: Tree) -> int:
    """Run the training program to its end."""
    return finish(program(tree))


def wait_for(condition: Callable[[], bool], process: BaseProcess) -> None:
    """Wait until something has happened, or the process has ended."""
    until = time.monotonic() + PATIENCE_S
    while not condition() and process.is_alive():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.0005)


def checkpoints(tree: Tree) -> list[str]:
    return sorted(path.name for path in tree.checkpoints.glob("step-*.safetensors"))


def weights(tree: Tree) -> bytes:
    return (tree.model / "model.safetensors").read_bytes()


def log(tree: Tree) -> str:
    return (tree.root / "log").read_text()


def summary(tree: Tree) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((tree.output_data / "summary.json").read_text())
    return content


def figures(tree: Tree) -> list[dict[str, float]]:
    """The history without what the clock says."""
    lines = (tree.output_data / "metrics.jsonl").read_text().splitlines()
    timed = {"epoch_s", "train:images_per_s"}
    return [{k: v for k, v in json.loads(line).items() if k not in timed} for line in lines]


@contextlib.contextmanager
def image_command(tree: Tree, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m imageclf train`, as the image starts it; killed if the test leaves it running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imageclf", "train"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(tree.root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _in_child(root: str) -> None:
    output = os.open(f"{root}/log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from imageclf.training.program import main  # noqa: PLC0415  (already there, see the preload)

    sys.exit(main({**os.environ, "SAGEMAKER_BASE_DIR": root}))


@contextlib.contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """A real file system of that size at `folder`."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
