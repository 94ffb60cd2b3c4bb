"""`IMAGE serve`: process 1 of the container.

It holds the listening socket, starts multi-model-server and the gateway, starts anew whichever
ends, and ends the container when that does not help. It imports nothing large and answers nothing.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping

from imageclf import driver, machine
from imageclf.artifact import read_manifest
from imageclf.contract import Tree
from imageclf.errors import ImageclfError, SettingsError
from imageclf.serving import backend, logs
from imageclf.serving.children import Child
from imageclf.serving.gateway import FATAL
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import ServeSettings

DRAIN_S = 22.0
"""Seconds the gateway has to answer what it took in; the platform kills after 30."""

_DYING_S = 3.0
_LOOK_EVERY_S = 0.01
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(environment: Mapping[str, str] = os.environ) -> int:
    """Serve until SIGTERM; returns the exit code: 0 after that, else why it could not go on."""
    signals = _signals()
    try:
        logs.info(driver.enter())
        settings = ServeSettings.from_environment(environment)
        tree = Tree.from_environment(environment)
        if not settings.multi_model:
            read_manifest(tree.model)
        listener = _listen(settings.host, settings.port)
        run = RunFolder.create()
        try:
            return _Supervisor(settings, listener, run, environment).run(signals)
        finally:
            run.remove()
    except ImageclfError as error:
        return _fail(str(error), error.exit_code)


def _signals() -> int:
    """The end of a pipe from which the numbers of signals come, from now on."""
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_w, False)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    for number in (*_STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return wake_r


def _fail(message: str, code: int) -> int:
    logs.error(message)
    sys.stderr.write(f"error: {message}\n")
    return code


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), backlog=1024)
    except OSError as error:
        cause = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(
            f"Port {port} of {host} cannot be listened on ({cause}); free it, or choose another by "
            "IMAGECLF_PORT."
        ) from error
    logs.info("listening", port=listener.getsockname()[1])
    return listener


class _Supervisor:
    def __init__(
        self,
        settings: ServeSettings,
        listener: socket.socket,
        run: RunFolder,
        environment: Mapping[str, str],
    ) -> None:
        resolved = settings.resolve(machine.cores(), machine.gpus(environment))
        backend.prepare(run, settings)
        java = backend.command(run)
        self._listener = listener
        self._mms = Child(
            "multi-model-server",
            java,
            backend.environment(environment, resolved),
            before=run.clear,
            wrap=True,
            bound=True,
            # Of one model two copies have room for a while: the old one answers until the new does.
            survived=resolved.direct and not settings.multi_model,
        )
        gateway = [sys.executable, "-m", "imageclf.serving.gateway"]
        self._gateway = Child(
            "gateway",
            [*gateway, str(listener.fileno()), str(run.path)],
            backend.gateway_environment(environment),
            pass_fds=(listener.fileno(),),
        )
        self._stopping_since: float | None = None

    def run(self, signals: int) -> int:
        """Start both, and watch until one of them cannot be helped or a stop is asked for."""
        try:
            self._mms.start()
            self._gateway.start()
            while True:
                ready, _, _ = select.select([signals], [], [], self._patience())
                received = set(os.read(signals, 4096)) if ready else set()
                if received & set(_STOP_SIGNALS):
                    self._stop()
                code = self._look_after_children()
                if code is not None:
                    return code
        finally:
            for child in (self._gateway, self._mms):
                child.kill()
            self._await_ends()

    def _patience(self) -> float | None:
        if self._stopping_since is None:
            return None
        return max(0.0, self._stopping_since + DRAIN_S - time.monotonic()) + 0.01

    def _stop(self) -> None:
        if self._stopping_since is None:
            logs.info("stopping: requests in flight are answered first")
            self._stopping_since = time.monotonic()
            self._listener.close()
            self._gateway.signal(signal.SIGTERM)

    def _note_ends(self) -> None:
        for pid, status in _reap():
            for child in (self._mms, self._gateway):
                if child.pid == pid:
                    child.ended(status)

    def _await_ends(self) -> None:
        """Whoever waits for us finds nothing of us left; a JVM takes a moment to die."""
        deadline = time.monotonic() + _DYING_S
        while time.monotonic() < deadline:
            self._note_ends()
            if all(child.code is not None for child in (self._mms, self._gateway) if child.pid):
                return
            time.sleep(_LOOK_EVERY_S)

    def _look_after_children(self) -> int | None:
        """Restart what ended; the exit code once there is nothing more to do."""
        self._note_ends()
        if self._stopping_since is not None:
            if self._gateway.code is not None:
                return 0
            overdue = time.monotonic() - self._stopping_since > DRAIN_S
            return _fail("The gateway did not stop in time and was killed.", 1) if overdue else None
        if (code := self._gateway.code) is not None and code > FATAL:
            return code - FATAL
        return next((end for child in (self._mms, self._gateway) if (end := _restart(child))), None)


def _restart(child: Child) -> int | None:
    if child.code is None:
        return None
    if not child.may_restart:
        return _fail(f"The {child.name} ended again and again (last with {child.code}).", 1)
    logs.warning(f"the {child.name} ended with {child.code} and is started again")
    child.start()
    return None


def _reap() -> list[tuple[int, int]]:
    """Everybody below us that ended: (pid, status). As process 1 also the orphans of others."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))
