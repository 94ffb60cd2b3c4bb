"""`make demo`: everything once, on a local cloud of its own, with the launchers that AWS gets too.

Data, a search of hyperparameters, the best trained on spot with one interruption, an endpoint,
predictions, a batch transform, and the teardown. What the launchers print goes through; a table of
times and the paths of the reports come last. The cloud is stopped whatever happens.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fetching.folders import make_folder
from local_test import digits
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import Objects

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "local_test" / "run"
DATA = ROOT / "local_test" / "data" / "digits"
SETTINGS = "local_test/demo.toml"
CLOUD = "local_test/cloud.sh"

INTERRUPTED = 130
_SPOT = "after=12"
"""The training on spot is reclaimed once, so many seconds after it began."""

_OURS = ("AWS_", "LOCAL_CLOUD_", "IMAGECLF_")
_IN_THE_CLOUD = f'eval "$({CLOUD} env)" && exec "$@"'
_TRAINED = ("epochs=8", "onnx=true")


@dataclass(frozen=True)
class Step:
    """One command of a user."""

    title: str
    command: Sequence[str]


@dataclass
class Demo:
    """One run in `folder`; `took` are the seconds of each step so far."""

    folder: Path
    took: dict[str, float] = field(default_factory=dict)

    @property
    def _shown(self) -> Path:
        """The folder as the commands name it, which run in the project's."""
        return self.folder.relative_to(ROOT)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the commands run in: nothing of the user's account, and a cloud on a free port."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        own = {
            "LOCAL_CLOUD_ROOT": str(self._shown / "cloud"),
            "LOCAL_CLOUD_PORT": "0",
            "LOCAL_CLOUD_SLOTS": "2",
            "LOCAL_CLOUD_SPOT": _SPOT,
            "LOCAL_CLOUD_RUNNER": os.environ.get("RUNNER") or "auto",
            "IMAGECLF_LAUNCH_STATE": str(self._shown / "launch"),
            "IMAGECLF_LAUNCH_SETTINGS": SETTINGS,
        }
        return kept | own

    def steps(self) -> list[Step]:
        """What is done between the start and the stop of the cloud."""
        best, answers = (str(self._shown / name) for name in ("best.json", "batch.csv"))
        pictures = [
            str(path.relative_to(ROOT))
            for digit in ("3", "7", "9")
            for path in sorted((DATA / "test" / digit).iterdir())[:1]
        ]
        data, test = (str(path.relative_to(ROOT)) for path in (DATA, DATA / "test"))
        search = ["--out", best, "epochs=2", "onnx=false"]
        return [
            Step("data", ["scripts/prepare.sh", data, "--name", "digits"]),
            Step("search", ["scripts/tune.sh", *search]),
            Step("training", ["scripts/train.sh", "--from", best, "--spot", *_TRAINED]),
            Step("endpoint", ["scripts/deploy.sh", "--picture", pictures[0]]),
            Step("prediction", ["scripts/predict.sh", *pictures]),
            Step("batch", ["scripts/batch.sh", test, "--out", answers]),
            Step("teardown", ["scripts/teardown.sh", "--yes"]),
        ]

    def run(self, step: Step) -> None:
        """Run a step in the cloud.

        Raises:
            CalledProcessError: it failed; it has said why.
        """
        print(f"\n$ {' '.join(step.command)}", flush=True)
        began = time.monotonic()
        self._call(["sh", "-c", _IN_THE_CLOUD, "sh", *step.command])
        self.took[step.title] = time.monotonic() - began

    @contextmanager
    def cloud(self) -> Iterator[None]:
        """The cloud, stopped with the block."""
        print(f"$ {CLOUD} start", flush=True)
        began = time.monotonic()
        try:
            self._call([CLOUD, "start"])
            self.took["start"] = time.monotonic() - began
            yield
        finally:
            self._call([CLOUD, "stop"])

    def keep_reports(self) -> dict[str, Path]:
        """Take the training's archives and the search's picture out of the cloud."""
        kept = {"data": self._note("data-digits.json"), "search": self._note("*.svg")}
        objects = Objects(self.folder / "cloud" / "s3")
        model, output = (self.folder / name for name in ("model.tar.gz", "output.tar.gz"))
        address = json.loads(self._note("last.json").read_bytes())["model_data"]
        for archive in (model, output):
            bucket, key = uri.split(address.removesuffix(model.name) + archive.name)
            objects.fetch(bucket, key, archive)
        with tarfile.open(output) as tar:
            report = tar.extractfile("report.html")
            assert report is not None
            (self.folder / "report.html").write_bytes(report.read())
        return kept | {
            "training": self.folder / "report.html",
            "model": model,
            "batch": self.folder / "batch.csv",
        }

    def _note(self, pattern: str) -> Path:
        return next((self.folder / "launch").glob(f"*/{pattern}"))

    def _call(self, command: Sequence[str]) -> None:
        subprocess.run(command, cwd=ROOT, env=dict(self.environment), check=True)


def main() -> int:
    """Run it; the exit code of the step that failed, else 0."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if not DATA.is_dir():
        make_folder(DATA, digits.write)
    demo = Demo(RUNS / f"{datetime.now():%Y%m%d-%H%M%S}-demo")
    demo.folder.mkdir(parents=True)
    try:
        with demo.cloud():
            for step in demo.steps():
                demo.run(step)
                if step.title == "training":
                    kept = demo.keep_reports()
    except subprocess.CalledProcessError as error:
        told = f"{' '.join(error.cmd[-4:])} ended with exit code {error.returncode}"
        print(f"{told}; the cloud's files are in {demo.folder}.", file=sys.stderr)
        return error.returncode
    except KeyboardInterrupt:
        return INTERRUPTED
    shutil.rmtree(demo.folder / "cloud")
    print(_summary(demo.took, kept))
    return 0


def _summary(took: Mapping[str, float], kept: Mapping[str, Path]) -> str:
    rows = [f"{title:12}{seconds:6.0f} s" for title, seconds in took.items()]
    rows += [f"{'all of it':12}{sum(took.values()):6.0f} s", ""]
    rows += [f"{title:12}{path.relative_to(ROOT)}" for title, path in kept.items()]
    return "\n" + "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
