"""The private folder of one server: sockets, configuration, what is served under which name.

inference, management     unix sockets of multi-model-server: nobody else can reach them
config.properties         its settings
log4j2.xml                its log, as JSON lines
models/<key>/             one for each loaded model, see `add_model`
  MAR-INF/MANIFEST.json   what multi-model-server asks for
  artifact                link to the model's own folder
  failure.json            left by a worker that could not load it
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf import artifact

HANDLER = "imageclf.serving.handler"
ARTIFACT = "artifact"
FAILURE = "failure.json"
DESCRIPTION = "model.json"

_LONGEST = 60
"""Characters: the name of a unix socket has 108 at most, and the server puts its own below this."""


@dataclass(frozen=True)
class RunFolder:
    """The paths below `path`."""

    path: Path

    @classmethod
    def create(cls) -> "RunFolder":
        """A new one that only this user can enter."""
        where = tempfile.gettempdir()
        short = where if len(where) < _LONGEST else "/tmp"  # noqa: S108  only we can enter it
        run = cls(Path(tempfile.mkdtemp(prefix="imageclf-", dir=short)))
        run.models.mkdir()
        return run

    @property
    def inference(self) -> Path:
        return self.path / "inference"

    @property
    def management(self) -> Path:
        return self.path / "management"

    @property
    def config(self) -> Path:
        return self.path / "config.properties"

    @property
    def log_config(self) -> Path:
        return self.path / "log4j2.xml"

    @property
    def models(self) -> Path:
        return self.path / "models"

    def model(self, key: str) -> Path:
        return self.models / key

    def add_model(self, key: str, name: str, url: str, folder: Path) -> None:
        """Let multi-model-server find the artifact in `folder` under `key`."""
        place = self.model(key)
        (place / "MAR-INF").mkdir(parents=True)
        (place / ARTIFACT).symlink_to(folder.resolve())
        manifest = {
            "specificationVersion": "1.0",
            "runtime": "python",
            "model": {"modelName": key, "handler": HANDLER},
        }
        artifact.write_json(place / "MAR-INF" / "MANIFEST.json", manifest)
        artifact.write_json(place / DESCRIPTION, {"name": name, "url": url})

    def remove_model(self, key: str) -> None:
        shutil.rmtree(self.model(key), ignore_errors=True)

    def described(self) -> dict[str, dict[str, str]]:
        """Name and url of every model by its key; those of an earlier gateway too."""
        files = sorted(self.models.glob(f"*/{DESCRIPTION}"))
        return {path.parent.name: json.loads(path.read_bytes()) for path in files}

    def failure(self, key: str) -> dict[str, Any] | None:
        """What a worker of the model said when it could not load it."""
        try:
            content = json.loads((self.model(key) / FAILURE).read_bytes())
        except FileNotFoundError:
            return None
        assert isinstance(content, dict)
        return content

    def clear(self) -> None:
        """Remove the sockets and pipes of a server that died; a new one would trip over them."""
        for path in self.path.iterdir():
            if path.is_socket() or path.is_fifo():
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
