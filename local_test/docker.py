"""The Docker engine of this machine, if one answers: what it can do, and a run in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf.contract import DEFAULT_ROOT
from local_test.folders import Owner
from local_test.run_folder import Run

_ANSWER_TIMEOUT_S = 20
_SHARED_MEMORY = "4g"  # loader processes hand batches over in it; Docker gives 64 MiB by itself


@dataclass(frozen=True)
class Engine:
    """An engine that answers, and the client that reaches it."""

    client: str
    nvidia: bool
    rootless: bool

    def has_image(self, image: str) -> bool:
        return _ask([self.client, "image", "inspect", "--format", "{{.Id}}", image]) is not None

    def has_bridge(self) -> bool:
        """Whether it can publish a container's port; an engine without a bridge cannot."""
        return (
            _ask([self.client, "network", "inspect", "--format", "{{.Id}}", "bridge"]) is not None
        )


def find_engine(environment: Mapping[str, str] = os.environ) -> Engine | None:
    """The engine that the client named by DOCKER reaches, or else the first client on PATH."""
    named = environment.get("DOCKER")
    for client in [named] if named else _clients(environment.get("PATH", "")):
        info = _read(_ask([client, "info", "--format", "{{json .}}"]))
        if info.get("ServerVersion"):
            return Engine(client, nvidia=_has_nvidia(info), rootless=_is_rootless(info))
    return None


def run_command(engine: Engine, image: str, run: Run, owner: Owner, name: str) -> list[str]:
    """`docker run` of one training job: data read-only, files owned by `owner`."""
    command = [*run_prefix(engine, owner, name), "--volume", f"{run.folder}:{DEFAULT_ROOT}"]
    for place, source in run.inputs.items():
        command += ["--volume", f"{source}:{DEFAULT_ROOT / 'input' / 'data' / place}:ro"]
    if os.isatty(1):
        command += ["--tty"]
    return [*command, image, "train"]


def serve_command(
    engine: Engine,
    image: str,
    owner: Owner,
    name: str,
    *,
    port: int,
    models: Mapping[str, Path],
    settings: Mapping[str, str],
) -> list[str]:
    """`docker run` of a server that this machine alone reaches, at `port`.

    `models` are folders by the path where the container sees them, read-only.
    """
    command = run_prefix(engine, owner, name)
    for place, folder in models.items():
        command += ["--volume", f"{folder}:{place}:ro"]
    for variable, value in settings.items():
        command += ["--env", f"{variable}={value}"]
    if engine.has_bridge():
        command += ["--publish", f"127.0.0.1:{port}:{port}"]
    else:
        command += ["--network", "host", "--env", "IMAGECLF_HOST=127.0.0.1"]
    return [*command, image, "serve"]


def send_signal(client: str, name: str, signal_name: str) -> bool:
    """Whether the container `name` took the signal; it does not while it is not there yet."""
    command = [client, "kill", "--signal", signal_name, name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_prefix(engine: Engine, owner: Owner, name: str) -> list[str]:
    """How every `docker run` of ours begins: user, memory to share, GPUs."""
    # In a rootless engine the container's root is the caller, and other users are strangers.
    user = "0:0" if engine.rootless else f"{owner[0]}:{owner[1]}"
    command = [engine.client, "run", "--rm", "--name", name, "--user", user]
    command += ["--shm-size", _SHARED_MEMORY]
    if engine.nvidia:
        command += ["--gpus", "all"]
    return command


def _clients(search_path: str) -> list[str]:
    # A client can be too new for the engine (API versions) while another one speaks to it.
    found = (shutil.which("docker", path=folder) for folder in search_path.split(os.pathsep))
    return list(dict.fromkeys(str(Path(client).resolve()) for client in found if client))


def _ask(command: Sequence[str]) -> str | None:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _read(answer: str | None) -> dict[str, Any]:
    try:
        info = json.loads(answer or "{}")
    except json.JSONDecodeError:
        return {}
    return info if isinstance(info, dict) else {}


def _has_nvidia(info: dict[str, Any]) -> bool:
    return "nvidia" in (info.get("Runtimes") or {})


def _is_rootless(info: dict[str, Any]) -> bool:
    return any("name=rootless" in option for option in info.get("SecurityOptions") or ())
