"""The local SageMaker endpoint: started, stopped and asked from the command line."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, MutableMapping, Sequence

from imageclf import startup
from imageclf.errors import ImageclfError
from local_test.cloud import commands
from local_test.cloud.settings import CloudSettings

_COMMANDS: dict[str, tuple[Callable[[CloudSettings], int], str]] = {
    "start": (commands.start, "start it in the background and say how to use it"),
    "stop": (commands.stop, "stop it, with all jobs and servers that run in it"),
    "status": (commands.status, "whether it runs, and what runs in it"),
    "env": (commands.env, "print the variables for a shell to evaluate"),
}


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the command line says; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        settings = CloudSettings.from_environment()
        if given.command == "serve":
            return _serve(settings, given.strict)
        if given.command == "interrupt":
            return commands.interrupt(settings, given.job)
        return _COMMANDS[given.command][0](settings)
    except ImageclfError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_test/cloud.sh", description=__doc__)
    chosen = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, said) in _COMMANDS.items():
        chosen.add_parser(name, help=said)
    interrupt = chosen.add_parser("interrupt", help="take the instances of a spot job away now")
    interrupt.add_argument("job", help="name of the training job")
    serve = chosen.add_parser("serve", help="answer in this process until Ctrl-C")
    serve.add_argument("--strict", action="store_true", help=argparse.SUPPRESS)
    return parser


def _serve(settings: CloudSettings, strict: bool) -> int:
    _prepare(os.environ)
    with startup.imports():
        from local_test.cloud.endpoint import serve  # noqa: PLC0415  (moto reads the environment)

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    serve(settings, strict)
    return 0


def _prepare(environment: MutableMapping[str, str]) -> None:
    """Nothing of the user's own AWS account comes in, and no web page may read what moto says."""
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["MOTO_DISABLE_GLOBAL_CORS"] = "true"


if __name__ == "__main__":
    sys.exit(main())
