"""`make local-serve`: the model of a run behind a port of this machine.

It finds the model, starts the image or a plain process, waits until it is ready, and says how to
ask it; Ctrl-C ends it as SageMaker would.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fetching.folders import locked
from imageclf.errors import ImageclfError, SettingsError
from local_test import jobs, models, serve_settings, stopping
from local_test.folders import caller, give, short
from local_test.ready import Watch
from local_test.serve_settings import ServeSettings
from local_test.servers import COMMAND, DockerServer, ProcessServer, Server
from local_test.serving_folder import ServingFolder, State
from local_test.supervise import Grace, supervise

HERE = Path(__file__).parent
_INTERRUPTED = 130
_GRACE = Grace(30.0, "the requests in flight")
_SENTENCE = "error: "


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    *,
    command: Sequence[str] = COMMAND,
    home: Path = HERE,
) -> int:
    """Serve until a signal comes (0), or the server ends by itself (its exit code).

    `command` is the server of a plain process; runs lie below `home`.
    """
    try:
        wanted = serve_settings.read(arguments, environment)
        folder = ServingFolder(home / "run" / "serving")
        if wanted.stop:
            return stopping.stop(folder, _GRACE.seconds)
        return _serve(wanted, environment, command, folder)
    except ImageclfError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _serve(
    wanted: ServeSettings,
    environment: Mapping[str, str],
    command: Sequence[str],
    folder: ServingFolder,
) -> int:
    owner = caller(environment)
    chosen = models.find(wanted.model, folder.path.parent, several=wanted.multi)
    make_server, runs_in = _choose(wanted, environment, command)
    with _alone(folder):
        port = serve_settings.free_port(wanted.port)
        lie_at = folder.fill(chosen, multi=wanted.multi)
        server = make_server(folder, port, lie_at)
        give(folder.path, owner)
        print(f"{runs_in}; {', '.join(short(one.source) for one in chosen)}", flush=True)
        watch = Watch(folder, server, chosen, background=wanted.background)
        code = supervise(server, _GRACE, watch)
        give(folder.path, owner)
    if code:
        print(f"Serving failed: {_cause(folder, code)}", file=sys.stderr)
    return code


MakeServer = Callable[[ServingFolder, int, Mapping[str, Path]], Server]


def _choose(
    wanted: ServeSettings, environment: Mapping[str, str], command: Sequence[str]
) -> tuple[MakeServer, str]:
    engine, runs_in = jobs.place(wanted.runner, wanted.image)

    def as_process(folder: ServingFolder, port: int, _: Mapping[str, Path]) -> Server:
        return ProcessServer(folder.root, port, wanted.multi, folder.log, command)

    def in_docker(folder: ServingFolder, port: int, lie_at: Mapping[str, Path]) -> Server:
        assert engine is not None
        owner = caller(environment)
        return DockerServer(lie_at, port, wanted.multi, folder.log, engine, wanted.image, owner)

    return (as_process if engine is None else in_docker), runs_in


@contextmanager
def _alone(folder: ServingFolder) -> Iterator[None]:
    """Nobody else serves from `folder` meanwhile.

    Raises:
        SettingsError: somebody does.
    """
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder.path, wait=False):
            if (state := folder.running()) is not None:
                raise _runs_already(state)
            yield
    except BlockingIOError as error:
        raise _runs_already(folder.running()) from error


def _runs_already(state: State | None) -> SettingsError:
    where = f", at {state.url}" if state else ""
    return SettingsError(f"A server runs already{where}; make local-serve-stop stops it.")


def _cause(folder: ServingFolder, code: int) -> str:
    """The last sentence that the server left in its log."""
    for line in reversed(folder.log.read_text(errors="replace").splitlines()):
        if line.startswith(_SENTENCE):
            return line.removeprefix(_SENTENCE)
    return f"it ended with exit code {code} and left no reason; read {short(folder.log)}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
