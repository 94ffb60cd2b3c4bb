"""The life of a model's processes below multi-model-server.

The model is loaded once in the parent process, so that the workers, which are forked from it, share
what can be shared. An engine that makes threads, which no fork survives, is started in each worker
right after the fork, and so is the worker's own socket. Who cannot load says why in `failure.json`,
where the gateway looks, and ends.
"""

import gc
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imageclf import artifact, machine, startup
from imageclf.errors import ImageclfError
from imageclf.serving import asked
from imageclf.serving.answers import Response
from imageclf.serving.door import Door
from imageclf.serving.responder import Responder
from imageclf.serving.run_folder import ARTIFACT, FAILURE
from imageclf.serving.settings import Resolved, ServeSettings

if TYPE_CHECKING:
    from imageclf.serving.predictor import Predictor

_LOG = logging.getLogger(__name__)
_WATCH_S = 0.5
_NO_MEMORY = 507


def load(model_dir: Path, environment: Mapping[str, str]) -> Responder:
    """Load the model that `model_dir` links to; the process and its forks can answer then.

    Raises:
        SystemExit: that failed; `failure.json` in `model_dir` says why.
    """
    _watch_parent()
    _set_up_log()
    with _failure_told(model_dir, sys.exit):
        settings = ServeSettings.from_environment(environment)
        predictor = _opened(model_dir, settings)
        if predictor.forkable:
            _start(predictor)
        resolved = settings.resolve(machine.cores(), machine.gpus())
        responder = Responder(predictor, settings, _decoding_threads(resolved))
        door = _door(responder, settings, resolved) if resolved.direct else None
        gc.collect()
        gc.freeze()  # or each worker's first look through memory would copy what they share
        os.register_at_fork(after_in_child=partial(_start_in_worker, predictor, door, model_dir))
    return responder


def _decoding_threads(resolved: Resolved) -> int:
    """The worker's share of the cores: decoding and predicting take turns."""
    if machine.gpus():
        return max(1, machine.cores() // resolved.workers)
    return resolved.threads


def _door(responder: Responder, settings: ServeSettings, resolved: Resolved) -> Door:
    def answering(headers: Mapping[str, str], body: bytes) -> Response:
        (response,) = asked.answers(responder, [(headers, body)])
        return response

    return Door(answering, resolved.at_once, settings.max_body_bytes)


def _opened(model_dir: Path, settings: ServeSettings) -> "Predictor":
    # Here, since a torch that cannot be imported is a failure to tell, and takes a second.
    with startup.imports():
        from imageclf.serving.predictor import Predictor  # noqa: PLC0415

    return Predictor.open(model_dir / ARTIFACT, settings, claims=model_dir)


def _start(predictor: "Predictor") -> None:
    predictor.start()
    predictor.warm_up()


def _start_in_worker(predictor: "Predictor", door: Door | None, model_dir: Path) -> None:
    # What a fork's hook raises is printed and forgotten, so here the process ends at once.
    with _failure_told(model_dir, os._exit):
        if not predictor.forkable:
            _start(predictor)
    if door is not None:
        _open(door, model_dir)


def _open(door: Door, model_dir: Path) -> None:
    try:
        door.open(model_dir)
    except OSError as error:
        _LOG.warning("The worker has no socket of its own (%s); it is asked by detours.", error)


@contextmanager
def _failure_told(model_dir: Path, end: Callable[[int], object]) -> Iterator[None]:
    try:
        yield
    except ImageclfError as error:
        _tell(model_dir, str(error), error.exit_code, error.status)
        end(error.exit_code)
    except MemoryError:
        _tell(model_dir, "The model does not fit in memory.", 1, _NO_MEMORY)
        end(1)
    except Exception as error:  # noqa: BLE001  the process ends with it
        _LOG.exception("The model cannot be loaded.")
        _tell(model_dir, f"The model cannot be loaded: {type(error).__name__}: {error}", 1, 500)
        end(1)


def _tell(model_dir: Path, message: str, exit_code: int, status: int) -> None:
    content = {"message": message, "exit_code": exit_code, "status": status}
    artifact.write_json(model_dir / FAILURE, content)


def _watch_parent() -> None:
    """End this process when its parent is gone: nobody would ever ask it again."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _set_up_log() -> None:
    """Plain lines on standard error; multi-model-server carries them on."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s", force=True
    )
    # Both speak of what callers send, which the callers are told.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="PIL")
