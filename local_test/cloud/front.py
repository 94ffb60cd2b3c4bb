"""The one address of the local cloud: which service a request is for, and who answers it.

The service stands in the credential scope of the signature. SageMaker and its runtime are answered
here, S3 by `objects`, all others by moto. Signatures are not checked: nothing here is secret, and
only programs of this machine reach the address.
"""

import json
from collections.abc import Callable, Iterable

from local_test.cloud.errors import ApiError, unsupported
from local_test.cloud.operations import RuntimeRequest, RuntimeResponse
from local_test.cloud.protocol import Api, failed, rest_error
from local_test.cloud.wsgi import (
    Application,
    Environ,
    StartResponse,
    body_length,
    headers,
    plain,
    scope,
    send,
    stranger,
)

Invoke = Callable[[RuntimeRequest], RuntimeResponse]

STATUS_PATH = "/_local_cloud"
"""Says that the endpoint answers; no bucket can have this name."""

MOST_BODY_BYTES = 32 << 20
"""Of a request to SageMaker or its runtime, which is held in memory."""

_ENDPOINTS = "/endpoints/"
_ACTIONS = {"invocations": False, "async-invocations": True}
_ENDING = ApiError("ServiceUnavailable", "The local cloud is being stopped.", 503)


class Front:
    """A WSGI application. Once `is_ending` is set, it answers with 503.

    Args:
        api: answers SageMaker.
        invoke: answers SageMaker's runtime.
        s3: answers S3.
        others: answers everything else.
        region: of requests that name none.
    """

    def __init__(
        self, api: Api, invoke: Invoke, s3: Application, others: Application, region: str
    ) -> None:
        self._api = api
        self._invoke = invoke
        self._s3 = s3
        self._others = others
        self._region = region
        self.is_ending = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if fault := stranger(environ):
            return send(plain(403, fault), start_response)
        if self.is_ending:
            return send(_told(_ENDING), start_response)
        if environ["PATH_INFO"] == STATUS_PATH:
            return send(plain(200, "The local cloud runs."), start_response)
        service, region = scope(environ)
        if service == "sagemaker":
            return send(self._sagemaker(environ, region or self._region), start_response)
        return self._pass_on(self._s3 if service == "s3" else self._others, environ, start_response)

    def _sagemaker(self, environ: Environ, region: str) -> RuntimeResponse:
        path = environ["PATH_INFO"]
        try:
            body = _body(environ)
            if path.startswith(_ENDPOINTS):
                return self._invoke(_runtime_request(environ, body, region))
            return self._api.answer(environ.get("HTTP_X_AMZ_TARGET", ""), body, region)
        except Exception as error:  # noqa: BLE001  (the edge; logged)
            return rest_error(failed(error, f"{environ['REQUEST_METHOD']} {path}"))

    @staticmethod
    def _pass_on(
        application: Application, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            return application(environ, start_response)
        except Exception as error:  # noqa: BLE001  (the edge; logged)
            doing = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            return send(_told(failed(error, doing)), start_response)


def _told(error: ApiError) -> RuntimeResponse:
    """An error in the form that most clients make the most of, whatever protocol they speak."""
    response = rest_error(error)
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return RuntimeResponse(response.status, response.headers, body)


def _body(environ: Environ) -> bytes:
    length = body_length(environ)
    if length > MOST_BODY_BYTES:
        raise ApiError(
            "ValidationException",
            f"The body has {length:,} bytes, more than the {MOST_BODY_BYTES:,} allowed.",
            413,
        )
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _runtime_request(environ: Environ, body: bytes, region: str) -> RuntimeRequest:
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    name, _, action = path.removeprefix(_ENDPOINTS).partition("/")
    if action not in _ACTIONS or method != "POST":
        raise unsupported(f"{method} {path}.")
    return RuntimeRequest(name, headers(environ), body, region, _ACTIONS[action])
