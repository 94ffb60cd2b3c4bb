"""Where SageMaker puts things: the tree under `/opt/ml`, under a root that can be moved.

Source: AWS developer guide, "How Amazon SageMaker AI Provides Training Information".
Nothing here creates a folder or reads the environment by itself.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf.errors import SettingsError

DEFAULT_ROOT = Path("/opt/ml")
ROOT_VARIABLE = "SAGEMAKER_BASE_DIR"

JOB_NAME_VARIABLE = "TRAINING_JOB_NAME"

STOP_GRACE_S = 120
"""Seconds between SIGTERM and SIGKILL when a training job is stopped or reclaimed."""

FAILURE_REASON_CHARACTERS = 1024
"""So much of `output/failure` becomes the job's FailureReason."""


@dataclass(frozen=True)
class Tree:
    """The folders and files of one job, below `root`."""

    root: Path = DEFAULT_ROOT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Tree":
        return cls(Path(environment.get(ROOT_VARIABLE, DEFAULT_ROOT)))

    @property
    def config(self) -> Path:
        return self.root / "input" / "config"

    @property
    def data(self) -> Path:
        return self.root / "input" / "data"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def output_data(self) -> Path:
        return self.output / "data"

    @property
    def tensors(self) -> Path:
        return self.output / "tensors"

    @property
    def failure(self) -> Path:
        return self.output / "failure"

    def place(self, named: str) -> Path:
        """Where a path that the platform names is: what lies below /opt/ml moves with `root`."""
        path = Path(named)
        below = path.is_relative_to(DEFAULT_ROOT) and ".." not in path.parts
        return self.root / path.relative_to(DEFAULT_ROOT) if below else path

    def channel(self, name: str) -> Path:
        return self.data / name

    def channels(self) -> list[str]:
        """Names of the channels that hold something, sorted."""
        if not self.data.is_dir():
            return []
        return sorted(path.name for path in self.data.iterdir() if path.is_dir())

    def read_config(self, name: str) -> dict[str, Any]:
        """Content of `input/config/<name>.json`; empty when the file is absent.

        Raises:
            SettingsError: the file is there and cannot be read, or is not a JSON object.
        """
        path = self.config / f"{name}.json"
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SettingsError(
                f"{path} cannot be read ({error.strerror}); make it a readable file."
            ) from error
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{path} is not valid JSON ({error}); correct the file.") from error
        if not isinstance(content, dict):
            raise SettingsError(f"{path} must hold a JSON object, not {type(content).__name__}.")
        return content


@dataclass(frozen=True)
class Resources:
    """The hosts of a job, from `resourceconfig.json`."""

    current_host: str = "localhost"
    hosts: tuple[str, ...] = ("localhost",)

    @classmethod
    def from_tree(cls, tree: Tree) -> "Resources":
        content = tree.read_config("resourceconfig")
        current = str(content.get("current_host", "localhost"))
        named = content.get("hosts", [current])
        if not isinstance(named, list) or not all(isinstance(host, str) for host in named):
            raise SettingsError(
                f"resourceconfig.json must name its hosts in a list of texts, not as {named!r}."
            )
        hosts = tuple(named)
        if current not in hosts:
            raise SettingsError(
                f"resourceconfig.json names current_host {current!r}, which is not in hosts "
                f"{list(hosts)}."
            )
        return cls(current, hosts)

    @property
    def is_leader(self) -> bool:
        return self.current_host == sorted(self.hosts)[0]


def write_failure(tree: Tree, message: str) -> None:
    """Keep `message` as the job's failure reason; the first reason written stays.

    SageMaker shows the first 1,024 characters, so the sentence that matters comes first.
    """
    try:
        tree.output.mkdir(parents=True, exist_ok=True)
        with tree.failure.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(message[:FAILURE_REASON_CHARACTERS])
    except FileExistsError:
        return
