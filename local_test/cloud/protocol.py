"""The SageMaker API as it is spoken: JSON 1.1, the operation in the header `X-Amz-Target`.

A request is read, held against AWS's model and handed to its room; what comes back, answer or
error, is written as AWS writes it. Nothing is known here of HTTP servers, nor of other services.
"""

import errno
import json
import logging
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from local_test.cloud import answers, shapes
from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, unsupported
from local_test.cloud.operations import Document, Handler, Request, RuntimeResponse
from local_test.cloud.validation import checked

TARGET = "SageMaker."
CONTENT_TYPE = "application/x-amz-json-1.1"
WRONG = "WrongAnswer"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Api:
    """The operations of SageMaker that `handlers` answer.

    With `strict`, an answer that AWS's model of it does not allow becomes the error `WRONG`, which
    tells what is wrong with it; tests run so.
    """

    cloud: Cloud
    handlers: Mapping[str, Handler]
    strict: bool = False

    def answer(self, target: str, body: bytes, region: str) -> RuntimeResponse:
        """The answer to one request; never raises."""
        operation = target.removeprefix(TARGET)
        try:
            return _response(200, self._document(operation, body, region))
        except Exception as error:  # noqa: BLE001  (the edge; logged)
            failure = failed(error, operation)
            return _response(failure.status, self._told(failure, operation))

    def _document(self, operation: str, body: bytes, region: str) -> Document:
        model = shapes.find_operation(operation)
        if model is None:
            raise ApiError("UnknownOperationException", f"There is no operation {operation}.")
        arguments = checked(model, _read(body))
        handler = self.handlers.get(operation)
        if handler is None:
            raise unsupported(f"{operation}.")
        document = answers.public(model, handler(self.cloud, Request(operation, arguments, region)))
        if self.strict and (faults := answers.faults(model, document)):
            raise _wrong(" ".join(faults))
        return document

    def _told(self, failure: ApiError, operation: str) -> Document:
        model = shapes.find_operation(operation)
        code, message = failure.code, failure.message
        if self.strict and model and code not in {*shapes.error_codes(model), WRONG}:
            wrong = _wrong(f"{operation} does not know the error {code} ({message}).")
            code, message = wrong.code, wrong.message
        return {"__type": code, "message": message}


def _wrong(message: str) -> ApiError:
    """Not a server's error (500): clients would try again, and see another one then."""
    _LOG.error("%s: %s", WRONG, message)
    return ApiError(WRONG, message)


def failed(error: Exception, doing: str) -> ApiError:
    """What a client is told when `doing` something ended in `error`; the log keeps the rest."""
    if isinstance(error, ApiError):
        return error
    _LOG.error("%s failed", doing, exc_info=error)
    if is_full(error):
        reason = "The disk that the local cloud keeps its state on is full; make room."
    else:
        reason = f"{doing} failed in the local cloud ({error!r}); its log has the traceback."
    return ApiError("InternalFailure", reason, 500)


def is_full(error: Exception) -> bool:
    """Whether there was no room on the disk."""
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def rest_error(error: ApiError) -> RuntimeResponse:
    """An error as SageMaker's runtime tells it: the code in a header, the message in the body."""
    body = json.dumps({"message": error.message}).encode()
    headers = {**_identity(), "Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return RuntimeResponse(error.status, headers, body)


def _read(body: bytes) -> object:
    try:
        return json.loads(body or b"{}", parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ApiError("SerializationException", "The body is not JSON.") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON.")


def _response(status: int, document: Document) -> RuntimeResponse:
    headers = {**_identity(), "Content-Type": CONTENT_TYPE}
    return RuntimeResponse(status, headers, json.dumps(document).encode())


def _identity() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
