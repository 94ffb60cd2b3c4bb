"""One job in a container of the image under test: a folder as /opt/ml, and what comes out."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DOCKER = os.environ.get("DOCKER", "docker")
HOST = "algo-1"
COLOURS = {"amber": (220, 150, 40), "blue": (40, 70, 210), "green": (50, 180, 60)}
TINY = {
    "architecture": "resnet18",
    "pretrained": "none",
    "image-size": "32",
    "epochs": "2",
    "batch-size": "16",
}


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"docker {arguments[0]}: {done.stderr}")
    return done


def shell(image: str, script: str, *options: str) -> str:
    """What `script` prints inside the image, without network."""
    start = ["run", "--rm", "--network", "none", *options, "--entrypoint", "sh", image]
    return docker(*start, "-ec", script).stdout


@dataclass
class Job:
    """A training job below `root`, which stands for /opt/ml."""

    image: str
    root: Path
    name: str

    def prepare(self, data: bool = True, **changes: str) -> "Job":
        """Write what SageMaker writes before it starts a job; `changes` to the hyperparameters."""
        values = TINY | {name.replace("_", "-"): value for name, value in changes.items()}
        channel = {"TrainingInputMode": "File", "RecordWrapperType": "None"}
        self._config("hyperparameters", values)
        self._config("resourceconfig", {"current_host": HOST, "hosts": [HOST]})
        self._config("inputdataconfig", {"training": channel} if data else {})
        for folder in ("input/data", "model", "output/data", "checkpoints"):
            (self.root / folder).mkdir(parents=True)
        if data:
            draw_pictures(self.root / "input/data/training")
        return self

    def start(self, *options: str, arguments: tuple[str, ...] = ("train",)) -> None:
        """`docker run IMAGE train`, without network as in an isolated job."""
        docker(
            *("run", "--detach", "--name", self.name, "--network", "none", "--shm-size", "512m"),
            *("--add-host", f"{HOST}:127.0.0.1", "--volume", f"{self.root}:/opt/ml", *options),
            *(self.image, *arguments),
        )

    def run(self, *options: str, arguments: tuple[str, ...] = ("train",)) -> int:
        """Start, wait for the end, and return the exit code."""
        self.remove()
        self.start(*options, arguments=arguments)
        return self.wait()

    def wait(self) -> int:
        return int(docker("wait", self.name).stdout)

    def log(self) -> str:
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    def await_log(self, seen: Callable[[str], bool], patience_s: float = 120) -> None:
        end = time.monotonic() + patience_s
        while not seen(self.log()):
            assert self.state()["Running"], self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.2)

    def state(self) -> dict[str, Any]:
        (content,) = json.loads(docker("inspect", self.name).stdout)
        state: dict[str, Any] = content["State"]
        return state

    def remove(self) -> None:
        docker("rm", "--force", self.name, check=False)

    def failure(self) -> str:
        return (self.root / "output/failure").read_text()

    def assert_trained(self) -> None:
        manifest = json.loads((self.root / "model/manifest.json").read_text())
        assert manifest["network"]["architecture"] == "resnet18"
        assert manifest["classes"] == sorted(COLOURS)
        assert list((self.root / "model").glob("*.safetensors"))
        assert "<html" in (self.root / "output/data/report.html").read_text().lower()
        assert not (self.root / "output/failure").exists()

    def _config(self, name: str, content: dict[str, Any]) -> None:
        folder = self.root / "input/config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(content))


def draw_pictures(folder: Path, each: int = 16) -> None:
    """`train` and `valid` with a class for each of three noisy colours."""
    random = np.random.default_rng(0)
    for split, count in {"train": each, "valid": each // 2}.items():
        for name, colour in COLOURS.items():
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.clip(random.normal(colour, 20, (40, 40, 3)), 0, 255)
                picture = Image.fromarray(pixels.astype(np.uint8))
                picture.save(folder / split / name / f"{index}.png")
