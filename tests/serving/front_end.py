"""Stands in for the JVM of multi-model-server: speaks with its real Python workers, as it does."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import mms.model_service_worker

from imageclf.serving.run_folder import HANDLER, RunFolder

WARM_UP = {"x-imageclf-warm-up": "1"}
ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


def command(model_dir: Path, socket_name: Path) -> list[str]:
    """What starts the parent process of a model."""
    return [
        sys.executable,
        mms.model_service_worker.__file__,
        *("--sock-type", "unix", "--sock-name", str(socket_name)),
        *("--handler", HANDLER),
        *("--model-path", str(model_dir), "--model-name", "key"),
        *("--preload-model", "true", "--tmp-dir", str(model_dir)),
    ]


def environment(**settings: str) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT / "container"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **settings}


def add_model(run: RunFolder, artifact: Path) -> Path:
    """The folder of a model as the gateway makes it."""
    run.add_model("key", "shown", "url", artifact)
    return run.model("key")


class ModelProcess:
    """The parent process of a model."""

    def __init__(self, model_dir: Path, **settings: str) -> None:
        self.model_dir = model_dir
        self.socket_name = model_dir / "s"
        self.process = subprocess.Popen(
            command(model_dir, self.socket_name),
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def exit_code(self) -> int:
        """The exit code, once it has ended by itself."""
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


class Worker:
    """One forked worker of the model whose parent listens at `socket_name`."""

    def __init__(self, socket_name: Path, model_dir: Path, number: int = 0) -> None:
        self._socket = _connected(socket_name)
        self._pipes = [model_dir / f"{number}-{name}" for name in ("stdout", "stderr")]
        self.log = bytearray()
        self._load(model_dir, str(number))

    def predict(
        self, bodies: Sequence[bytes], headers: Sequence[Mapping[str, str]]
    ) -> list[Answer]:
        """The answers to a batch.

        Raises:
            EOFError: the worker is gone.
        """
        message = b"I"
        for number, (body, given) in enumerate(zip(bodies, headers, strict=True)):
            message += _text(f"request {number}")
            message += b"".join(_text(name) + _text(value) for name, value in given.items()) + _END
            message += _text("body") + _text("application/octet-stream")
            message += struct.pack("!i", len(body)) + body + _END
        self._socket.sendall(message + _END)
        self._integer()
        self._bytes()
        answers = [self._answer() for _ in bodies]
        assert self._integer() == -1
        return answers

    def close(self) -> None:
        self._socket.close()

    def _load(self, model_dir: Path, number: str) -> None:
        message = b"L" + _text("key") + _text(str(model_dir)) + struct.pack("!i", 1)
        message += _text(HANDLER) + struct.pack("!i", -1) + _text(number)
        self._socket.sendall(message)
        assert self._integer() == 200
        self._bytes()
        assert self._integer() == -1
        for pipe in self._pipes:
            threading.Thread(target=self._drain, args=[pipe], daemon=True).start()

    def _drain(self, pipe: Path) -> None:
        with pipe.open("rb", buffering=0) as stream:
            while chunk := stream.read(4096):
                self.log += chunk

    def _answer(self) -> Answer:
        self._bytes()
        content_type = self._bytes().decode()
        status = self._integer()
        self._bytes()
        for _ in range(2 * self._integer()):
            self._bytes()
        return status, content_type, self._bytes()

    def _integer(self) -> int:
        (value,) = struct.unpack("!i", self._exactly(4))
        assert isinstance(value, int)
        return value

    def _bytes(self) -> bytes:
        return self._exactly(self._integer())

    def _exactly(self, length: int) -> bytes:
        content = b""
        while len(content) < length:
            part = self._socket.recv(length - len(content))
            if not part:
                raise EOFError
            content += part
        return content


_END = struct.pack("!i", -1)


def _text(value: str) -> bytes:
    return struct.pack("!i", len(value.encode())) + value.encode()


def _connected(name: Path) -> socket.socket:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(str(name))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            assert time.monotonic() < deadline, f"nobody listens at {name}"
            time.sleep(0.02)
        else:
            return connection
