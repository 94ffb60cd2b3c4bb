"""`make local-predict`: asks the server that runs for the classes of pictures."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from imageclf.errors import EndpointError, ImageclfError
from local_test import predict_settings, wire
from local_test.predict_settings import PredictSettings
from local_test.ready import content_type, message
from local_test.serving_folder import ServingFolder
from local_test.table import Prediction, lines

HERE = Path(__file__).parent
_INTERRUPTED = 130
_OK = 200
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    *,
    home: Path = HERE,
) -> int:
    """Print a table for each picture; 1 when the server refused one of them."""
    try:
        state = ServingFolder(home / "run" / "serving").running()
        return _predict(predict_settings.read(arguments, environment, state))
    except wire.NotAcceptedError as error:
        print(f"{error} Start one with make local-serve, or name it: URL=.", file=sys.stderr)
        return error.exit_code
    except ImageclfError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _predict(wanted: PredictSettings) -> int:
    refused = 0
    for picture in wanted.pictures:
        reply = _ask(wanted, picture)
        if reply.status != _OK:
            print(f"{picture}: {message(reply)}", file=sys.stderr)
            refused += 1
            continue
        for line in lines(str(picture), _predictions(reply), bars=sys.stdout.isatty()):
            print(line, flush=True)
    return 1 if refused else 0


def _ask(wanted: PredictSettings, picture: Path) -> wire.Reply:
    headers = {"Content-Type": content_type(picture), "Accept": "application/json"}
    if wanted.top is not None:
        headers[_ATTRIBUTES] = f"top_k={wanted.top}"
    return wire.ask(wanted.url, "POST", wanted.path, picture.read_bytes(), headers)


def _predictions(reply: wire.Reply) -> list[Prediction]:
    """The classes in an answer.

    Raises:
        EndpointError: it is not the answer of a classifier.
    """
    try:
        found = json.loads(reply.body)["predictions"]
        return [(str(one["class"]), float(one["probability"])) for one in found]
    except (ValueError, KeyError, TypeError) as error:
        raise EndpointError(
            f"The answer is not that of a classifier: {reply.body[:200]!r}."
        ) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
