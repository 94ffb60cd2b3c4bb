"""`predict.sh`: asks an endpoint for the classes of pictures.

It asks with boto3 alone: the SDK's Predictor sends the same request and takes seconds to import.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf.errors import EndpointError
from scripts import calling, cli, endpoints, pictures, receipt, table
from scripts.cli import Call
from scripts.requests import invoking

_DRY_ENDPOINT = "LAST-ENDPOINT"
_REFUSED = 1


@dataclass(frozen=True)
class Question:
    """What is asked of which endpoint, about every picture."""

    endpoint: str
    top: int | None
    target_model: str
    variant: str

    def request(self, picture: Path) -> dict[str, Any]:
        """InvokeEndpoint without its body."""
        kind = invoking.content_type(picture)
        return invoking.invoke(self.endpoint, kind, self.top, self.target_model, self.variant)


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Print a table for each picture; 1 when one of them was refused."""
    return cli.run(_parser(), _predict, arguments, environment)


def _predict(call: Call) -> int:
    chosen = pictures.named(call.options.pictures)
    question = _question(call)
    if call.dry:
        print(receipt.requests([("InvokeEndpoint", question.request(path)) for path in chosen]))
        return 0
    seen = endpoints.need(call.aws, question.endpoint)
    ask = _later if endpoints.is_asynchronous(seen) else _at_once
    refused = 0
    for picture, answer in ask(call, question, chosen):
        if isinstance(answer, EndpointError):
            print(f"{picture}: {answer}", file=sys.stderr, flush=True)
            refused += 1
        else:
            _show(picture, answer, as_json=call.options.json)
    return _REFUSED if refused else 0


Answers = Iterator[tuple[Path, bytes | EndpointError]]


def _at_once(call: Call, question: Question, chosen: Sequence[Path]) -> Answers:
    for picture in chosen:
        body = pictures.content(picture)
        try:
            yield picture, endpoints.ask(call.aws, question.request(picture), body)
        except EndpointError as error:
            yield picture, error


def _later(call: Call, question: Question, chosen: Sequence[Path]) -> Answers:
    """Upload all, then wait for the answers in the order of the pictures."""
    folder = call.place.uri("async", question.endpoint, "pictures")
    pending: dict[Path, endpoints.Pending] = {}
    for picture in chosen:
        kind = invoking.content_type(picture)
        address = endpoints.upload(call.aws, pictures.content(picture), kind, folder)
        request = invoking.invoke_async(question.endpoint, kind, address, question.top)
        pending[picture] = endpoints.ask_later(call.aws, request)
    for picture, one in pending.items():
        try:
            yield picture, endpoints.collect(call.aws, one)
        except EndpointError as error:
            yield picture, error


def _show(picture: Path, answer: bytes, *, as_json: bool) -> None:
    found = endpoints.predictions(answer)
    if as_json:
        print(json.dumps({"picture": str(picture), **json.loads(answer)}), flush=True)
        return
    for line in table.classes(str(picture), found, bars=sys.stdout.isatty()):
        print(line, flush=True)


def _question(call: Call) -> Question:
    options = call.options
    return Question(
        endpoint=options.endpoint or _last_endpoint(call),
        top=options.top,
        target_model=calling.target(options.target_model) if options.target_model else "",
        variant=options.variant or "",
    )


def _last_endpoint(call: Call) -> str:
    if call.dry:
        return call.state.last("endpoint") or _DRY_ENDPOINT
    return call.state.need("endpoint", "make one with scripts/deploy.sh, or name it: --endpoint")


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("predict", "Ask an endpoint for the classes of pictures.")
    add = made.add_argument
    add("pictures", nargs="+", metavar="IMAGE", help="files and folders")
    add("--endpoint", metavar="NAME", help="the one that deploy.sh made last by itself")
    add("--top", type=_top, metavar="N", help="how many classes")
    add("--target-model", metavar="MODEL", help="which model of a multi-model endpoint")
    add("--variant", metavar="NAME", help="which variant; the endpoint chooses by itself")
    add("--json", action="store_true", help="a line of JSON for each picture")
    return made


def _top(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= invoking.MOST_CLASSES:
        raise argparse.ArgumentTypeError(
            f"{text} is not a number of classes; write one from 1 to {invoking.MOST_CLASSES}"
        )
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
