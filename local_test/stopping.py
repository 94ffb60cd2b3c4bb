"""Stopping a server that another command started."""

import os
import signal
import time

from local_test import docker
from local_test.serving_folder import ServingFolder, State

_LOOK_EVERY_S = 0.05


def stop(folder: ServingFolder, grace_s: float) -> int:
    """Stop what runs in `folder` as SageMaker would: SIGTERM, and SIGKILL after `grace_s`.

    Returns an exit code: 0 when it stopped in time, or nothing ran.
    """
    state = folder.running()
    if state is None:
        print("Nothing is being served.")
        return 0
    _send(state, "TERM")
    if _is_gone(state, grace_s):
        print(f"Stopped what answered at {state.url}.")
        return 0
    _send(state, "KILL")
    _is_gone(state, grace_s)
    print(f"What answered at {state.url} did not stop within {grace_s:g} s and was killed.")
    return 1


def _send(state: State, signal_name: str) -> None:
    if state.container:
        docker.send_signal(state.client, state.container, signal_name)
    elif state.is_alive:
        os.kill(state.pid, signal.Signals[f"SIG{signal_name}"])


def _is_gone(state: State, limit_s: float) -> bool:
    """Whether it ends within `limit_s`."""
    deadline_s = time.monotonic() + limit_s
    while state.is_alive:
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
