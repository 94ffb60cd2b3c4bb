"""What must not be on the port: anything but the contract's paths.

The management interface of multi-model-server is the known case: on the same port it loads, without
a password, code from where the caller says. What is sent here changes nothing anywhere: the model
it names does not exist.
"""

import json
import re
import uuid

from local_test.conformance.check import (
    BATCH,
    HOSTING,
    Check,
    Verdict,
    failed,
    judged,
    not_applicable,
    passed,
)
from local_test.conformance.subject import Subject
from local_test.wire import Reply

_NO_MODEL = "conformance-no-such-model"
_MANAGEMENT = (
    ("GET", "/models"),
    ("POST", f"/models?url={_NO_MODEL}.mar"),
    ("GET", f"/models/{_NO_MODEL}"),
    ("PUT", f"/models/{_NO_MODEL}?min_worker=1"),
    ("DELETE", f"/models/{_NO_MODEL}"),
)
_OTHERS = (
    ("GET", "/"),
    ("OPTIONS", "/"),
    ("GET", "/api-description"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("POST", f"/predictions/{_NO_MODEL}"),
    ("POST", f"/explanations/{_NO_MODEL}"),
)
_CLOSED = {401, 403, 405, 501}
_NOT_FOUND = 404
_NUMBERS = {"MaxConcurrentTransforms", "MaxPayloadInMB"}


def _management(subject: Subject) -> Verdict:
    if subject.folders:
        return not_applicable("in multi-model mode /models is the contract")
    return _none_reached(subject, _MANAGEMENT)


def _other_paths(subject: Subject) -> Verdict:
    return _none_reached(subject, _OTHERS)


def _none_reached(subject: Subject, asked: tuple[tuple[str, str], ...]) -> Verdict:
    for method, path in asked:
        reply = subject.ask(method, path)
        if _is_there(subject, method, path, reply):
            return failed(f"{method} {path} is answered with {reply.status}: it is reached")
    return passed(f"none of {len(asked)} paths is reached")


def _is_there(subject: Subject, method: str, path: str, reply: Reply) -> bool:
    """Whether somebody stands behind the path, if only to say that there is no such model."""
    if reply.status in _CLOSED:
        return False
    if reply.status != _NOT_FOUND:
        return True
    nowhere = f"/{uuid.uuid4().hex}"
    return _core(reply, path) != _core(subject.ask(method, nowhere), nowhere)


def _core(reply: Reply, path: str) -> str:
    """The answer without what differs by path and by request."""
    text = reply.body.decode(errors="replace")
    return re.sub(r"[0-9a-f-]{8,}|\d+", "", text.replace(path.partition("?")[0], ""))


def _execution_parameters(subject: Subject) -> Verdict:
    reply = subject.ask("GET", "/execution-parameters")
    if reply.status == _NOT_FOUND:
        return not_applicable("it is optional, and not there")
    try:
        content = json.loads(reply.body)
    except ValueError:
        return failed(f"{reply.status} came with what is no JSON")
    there = isinstance(content, dict) and content.keys() >= _NUMBERS
    return judged(there and reply.status == 200, f"{reply.status}: {json.dumps(content)[:120]}")


CHECKS = (
    Check(
        "management",
        "No management interface is on the port of a server of one model: the contract has only "
        "/ping and /invocations.",
        HOSTING,
        _management,
    ),
    Check("other-paths", "Nothing else is on the port.", HOSTING, _other_paths),
    Check(
        "execution-parameters",
        "GET /execution-parameters, where it is offered, gives the numbers a batch transform "
        "is tuned by.",
        BATCH,
        _execution_parameters,
    ),
)
