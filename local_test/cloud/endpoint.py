"""The endpoint's process, from taking its root to an orderly end."""

import logging
import os
import signal
import sqlite3
import tempfile
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

from imageclf.errors import SettingsError
from local_test.cloud import beginnings, rooms, user_config
from local_test.cloud.cloud import Cloud
from local_test.cloud.front import Front
from local_test.cloud.holder import Holder, Lock
from local_test.cloud.hosting import runtime
from local_test.cloud.moto_side import MotoSide
from local_test.cloud.objects import service
from local_test.cloud.protocol import Api
from local_test.cloud.server import Server, listen
from local_test.cloud.settings import CloudSettings
from local_test.cloud.tagging.groups import announce
from local_test.cloud.training.spot import Schedule

_DRAIN_S = 60.0
"""SageMaker lets a model answer for so long."""

_LOG = logging.getLogger(__name__)


def serve(settings: CloudSettings, strict: bool = False) -> None:
    """Answer until SIGTERM or SIGINT, then end what runs.

    Args:
        strict: answers that AWS's model does not allow become errors.

    Raises:
        SettingsError: the root cannot be used or is held by another process, the port is taken,
            or the schedule of interruptions cannot be read.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    Schedule.parse(settings.spot)
    lock = Lock(settings.root)
    lock.take()
    listener = listen(settings.port)
    settings = replace(settings, port=listener.getsockname()[1])
    cloud = _open(settings)
    front = make_front(cloud, strict)
    for room in rooms.ROOMS:
        room.resume(cloud)
    server = Server(listener, front)
    server.start()
    lock.tell(Holder(os.getpid(), settings.address))
    ended.wait()
    front.is_ending = True
    server.drain(_DRAIN_S)
    _end(cloud)


def _open(settings: CloudSettings) -> Cloud:
    try:
        _keep_temporary_files_in(settings.root / "tmp")
        user_config.write(settings)
        return Cloud.open(settings)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(
            f"What lies in {settings.root} cannot be opened ({error}); make room there, or choose "
            "another folder with LOCAL_CLOUD_ROOT."
        ) from error


def _keep_temporary_files_in(folder: Path) -> None:
    """Uploads pass through a file; the system's own folder may be small, or memory."""
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)


def make_front(cloud: Cloud, strict: bool = False) -> Front:
    """The application that answers for `cloud`."""
    moto = MotoSide(cloud)
    beginnings.make(cloud)
    announce(cloud.store, cloud.settings.region)
    moto.replay()
    api = Api(cloud, rooms.handlers(), strict)
    s3 = service.application(cloud.objects, moto)
    return Front(api, partial(runtime.invoke, cloud), s3, moto, cloud.settings.region)


def _end(cloud: Cloud) -> None:
    """End every room, those first that start work in others; a fault of one keeps none running."""
    for room in reversed(rooms.ROOMS):
        try:
            room.end(cloud)
        except Exception:  # noqa: BLE001  (logged)
            _LOG.exception("A room did not end")
