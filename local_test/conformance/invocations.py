"""`POST /invocations`: answers, their type, sizes of bodies, connections, the platform's headers.

Of a multi-model server it is `POST /models/<name>/invoke` that is looked at.
"""

from functools import partial

from local_test.conformance.check import (
    HOSTING,
    INVOKE,
    Check,
    Verdict,
    failed,
    judged,
    not_applicable,
    passed,
)
from local_test.conformance.load import Load
from local_test.conformance.subject import Subject
from local_test.pictures import enlarged, is_jpeg
from local_test.wire import Connection, NotAnsweredError, Reply

REQUIRED_BYTES = 6_291_456
NEWER_BYTES = 25_000_000

_EACH = 4
_TOO_LARGE = 413
_UNKNOWN_TYPE = "application/x-conformance-unknown"
_PLATFORM_HEADERS = {
    "X-Amzn-SageMaker-Custom-Attributes": "c000b4f9-df62-4c85-a0bf-7c525f9104a4",
    "X-Amzn-SageMaker-Inference-Id": "conformance-inference-id",
    "X-Amzn-SageMaker-Target-Model": "conformance.tar.gz",
    "X-Amzn-SageMaker-Target-Variant": "AllTraffic",
}


def _answers(subject: Subject) -> Verdict:
    reply = subject.invoke()
    return judged(_is_success(reply), f"{reply.status} after {1000 * reply.took_s:.0f} ms")


def _asked_type(subject: Subject) -> Verdict:
    for wanted in subject.accepts:
        reply = subject.invoke(Accept=wanted)
        if not _is_success(reply) or reply.content_type != wanted:
            told = reply.content_type or "no type"
            return failed(f"{wanted} was asked for, and {reply.status} came with {told}")
    return passed(f"{', '.join(subject.accepts)} came as asked for")


def _unknown_type(subject: Subject) -> Verdict:
    status = subject.invoke(Content_Type=_UNKNOWN_TYPE).status
    if status < 400:
        return not_applicable(f"any type is taken: {_UNKNOWN_TYPE} was answered with {status}")
    return judged(status < 500, f"{_UNKNOWN_TYPE} was answered with {status}")


def _size(subject: Subject, size: int, *, required: bool) -> Verdict:
    told = f"{size:,} bytes"
    try:
        reply = subject.invoke(_of_size(subject.body, size))
    except NotAnsweredError as error:
        return (failed if required else not_applicable)(f"{told}: {error}")
    sentence = f"{told} were answered with {reply.status} after {1000 * reply.took_s:.0f} ms"
    taken = reply.status != _TOO_LARGE and reply.status < 500
    return judged(taken, sentence) if taken or required else not_applicable(sentence)


def _of_size(body: bytes, size: int) -> bytes:
    if is_jpeg(body):
        return enlarged(body, size)
    return (body * (size // max(len(body), 1) + 1))[:size]


def _concurrent(subject: Subject) -> Verdict:
    with Load(subject, most=_EACH) as load:
        pass
    faults = load.faults
    told = f"{len(load.asked) - len(faults)} of {len(load.asked)} answered to {subject.clients}"
    return judged(not faults, f"{told} clients" + (f"; {faults[0]}" if faults else ""))


def _keep_alive(subject: Subject) -> Verdict:
    with Connection(subject.url, subject.limits.answer_s) as connection:
        ask = partial(connection.ask, "POST", subject.invoke_path, subject.body, subject.headers)
        ask()
        if not connection.is_open:
            return not_applicable("the server ends each connection, and says so")
        second = ask()
    return judged(_is_success(second), f"a second request was answered with {second.status}")


def _platform_headers(subject: Subject) -> Verdict:
    reply = subject.ask(
        "POST", subject.invoke_path, subject.body, subject.headers | _PLATFORM_HEADERS
    )
    return judged(_is_success(reply), f"{len(_PLATFORM_HEADERS)} of them: {reply.status}")


def _is_success(reply: Reply) -> bool:
    return 200 <= reply.status < 300


CHECKS = (
    Check("invocations", "A prediction is answered with success within 60 s.", HOSTING, _answers),
    Check("accept-header", "The answer is of the type that Accept asks for.", INVOKE, _asked_type),
    Check(
        "unknown-type",
        "A fault of the caller, such as an unknown Content-Type, is a 4xx: a 5xx counts as one of "
        "the model.",
        INVOKE,
        _unknown_type,
    ),
    Check(
        "body-6mb",
        f"A body of {REQUIRED_BYTES:,} bytes is not refused for its size.",
        INVOKE,
        partial(_size, size=REQUIRED_BYTES, required=True),
    ),
    Check(
        "body-25mb",
        f"Newer pages allow {NEWER_BYTES:,} bytes; a refusal is reported only.",
        HOSTING,
        partial(_size, size=NEWER_BYTES, required=False),
    ),
    Check(
        "concurrent",
        "Requests that come at the same time are all answered (with 429 at worst).",
        HOSTING,
        _concurrent,
    ),
    Check(
        "keep-alive",
        "A connection takes another request, unless the server says that it ends it (RFC 9112, "
        "section 9.3).",
        HOSTING,
        _keep_alive,
    ),
    Check(
        "platform-headers",
        "The headers that the platform adds do not hinder the answer.",
        INVOKE,
        _platform_headers,
    ),
)
