"""Processes that see to one job each, from its beginning to its end, whatever becomes of us."""

import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import psutil

from local_test.cloud.cloud import Cloud
from local_test.cloud.machines import container, images, marks
from local_test.cloud.machines.identity import Identity, identity, is_alive
from local_test.cloud.settings import PREFIX, CloudSettings

_REPOSITORY = Path(__file__).parents[3]

is_running = is_alive
"""Whether the runner of this identity is still there."""


def start_runner(cloud: Cloud, module: str, name: str) -> Identity:
    """Start `python -m module name`, detached; what it prints goes to a file below the root.

    Raises:
        OSError: no process can be started, or the disk is full.
    """
    log = cloud.settings.root / "runners" / f"{module.rsplit('.', 1)[-1]}-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", module, name],
            cwd=_REPOSITORY,
            env=_environment(cloud.settings, module, name),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # Without it an ended runner stays as a zombie for as long as this process runs.
    threading.Thread(target=child.wait, name=f"runner {child.pid}", daemon=True).start()
    return identity(child.pid)


def stop_runner(runner: Identity) -> bool:
    """Ask the runner to stop its job in good order; whether it was there."""
    if not is_alive(runner):
        return False
    try:
        psutil.Process(int(runner["pid"])).terminate()
    except psutil.Error:
        return False
    return True


def clear(settings: CloudSettings, module: str, name: str) -> None:
    """Kill what a runner that is gone left running."""
    key = _key(settings, module, name)
    marks.kill_of_job(key)
    if (engine := images.engine(settings)) is not None:
        container.kill_labelled(engine.client, container.JOB_LABEL, key)


def guard(settings: CloudSettings) -> None:
    """See to it that what this runner starts ends with it, even when it is killed.

    A process beside it waits for that; so this comes before any thread.
    """
    owner = os.environ.get(marks.OWNER, "")
    reader, writer = os.pipe()
    if os.fork():
        os.close(reader)  # and the writer stays open for as long as this process lives
        return
    os.close(writer)
    os.setsid()
    os.read(reader, 1)
    if owner:
        _kill_owned(settings, owner)
    os._exit(0)


def _kill_owned(settings: CloudSettings, owner: str) -> None:
    marks.kill(marks.OWNER, owner)
    if (engine := images.engine(settings)) is not None:
        container.kill_labelled(engine.client, marks.OWNER, owner)


def _key(settings: CloudSettings, module: str, name: str) -> str:
    return f"{settings.root}:{module}:{name}"


def _environment(settings: CloudSettings, module: str, name: str) -> dict[str, str]:
    ours = {variable: text for variable, text in os.environ.items() if not _is_of_cloud(variable)}
    # A name may be used again while the runner that had it before still clears up.
    owner = f"{_key(settings, module, name)}:{uuid.uuid4().hex}"
    return {**ours, **settings.environment(), marks.OWNER: owner}


def _is_of_cloud(variable: str) -> bool:
    return variable.startswith((PREFIX, marks.OWNER, marks.INSTANCE))
