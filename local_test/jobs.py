"""One training job, as a container or as a plain process: both can be started and signalled."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from imageclf.contract import ROOT_VARIABLE
from imageclf.errors import SettingsError
from local_test import docker
from local_test.folders import Owner
from local_test.run_folder import Run

RUNNERS = ("auto", "docker", "process")
COMMAND = (sys.executable, "-m", "imageclf", "train")


class Job(Protocol):
    """How a job is started and told to end.

    `send` passes on TERM or KILL and says whether it arrived.
    """

    def start(self) -> "subprocess.Popen[bytes]": ...

    def send(self, child: "subprocess.Popen[bytes]", signal_name: str, /) -> bool: ...


@dataclass(frozen=True)
class ProcessJob:
    """The training program of this Python environment, under the run's folder."""

    run: Run
    command: Sequence[str] = COMMAND

    def start(self) -> "subprocess.Popen[bytes]":
        for place, source in self.run.inputs.items():
            _clear(self.run.tree.data / place).symlink_to(source)
        environment = os.environ | {ROOT_VARIABLE: str(self.run.folder), "PYTHONUNBUFFERED": "1"}
        # A session of its own: Ctrl-C reaches the launcher, which passes one signal on.
        return subprocess.Popen(self.command, env=environment, start_new_session=True)

    def send(self, child: "subprocess.Popen[bytes]", signal_name: str) -> bool:
        if signal_name == "KILL":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.terminate()
        return True


@dataclass(frozen=True)
class DockerJob:
    """The image, with the run's folder as its /opt/ml."""

    run: Run
    engine: docker.Engine
    image: str
    owner: Owner
    name: str = field(default_factory=lambda: f"imageclf-{uuid.uuid4().hex[:12]}")

    def start(self) -> "subprocess.Popen[bytes]":
        for place, source in self.run.inputs.items():
            mount_point = _clear(self.run.tree.data / place)
            make = mount_point.mkdir if source.is_dir() else mount_point.touch
            make()  # otherwise Docker does, as root
        command = docker.run_command(self.engine, self.image, self.run, self.owner, self.name)
        return subprocess.Popen(command, start_new_session=True)

    def send(self, _child: "subprocess.Popen[bytes]", signal_name: str) -> bool:
        return docker.send_signal(self.engine.client, self.name, signal_name)


def choose(
    runner: str, image: str, owner: Owner, command: Sequence[str] = COMMAND
) -> tuple[Callable[[Run], Job], str]:
    """What makes a job of a run as `runner` asks, and a line that says what it runs in.

    Raises:
        SettingsError: as `place` does.
    """
    engine, told = place(runner, image)
    if engine is None:
        return partial(ProcessJob, command=command), told
    return partial(DockerJob, engine=engine, image=image, owner=owner), told


def place(runner: str, image: str) -> tuple[docker.Engine | None, str]:
    """Where `runner` leads, a Docker engine or a plain process, and a line that says it.

    Raises:
        SettingsError: there is no such runner, or `docker` is asked for and cannot be had.
    """
    if runner not in RUNNERS:
        raise SettingsError(f"RUNNER={runner} is not known; choose {', '.join(RUNNERS)}.")
    if runner == "process":
        return None, "Runs as a process"
    engine = docker.find_engine()
    lack = _lack(engine, image)
    if engine is not None and lack is None:
        gpus = " with the GPUs" if engine.nvidia else ""
        return engine, f"Runs in Docker{gpus}, image {image}"
    if runner == "docker":
        raise SettingsError(f"RUNNER=docker cannot be had: {lack}, or use RUNNER=process.")
    return None, f"Runs as a process (for Docker: {lack})"


def _lack(engine: docker.Engine | None, image: str) -> str | None:
    if engine is None:
        return "no Docker engine answers; start one"
    if not engine.has_image(image):
        return f"there is no image {image}; `make build` makes it"
    return None


def _clear(place: Path) -> Path:
    """`place`, with its folder and without the link or mount point of an earlier attempt."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        place.rmdir()
    return place
