"""A worker's own socket, through which the gateway asks it without a detour.

Opened right after the fork, in the folder of the model, which nobody else can enter. Each
connection has a thread, and so many requests are answered at the same time as the settings say: one
picture is decoded while another is predicted. The threads are no daemons: when multi-model-server
has gone, the process stays until the gateway lets go of it as well.
"""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from imageclf.serving.answers import Response
from imageclf.serving.wire import FIELDS_BYTES, LENGTHS, SUFFIX, head

Answering = Callable[[Mapping[str, str], bytes], Response]

_BACKLOG = 128


class Door:
    """Answers what comes through the socket of this process.

    Args:
        at_once: requests that are answered at the same time; more wait.
        largest: bytes of a body; who announces more is hung up on.
    """

    def __init__(self, answering: Answering, at_once: int, largest: int) -> None:
        self._answering = answering
        self._places = threading.Semaphore(at_once)
        self._largest = largest

    def open(self, folder: Path) -> None:
        """Listen in `folder`; whoever finds the socket there can connect at once.

        Raises:
            OSError: it cannot be made.
        """
        place = folder / f"{os.getpid()}{SUFFIX}"
        draft = place.with_suffix(".new")
        draft.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(draft))
        draft.chmod(0o600)
        listener.listen(_BACKLOG)
        draft.rename(place)
        threading.Thread(target=self._accept, args=[listener], name="door", daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:  # whatever ends this: who is refused goes another way, who waits does not
            while True:
                connection, _ = listener.accept()
                # Of itself it would be a daemon, since this thread is one.
                threading.Thread(
                    target=self._serve, args=[connection], name="answer", daemon=False
                ).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer one request after the other until the gateway hangs up."""
        with connection, contextlib.suppress(ConnectionError, EOFError):
            while True:
                headers, body = self._request(connection)
                with self._places:
                    response = self._answering(headers, body)
                fields = {"status": response.status, "content-type": response.content_type}
                connection.sendall(head(fields, len(response.body)) + response.body)

    def _request(self, connection: socket.socket) -> tuple[dict[str, str], bytes]:
        fields_bytes, body_bytes = LENGTHS.unpack(_exactly(connection, LENGTHS.size))
        if fields_bytes > FIELDS_BYTES or body_bytes > self._largest:
            raise EOFError
        return json.loads(_exactly(connection, fields_bytes)), _exactly(connection, body_bytes)


def _exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes; EOFError when the other side hangs up before."""
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content), socket.MSG_WAITALL)
        if not part:
            raise EOFError
        content = content + part if content else part
    return content
