"""The folder of one run: a mirror of /opt/ml, with what is needed to go on with it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imageclf.contract import Tree
from imageclf.errors import SettingsError
from local_test.folders import point

CHANNEL = "training"
WEIGHTS_CHANNEL = "pretrained"
LATEST = "latest"
NOTE = "run.json"


@dataclass(frozen=True)
class Run:
    """One run below `folder`: its data, and the file of pretrained weights if it was given one."""

    folder: Path
    data: Path
    weights: Path | None = None

    @property
    def tree(self) -> Tree:
        return Tree(self.folder)

    @property
    def archive(self) -> Path:
        return self.folder / "model.tar.gz"

    @property
    def inputs(self) -> dict[str, Path]:
        """What the training program has to find below `input/data`, by its path there."""
        found = {CHANNEL: self.data}
        if self.weights is not None:
            found[f"{WEIGHTS_CHANNEL}/{self.weights.name}"] = self.weights
        return found

    def hyperparameters(self) -> dict[str, str]:
        return self.tree.read_config("hyperparameters")


def create(
    runs: Path,
    name: str,
    data: Path,
    hyperparameters: Mapping[str, str],
    now: datetime,
) -> Run:
    """A new run below `runs`; `latest` leads to it from now on."""
    weights, values = _weights_as_channel(hyperparameters)
    run = Run(_new_folder(runs, name, now), data, weights)
    for folder in (run.tree.config, run.tree.data, run.tree.model, run.tree.output_data):
        folder.mkdir(parents=True)
    run.tree.checkpoints.mkdir()
    note = {"data": str(data), "weights": str(weights) if weights else None}
    (run.folder / NOTE).write_text(json.dumps(note, indent=2))
    write_config(run, values)
    point(runs / LATEST, run.folder.name)
    return run


def latest(runs: Path) -> Run:
    """The run that was started last.

    Raises:
        SettingsError: there is none.
    """
    folder = (runs / LATEST).resolve()
    try:
        note = json.loads((folder / NOTE).read_text())
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no run to resume in {runs}; start one without RESUME."
        ) from error
    return Run(folder, Path(note["data"]), Path(note["weights"]) if note["weights"] else None)


def write_config(run: Run, hyperparameters: Mapping[str, str]) -> None:
    """Write the files of `input/config` as SageMaker does; every value is a string."""
    channels = sorted({path.partition("/")[0] for path in run.inputs})
    channel = {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    content: dict[str, Mapping[str, object]] = {
        "hyperparameters": {name: str(value) for name, value in hyperparameters.items()},
        "inputdataconfig": dict.fromkeys(channels, channel),
        "resourceconfig": {"current_host": "localhost", "hosts": ["localhost"]},
    }
    for name, values in content.items():
        (run.tree.config / f"{name}.json").write_text(json.dumps(values, indent=2))


def _new_folder(runs: Path, name: str, now: datetime) -> Path:
    stem = f"{now:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9.-]+', '-', name).strip('-.') or 'data'}"
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = runs / f"{stem}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise SettingsError(f"{runs / stem} and its 98 successors exist; wait a second and try again.")


def _weights_as_channel(values: Mapping[str, str]) -> tuple[Path | None, dict[str, str]]:
    """A file of weights becomes a channel, so that a container sees it too."""
    weights = Path(values.get("pretrained", "")).expanduser()
    if not weights.is_file():
        return None, dict(values)
    return weights.resolve(), {**values, "pretrained": WEIGHTS_CHANNEL}
