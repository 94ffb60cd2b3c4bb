"""What was predicted, and what happened when the advice was followed, in short real trainings.

    python -m bench.profile advice [--architectures resnet18 resnet50] [--only precision workers]
    python -m bench.profile advice --alone

Each architecture is trained once as it is; what the profile predicts is then done, one change at
a time, by the same program on the same pictures. Cached features are predicted for, and followed
in, trainings of the head alone, of three epochs. With `--alone` only the learner's steps are, in
time of the processor: that is good on a busy machine too, and says nothing of readers. Prints a
table of the step's time as predicted and as measured, and writes
`bench/results/profile_advice.json`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bench.measure import watch
from bench.profile import advice_alone
from bench.train import PHOTOGRAPHS, _made_up
from imageclf.contract import Tree
from imageclf.machine import cores
from imageclf.profiler import names
from imageclf.profiler.advice.advise import advise
from imageclf.profiler.advice.values import Advised
from imageclf.profiler.run import Profile

RESULTS = Path(__file__).parents[1] / "results" / "profile_advice.json"

CACHED_DECODING, CACHED_FEATURES = "cached decoding", "cached features"
HEAD_ALONE = {"train": "head", "epochs": 3}
_ROUNDS = 2
"""With and without features in turn; the quickest of each counts, for a machine is not always
equally fast."""
_RAW_SHARE = 0.875


@dataclass(frozen=True)
class Followed:
    """One change: the step's time before it, as predicted, and as it then was."""

    architecture: str
    change: str
    before_ms: float
    predicted_ms: float
    measured_ms: float
    load: float

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured."""
        return self.predicted_ms / self.measured_ms - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or _made_up(Path(scratch) / "data")
        found = []
        for architecture in options.architectures:
            for one in _followed(options, architecture, data.resolve(), Path(scratch)):
                print(_row(one), file=sys.stderr, flush=True)
                found.append(one)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(_content(options, found), indent=1) + "\n")
    print(_table(options, found))
    return 0


def mean_step_ms(profile: Profile) -> float:
    """Of all training steps, for a whole batch; the very first, a warm-up, as long as the next."""
    run = profile.whole()
    (steps,) = (run.train_steps(worker) for worker in run.steps)
    took, images = steps[names.TOOK], steps[names.IMAGES]
    return float((took.sum() - took[0] + took[1]) / images.sum() * images.max())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.profile advice", description=__doc__.partition("\n")[0]
    )
    there = PHOTOGRAPHS if PHOTOGRAPHS.is_dir() else None
    parser.add_argument("--data", type=Path, default=there, help="folder with train/ and val/")
    parser.add_argument("--architectures", nargs="+", default=["resnet18", "resnet50"])
    parser.add_argument("--alone", action="store_true", help="the learner, in processor time")
    parser.add_argument("--only", nargs="+", default=[], help="beginnings of the changes to follow")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=1)
    return parser.parse_args(arguments)


def _followed(
    options: argparse.Namespace, architecture: str, data: Path, scratch: Path
) -> Iterator[Followed]:
    settings = {
        "architecture": architecture,
        "image-size": options.image_size,
        "batch-size": options.batch_size,
        "precision": options.precision,
        "workers": options.workers,
        "epochs": options.epochs,
    }
    if options.only != [CACHED_FEATURES]:
        yield from _follow(options, settings, data, scratch)
    if not options.alone and (not options.only or CACHED_FEATURES.startswith(tuple(options.only))):
        yield from _follow_features({**settings, **HEAD_ALONE}, data, scratch)


def _follow(
    options: argparse.Namespace, settings: Mapping[str, Any], data: Path, scratch: Path
) -> Iterator[Followed]:
    """What one setting changes, or pictures that are decoded before; steps with a whole batch."""
    before = _train(options, settings, data, scratch)
    for prediction in before.predictions:
        name, _, value = prediction.change.partition("=")
        asked = not options.only or prediction.change.startswith(tuple(options.only))
        if not asked or not (value or name == CACHED_DECODING):
            continue
        given = data if value else _decoded(data, scratch / "decoded", options.image_size)
        load = os.getloadavg()[0]
        after = _train(options, {**settings, **({name: value} if value else {})}, given, scratch)
        yield Followed(
            str(settings["architecture"]),
            prediction.change,
            before.facts["step_ms"],
            prediction.step_ms,
            after.facts["step_ms"],
            round(load, 1),
        )


def _follow_features(settings: Mapping[str, Any], data: Path, scratch: Path) -> Iterator[Followed]:
    """Features kept from the first epoch: the mean of all steps, and the whole training loop."""
    load = round(os.getloadavg()[0], 1)
    rounds = [
        (
            _profiled(settings, data, scratch),
            _profiled(settings, data, scratch, "bench.profile.advice_features"),
        )
        for _ in range(_ROUNDS)
    ]
    before, after = (min(runs, key=_loop_s) for runs in zip(*rounds, strict=True))
    advised = advise(before).predictions
    predicted = next(one for one in advised if one.change == CACHED_FEATURES)
    name = str(settings["architecture"])
    steps = mean_step_ms(before), predicted.step_ms, mean_step_ms(after)
    yield Followed(name, CACHED_FEATURES, *steps, load)
    loops = _loop_s(before) * 1e3, predicted.run_s * 1e3, _loop_s(after) * 1e3
    yield Followed(name, "- the whole loop", *loops, load)


def _loop_s(profile: Profile) -> float:
    return float(advise(profile).facts["run_s"])


def _train(
    options: argparse.Namespace, settings: Mapping[str, Any], data: Path, scratch: Path
) -> Advised:
    """Advice on a run of the whole program, or of the learner alone."""
    if not options.alone:
        return advise(_profiled(settings, data, scratch))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        return advice_alone.train(dict(settings), Path(folder))


def _profiled(settings: Mapping[str, Any], data: Path, scratch: Path, *program: str) -> Profile:
    """The profile of a run of the program as the image starts it, or of another one."""
    with tempfile.TemporaryDirectory(dir=scratch) as root:
        tree = Tree(Path(root))
        tree.config.mkdir(parents=True)
        tree.data.mkdir(parents=True)
        tree.channel("training").symlink_to(data)
        usual = {"pretrained": "none", "optimizer": "sgd", "onnx": "false", "profile": "on"}
        for name, content in (
            ("hyperparameters", {**usual, **settings}),
            ("inputdataconfig", {}),
            ("resourceconfig", {"current_host": "localhost", "hosts": ["localhost"]}),
        ):
            (tree.config / f"{name}.json").write_text(json.dumps(content))
        environment = {"SAGEMAKER_BASE_DIR": root, "OMP_NUM_THREADS": str(cores())}
        try:
            watch([sys.executable, "-m", *(program or ("imageclf", "train"))], environment)
        except subprocess.CalledProcessError as error:
            print(error.output[-2000:], file=sys.stderr)
            raise
        profile = Profile(tree.output / names.FOLDER)
        profile.refresh()
        return profile


def _decoded(data: Path, folder: Path, image_size: int) -> Path:
    """The pictures as raw pixels, somewhat larger than the network sees them."""
    if folder.exists():
        return folder
    side = round(image_size / _RAW_SHARE)
    for path in sorted(one for one in data.glob("*/*/*") if one.is_file()):
        target = folder / path.relative_to(data).with_suffix(".ppm")
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.convert("RGB").resize((side, side)).save(target)
    return folder


def _content(options: argparse.Namespace, found: Sequence[Followed]) -> dict[str, Any]:
    given = {name: str(value) for name, value in vars(options).items() if name != "data"}
    return {
        "settings": given,
        "machine": {"cores": cores()},
        "followed": [{**asdict(one), "error": one.error} for one in found],
    }


def _table(options: argparse.Namespace, found: Sequence[Followed]) -> str:
    heads = ("", "change", "before ms", "predicted ms", "measured ms", "error", "load")
    title = (
        f"{options.image_size} px, batch {options.batch_size}, {options.precision}, "
        f"{options.workers} workers, "
        + ("one thread, processor time" if options.alone else f"{cores()} cores")
    )
    head = f"{heads[0]:20}{heads[1]:18}" + "".join(f"{one:>14}" for one in heads[2:])
    return "\n".join([title, head, *map(_row, found)])


def _row(one: Followed) -> str:
    times = (one.before_ms, one.predicted_ms, one.measured_ms)
    return (
        f"{one.architecture:20}{one.change:18}"
        + "".join(f"{value:14.0f}" for value in times)
        + f"{one.error:14.0%}{one.load:14.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
