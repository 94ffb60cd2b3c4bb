"""Requests as the gateway hands them to a worker, whichever way they come."""

from collections.abc import Mapping, Sequence

from imageclf.serving.answers import Response
from imageclf.serving.jobs import Request
from imageclf.serving.responder import Responder

PREFIX = "x-imageclf-"
"""Of the headers that are meant for the worker."""

Given = tuple[Mapping[str, str], bytes]
"""Headers of one request, and its body."""


def answers(responder: Responder, given: Sequence[Given]) -> list[Response]:
    """The answer to each; made-up predictions, which the gateway asks for, among them."""
    headers = [_ours(one) for one, _ in given]
    requests = {
        index: _request(headers[index], body)
        for index, (_, body) in enumerate(given)
        if "warm-up" not in headers[index]
    }
    answered = dict(zip(requests, responder.answers(list(requests.values())), strict=True))
    return [answered.get(index) or responder.warm_up() for index in range(len(given))]


def _ours(headers: Mapping[str, str]) -> dict[str, str]:
    """The gateway's headers, without their prefix."""
    given = {name.lower(): str(value) for name, value in headers.items()}
    return {
        name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)
    }


def _request(headers: Mapping[str, str], body: bytes) -> Request:
    return Request(
        body=body,
        content_type=headers.get("content-type", ""),
        accept=headers.get("accept", ""),
        attributes=headers.get("attributes", ""),
        model=headers.get("model", ""),
    )
