"""Training against a plain loop: images a second, loss, start, memory; side by side in one run.

    python -m bench.train [--data FOLDER] [--rounds 3] [--epochs 2] ...

All run on the same data, network, batch, epochs and threads, in turn, round after round, each in
processes of its own. Prints a table and writes `bench/results/train.json`.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.measure import Watched, watch
from imageclf import metrics
from imageclf.contract import Tree
from imageclf.machine import cores

PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "data" / "hymenoptera"
RESULTS = Path(__file__).parent / "results" / "train.json"

_FIRST_STEP = re.compile(r"first step done ([0-9.]+) s after")


@dataclass
class Figures:
    """What one contender did, an entry for each epoch or run."""

    images_per_s: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    first_step_s: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)

    def add(self, epochs: list[dict[str, float]], run: Watched) -> None:
        """Take in one run."""
        self.images_per_s += [epoch[metrics.IMAGES_PER_S.name] for epoch in epochs]
        self.train_loss.append(epochs[-1].get(metrics.TRAIN_LOSS.name, float("nan")))
        self.validation_loss.append(epochs[-1].get(metrics.VALIDATION_LOSS.name, float("nan")))
        self.first_step_s += [e["first_step_s"] for e in epochs[:1] if "first_step_s" in e]
        self.peak_mib.append(run.peak_mib)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or _made_up(Path(scratch) / "data")
        contenders = _contenders(options, data.resolve(), Path(scratch))
        figures = {name: Figures() for name in contenders}
        for number in range(options.rounds):
            for name, run in contenders.items():
                print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
                figures[name].add(*run())
    _write(options, data, figures)
    print(_table(options, data, figures))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    there = PHOTOGRAPHS if PHOTOGRAPHS.is_dir() else None
    parser.add_argument("--data", type=Path, default=there, help="folder with train/ and val/")
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.001)
    peers = 8 if torch.cuda.is_available() else 2
    parser.add_argument("--workers", type=int, default=peers, help="of the plain loop")
    return parser.parse_args(arguments)


Contender = Callable[[], tuple[list[dict[str, float]], Watched]]


def _contenders(options: argparse.Namespace, data: Path, scratch: Path) -> dict[str, Contender]:
    python = [sys.executable, "-m"]
    shape = [
        f"--{name.replace('_', '-')}={getattr(options, name)}"
        for name in ("architecture", "image_size", "batch_size")
    ]
    loop = [
        *python, "bench.plain_loop", *shape, f"--data={data}", f"--epochs={options.epochs}",
        f"--lr={options.lr}", f"--workers={options.workers}",
    ]  # fmt: skip
    images = sum(1 for path in (data / "train").glob("*/*") if path.is_file())
    alone = [
        *python,
        "bench.model_alone",
        *shape,
        f"--epochs={options.epochs}",
        f"--images={images}",
    ]
    contenders: dict[str, Contender] = {
        "plain loop": lambda: _json_lines(loop),
        "imageclf": lambda: _ours(options, data, scratch),
        "model alone": lambda: _json_lines(alone),
    }
    if torch.cuda.is_available():
        contenders["plain loop, AMP"] = lambda: _json_lines([*loop, "--amp"])
    return contenders


def _json_lines(command: list[str]) -> tuple[list[dict[str, float]], Watched]:
    run = watch(command, _threads())
    return [json.loads(line) for line in run.lines if line.startswith("{")], run


def _ours(
    options: argparse.Namespace, data: Path, scratch: Path
) -> tuple[list[dict[str, float]], Watched]:
    """The whole program, as the image starts it: checks, checkpoints, report and all."""
    with tempfile.TemporaryDirectory(dir=scratch) as root:
        tree = Tree(Path(root))
        tree.config.mkdir(parents=True)
        tree.data.mkdir(parents=True)
        tree.channel("training").symlink_to(data)
        settings = {
            "architecture": options.architecture,
            "pretrained": "none",
            "image-size": options.image_size,
            "batch-size": options.batch_size,
            "epochs": options.epochs,
            "lr": options.lr,
            "optimizer": "sgd",
            "weight-decay": 1e-4,
            "schedule": "constant",
            "warmup": 0,
        }
        for name, content in (("hyperparameters", settings), ("inputdataconfig", {})):
            (tree.config / f"{name}.json").write_text(json.dumps(content))
        (tree.config / "resourceconfig.json").write_text(
            json.dumps({"current_host": "localhost", "hosts": ["localhost"]})
        )
        command = [sys.executable, "-m", "imageclf", "train"]
        run = watch(command, _threads() | {"SAGEMAKER_BASE_DIR": root})
    epochs = [values for line in run.lines if "epoch" in (values := metrics.read(line))]
    started = next(float(m.group(1)) for line in run.lines if (m := _FIRST_STEP.search(line)))
    epochs[0]["first_step_s"] = started
    return epochs, run


def _threads() -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(cores())}


def _made_up(folder: Path) -> Path:
    """Noise in JPEG files of the size of photographs, where no photographs are at hand."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 120), ("val", 40)):
        for label in ("one", "two"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                coarse = draw.integers(0, 256, (24, 32, 3), dtype=np.uint8)
                picture = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
                picture.save(folder / split / label / f"{number}.jpg", quality=90)
    return folder


def _write(options: argparse.Namespace, data: Path, figures: dict[str, Figures]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    given = {name: str(value) for name, value in vars(options).items()} | {"data": data.name}
    content = {
        "settings": given,
        "machine": {"cores": cores(), "gpu": _gpu(), "torch": torch.__version__},
        "figures": {name: asdict(one) for name, one in figures.items()},
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def _gpu() -> str | None:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _table(options: argparse.Namespace, data: Path, figures: dict[str, Figures]) -> str:
    plain, ours, alone = (figures[n] for n in ("plain loop", "imageclf", "model alone"))
    rows = [
        f"{options.architecture}, {options.image_size} px, batch {options.batch_size}, "
        f"{options.epochs} epochs, {options.rounds} rounds, {data.name}, "
        f"{_gpu() or f'{cores()} cores'}",
        f"{'':16}{'images/s':>10}{'train loss':>12}{'val loss':>10}{'1st step s':>12}"
        f"{'peak MiB':>10}",
    ]
    rows += [f"{name:16}{_row(one)}" for name, one in figures.items()]
    rows += [
        f"imageclf / plain loop: {_rate(ours) / _rate(plain):.2f} times the images/s, "
        f"{_middle(ours.peak_mib) / _middle(plain.peak_mib):.2f} of the memory, "
        f"first step {_middle(ours.first_step_s) - _middle(plain.first_step_s):+.1f} s",
        f"imageclf / model alone: {_rate(ours) / _rate(alone):.1%} of the images/s",
    ]
    return "\n".join(rows)


def _row(one: Figures) -> str:
    return (
        f"{_rate(one):10.1f}{_middle(one.train_loss):12.4f}{_middle(one.validation_loss):10.4f}"
        f"{_middle(one.first_step_s):12.1f}{_middle(one.peak_mib):10.0f}"
    )


def _rate(one: Figures) -> float:
    return _middle(one.images_per_s)


def _middle(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


if __name__ == "__main__":
    sys.exit(main())
