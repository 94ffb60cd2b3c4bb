"""A real server, `python -m imageclf serve`, as a process of its own."""

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[3]
HOST = "127.0.0.1"
PATIENCE_S = 40.0
"""Seconds after which a condition will not come true any more; the machine may be busy."""

_LOOK_EVERY_S = 0.02

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers by their names in small letters, body."""


class Server:
    """A started server; its log is read all the time."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "imageclf", "serve"],
            env=_environment(root, self.temporary, environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._ports: queue.Queue[int] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read_log, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self.seen: dict[int, psutil.Process] = {}

    @property
    def port(self) -> int:
        if not hasattr(self, "_port"):
            self._port = self._ports.get(timeout=PATIENCE_S)
        return self._port

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log so far."""
        return [json.loads(line) for line in self.lines]

    def logged(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["message"] == message]

    def wait_ready(self) -> float:
        """Wait until `/ping` is 200; seconds that took."""
        began = time.monotonic()
        wait_until(self.is_ready, "ready", self)
        self.family()
        return time.monotonic() - began

    def is_ready(self) -> bool:
        try:
            return self.get("/ping")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, body: bytes, path: str = "/invocations", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, named)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request over a connection of its own."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body or None, dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read()
        finally:
            connection.close()

    def family(self) -> list[psutil.Process]:
        """All processes below the server; they are remembered."""
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        self.seen |= {process.pid: process for process in below}
        return below

    def jvm(self) -> psutil.Process:
        return self._one(lambda line: "java" in line[0])

    def gateway(self) -> psutil.Process:
        return self._one(lambda line: "imageclf.serving.gateway" in line)

    def parents(self) -> list[psutil.Process]:
        """The processes that loaded a model, one for each."""
        return self._models(forked=False)

    def workers(self) -> list[psutil.Process]:
        """The processes that predict."""
        return self._models(forked=True)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and wait; the exit code."""
        self.family()
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """The exit code, once it has ended."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def left(self) -> list[psutil.Process]:
        """Processes of the server that still run."""
        return [one for one in self.seen.values() if runs(one)]

    def end(self) -> None:
        """End it and all below it, however it is."""
        self.process.send_signal(signal.SIGSTOP)  # or it starts another one after the count
        self.family()
        self.process.kill()  # first, or it starts what is killed anew
        for one in self.left():
            one.kill()
        self.ended()

    def _one(self, fits: Callable[[list[str]], bool]) -> psutil.Process:
        def found() -> list[psutil.Process]:
            return [one for one in self.family() if (line := command_line(one)) and fits(line)]

        wait_until(found, "there", self)
        return found()[0]

    def _models(self, *, forked: bool) -> list[psutil.Process]:
        """A worker is the fork of a model's process, and has its command line."""
        models = [one for one in self.family() if _is_model(one)]
        return [one for one in models if _is_below_model(one) == forked and runs(one)]

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))
            if '"listening"' in self.lines[-1]:
                self._ports.put(json.loads(self.lines[-1])["port"])

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.decode().rstrip("\n"))


@contextmanager
def running(root: Path, **environment: str) -> Iterator[Server]:
    """A server that is ready."""
    with started(root, **environment) as server:
        server.wait_ready()
        yield server


@contextmanager
def started(root: Path, **environment: str) -> Iterator[Server]:
    """A server that may not be ready yet."""
    server = Server(root, **environment)
    try:
        yield server
    finally:
        server.end()


def halt(process: psutil.Process) -> None:
    """Stop a process, until SIGCONT; on a busy machine its threads go on for a while yet."""
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "stopped")


def wait_until(condition: Callable[[], object], what: str, server: Server | None = None) -> None:
    """Wait for `condition` to hold."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        log = "\n".join([*server.lines[-20:], *server.errors[-20:]]) if server else ""
        assert time.monotonic() < deadline, f"not {what} after {PATIENCE_S:.0f} s\n{log}"
        time.sleep(_LOOK_EVERY_S)


def _environment(root: Path, temporary: Path, own: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("IMAGECLF_", "SAGEMAKER_"))
    }
    ours = {
        "SAGEMAKER_BASE_DIR": str(root),
        "IMAGECLF_PORT": "0",
        "IMAGECLF_THREADS": "1",
        "IMAGECLF_WORKERS": "1",
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(ROOT / "container"),
    }
    return {**kept, **ours, **own}


def _is_model(process: psutil.Process) -> bool:
    return "--model-name" in command_line(process)


def _is_below_model(process: psutil.Process) -> bool:
    try:
        above = process.parent()
    except psutil.Error:
        return False
    return above is not None and _is_model(above)


def command_line(process: psutil.Process) -> list[str]:
    """What started it; empty when it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def runs(process: psutil.Process) -> bool:
    """Whether it lives."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
