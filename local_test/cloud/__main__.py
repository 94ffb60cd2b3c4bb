"""`python -m local_test.cloud`: the local SageMaker endpoint from the command line."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from imageclf.errors import ImageclfError
from local_test.cloud.settings import CloudSettings


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the command line says; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        settings = CloudSettings.from_environment()
        return _serve(settings, given.strict)
    except ImageclfError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_test/cloud.sh", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer here until Ctrl-C")
    serve.add_argument("--strict", action="store_true", help=argparse.SUPPRESS)
    return parser


def _serve(settings: CloudSettings, strict: bool) -> int:
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    from local_test.cloud.endpoint import serve  # noqa: PLC0415  (moto reads the above)

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    serve(settings, strict)
    return 0


if __name__ == "__main__":
    sys.exit(main())
