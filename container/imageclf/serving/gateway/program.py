"""The gateway's process: what it starts with, and when it ends."""

import asyncio
import os
import resource
import signal
import socket
import sys
from pathlib import Path

import uvloop

from imageclf import machine
from imageclf.contract import Tree
from imageclf.serving import logs
from imageclf.serving.gateway import FATAL, http, processes
from imageclf.serving.gateway.app import App
from imageclf.serving.gateway.loading import first_of
from imageclf.serving.gateway.mms import Mms
from imageclf.serving.gateway.models import Models
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import ServeSettings

ONLY = "model"
"""Name of the one model of a server that has no others."""

LAME_DUCK_S = 1.0
"""Seconds between the first `/ping` that says no and the end of listening."""

_DRAIN_S = 19.0
_LOOK_FOR_SUPERVISOR_S = 1.0


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; returns the exit code.

    Args:
        arguments: the listener's file descriptor, and the run folder.
    """
    logs.capture()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    listener = socket.socket(fileno=int(arguments[0]))
    return uvloop.run(_run(listener, RunFolder(Path(arguments[1]))))


async def _run(listener: socket.socket, run: RunFolder) -> int:
    settings = ServeSettings.from_environment(os.environ)
    resolved = settings.resolve(machine.cores(), machine.gpus())
    only = None if settings.multi_model else ONLY
    async with Mms(run) as mms:
        models = Models(run, mms, settings, resolved)
        app = App(settings, resolved, models, only)
        server = http.server(app, _DRAIN_S)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        await first_of(
            stop.wait(),
            models.gave_up.wait(),
            _load_and_watch(models, only),
            _end_with_supervisor(run),
            asyncio.shield(serving),
        )
        if models.failure is not None:
            logs.error(str(models.failure))
            sys.stderr.write(f"error: {models.failure}\n")
            return FATAL + models.failure.exit_code
        app.draining = True
        await asyncio.sleep(LAME_DUCK_S)
        server.should_exit = True
        await serving
    return 0


async def _load_and_watch(models: Models, only: str | None) -> None:
    await models.adopt()
    if only is not None and models.find(only) is None:
        await models.serve_only(only, Tree.from_environment().model)
    if models.failure is None:
        logs.info("ready")
    await models.watch()


async def _end_with_supervisor(run: RunFolder) -> None:
    """End everything when the supervisor is gone: nobody else would."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(_LOOK_FOR_SUPERVISOR_S)
    logs.error("the supervisor is gone, so everything ends")
    processes.end_server(run.path)
    run.remove()
    raise SystemExit(1)
