"""The folder of what is served on this machine: `run/serving`, made anew by each start.

state.json   which process or container it is, and where it answers
log          what it prints, JSON lines
ml/          its /opt/ml: `model`, or `models/<name>/model`
picture.jpg  a made-up picture, where no real one is known
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from imageclf import artifact
from local_test.models import Model
from local_test.package import unpack_model
from local_test.pictures import made_up_jpeg

_SAME_START_S = 1.0


@dataclass(frozen=True)
class State:
    """A server that was started: the process to wait for, and its container if it is in one."""

    url: str
    pid: int
    started_s: float
    models: tuple[str, ...] = ()
    container: str = ""
    client: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; another process that was given its number does not count."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_s) < _SAME_START_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True)
class ServingFolder:
    """The paths below `path`."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def root(self) -> Path:
        return self.path / "ml"

    def running(self) -> State | None:
        """What was started here and still runs."""
        try:
            content = json.loads(self.state.read_text())
        except FileNotFoundError:
            return None
        state = State(**{**content, "models": tuple(content["models"])})
        return state if state.is_alive else None

    def note(self, state: State) -> None:
        """Remember what was started."""
        artifact.write_json(self.state, asdict(state))

    def fill(self, models: Sequence[Model], *, multi: bool) -> dict[str, Path]:
        """Make the folder anew with `models`; where each lies, by its place below /opt/ml.

        Raises:
            ArchiveError: one is packed and cannot be unpacked.
        """
        shutil.rmtree(self.path, ignore_errors=True)
        self.root.mkdir(parents=True)
        return {place(one.name if multi else ""): self._add(one, multi) for one in models}

    def _add(self, model: Model, multi: bool) -> Path:
        target = self.root / place(model.name if multi else "")
        target.parent.mkdir(parents=True, exist_ok=True)
        if model.is_packed:
            return unpack_model(model.source, target)
        target.symlink_to(model.source)
        return model.source

    def made_up_picture(self) -> Path:
        """A small JPEG of coloured noise."""
        path = self.path / "picture.jpg"
        path.write_bytes(made_up_jpeg())
        return path


def place(name: str) -> str:
    """Where the model `name` of several lies below /opt/ml; that of a single one without a name."""
    return f"models/{name}/model" if name else "model"
