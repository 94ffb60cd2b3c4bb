"""The way of a started server to its first answer, and what can be asked from then on."""

import json
import mimetypes
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from imageclf.errors import EndpointError
from local_test import models, wire
from local_test.folders import short
from local_test.models import Model
from local_test.servers import Server
from local_test.serving_folder import ServingFolder, State, place
from local_test.supervise import Child

_PING_TIMEOUT_S = 2.0
_LOAD_TIMEOUT_S = 900.0
_OK = 200


class Watch:
    """Follows a server; when it is ready, loads the models of a multi-model one and says so.

    Calling it says whether the server is to be left alone, running.

    Raises:
        EndpointError: a model cannot be loaded.
    """

    def __init__(
        self,
        folder: ServingFolder,
        server: Server,
        chosen: Sequence[Model],
        *,
        background: bool,
    ) -> None:
        self._folder = folder
        self._server = server
        self._models = chosen
        self._background = background
        self._url = f"http://127.0.0.1:{server.port}"
        self._began_s = time.monotonic()
        self._is_ready = False

    def __call__(self, child: Child) -> bool:
        """Look after it once."""
        if self._is_ready:
            return False
        if not self._folder.state.exists():
            self._folder.note(self._state(child))
            _show("Waiting until it is ready.")
        if not _is_ready(self._url):
            _count(time.monotonic() - self._began_s)
            return False
        self._is_ready = True
        if self._server.multi:
            self._load()
        _show(f"Ready after {time.monotonic() - self._began_s:.1f} s.")
        for line in self._next_steps():
            print(line, flush=True)
        return self._background

    def _load(self) -> None:
        for model in self._models:
            url = str(self._server.root / place(model.name))
            body = json.dumps({"model_name": model.name, "url": url}).encode()
            reply = wire.ask(self._url, "POST", "/models", body, timeout_s=_LOAD_TIMEOUT_S)
            if reply.status != _OK:
                raise EndpointError(f"Model {model.name} was not loaded: {message(reply)}")
            _show(f"Model {model.name} is loaded.")

    def _state(self, child: Child) -> State:
        names = tuple(model.name for model in self._models) if self._server.multi else ()
        started_s = psutil.Process(child.pid).create_time()
        server = self._server
        return State(self._url, child.pid, started_s, names, server.container, server.client)

    def _next_steps(self) -> Iterator[str]:
        yield "Ask it:"
        for model in self._models:
            picture = self._picture(model)
            path = f"/models/{model.name}/invoke" if self._server.multi else "/invocations"
            yield f"  {curl(self._url + path, picture)}"
        yield f"  make local-predict IMAGE={shlex.quote(short(picture))}"
        yield f"Log: {short(self._folder.log)}"
        yield f"Stop it: {'make local-serve-stop' if self._background else 'Ctrl-C'}"

    def _picture(self, model: Model) -> Path:
        data = model.data
        found = models.picture(data) if data is not None else None
        return found or self._folder.made_up_picture()


def curl(url: str, picture: Path) -> str:
    """The command that asks for the classes of `picture`."""
    body = shlex.quote(f"@{short(picture)}")
    return f"curl --data-binary {body} -H 'Content-Type: {content_type(picture)}' {url}"


def content_type(picture: Path) -> str:
    """The media type of a picture by its name; of what is none by it, that of any bytes."""
    guessed = mimetypes.guess_type(picture.name)[0] or ""
    return guessed if guessed.startswith("image/") else "application/octet-stream"


def message(reply: wire.Reply) -> str:
    """What the server says in an answer that is no success."""
    try:
        content = json.loads(reply.body)
    except ValueError:
        content = None
    told = content.get("message") if isinstance(content, dict) else None
    return str(told) if told else f"the server answered {reply.status}."


def _is_ready(url: str) -> bool:
    try:
        return wire.ask(url, "GET", "/ping", timeout_s=_PING_TIMEOUT_S).status == _OK
    except EndpointError:
        return False


def _show(line: str) -> None:
    start = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{start}{line}", flush=True)


def _count(seconds: float) -> None:
    """The seconds so far, where they can be overwritten."""
    if sys.stdout.isatty():
        print(f"\r{seconds:.0f} s", end="", flush=True)
