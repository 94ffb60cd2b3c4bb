"""What a local server is asked to be: flags, or the environment variables that `make` hands on."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imageclf.errors import SettingsError
from local_test.settings import is_yes

OWN_PORT = "8080"
_LARGEST_PORT = 65_535


@dataclass(frozen=True)
class ServeSettings:
    """One call of `python -m local_test.serve`."""

    model: str = ""
    multi: bool = False
    port: int = int(OWN_PORT)
    runner: str = "auto"
    image: str = "imageclf:latest"
    background: bool = False
    stop: bool = False


def read(arguments: Sequence[str], environment: Mapping[str, str]) -> ServeSettings:
    """Flags go before the variables MODEL, MULTI, PORT, RUNNER, IMAGE and BACKGROUND.

    Raises:
        SettingsError: the port is not a number of a port.
    """
    given = _parser(environment).parse_args(arguments)
    return ServeSettings(
        model=given.model,
        multi=given.multi,
        port=read_port(given.port),
        runner=given.runner,
        image=given.image,
        background=given.background,
        stop=given.stop,
    )


def read_port(text: str) -> int:
    """The number of a port.

    Raises:
        SettingsError: it is none.
    """
    if not (text.isdecimal() and int(text) <= _LARGEST_PORT):
        raise SettingsError(f"PORT={text} is not a port; choose a number up to {_LARGEST_PORT}.")
    return int(text)


def free_port(port: int) -> int:
    """`port`, or any free one for 0.

    Raises:
        SettingsError: it is taken.
    """
    try:
        with socket.create_server(("0.0.0.0", port)) as listener:  # noqa: S104  looks, and closes
            return int(listener.getsockname()[1])
    except OSError as error:
        cause = os.strerror(error.errno or 0)
        raise SettingsError(
            f"Port {port} cannot be had ({cause}); stop what listens there, or choose another: "
            "PORT=8081."
        ) from error


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    default = ServeSettings()
    parser = argparse.ArgumentParser(
        prog="python -m local_test.serve",
        description="Serve a model on this machine, in Docker or as a process.",
    )
    parser.add_argument(
        "--model",
        default=environment.get("MODEL", ""),
        help="folder of a run, folder of a model, or model.tar.gz; with --multi several, name=path",
    )
    parser.add_argument(
        "--port", default=environment.get("PORT") or OWN_PORT, help="0 is any free one"
    )
    parser.add_argument(
        "--runner", default=environment.get("RUNNER") or default.runner, help="auto|docker|process"
    )
    parser.add_argument(
        "--image", default=environment.get("IMAGE") or default.image, help="name of the image"
    )
    for name, told in {
        "multi": "serve several models side by side",
        "background": "return when it is ready, and let it run",
    }.items():
        parser.add_argument(
            f"--{name}",
            action="store_true",
            default=is_yes(environment.get(name.upper(), "")),
            help=told,
        )
    parser.add_argument("--stop", action="store_true", help="stop the one that runs")
    return parser
