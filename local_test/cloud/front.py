"""The one address of the local cloud: which service a request is for, and who answers it.

The service stands in the credential scope of the signature. SageMaker and its runtime are answered
here, S3 by `objects`, all others by moto. Signatures are not checked: nothing here is secret, and
only programs of this machine reach the address.
"""

from collections.abc import Callable, Iterable

from local_test.cloud.errors import ApiError, unsupported
from local_test.cloud.operations import RuntimeRequest, RuntimeResponse
from local_test.cloud.protocol import Api, failed, rest_error
from local_test.cloud.telling import told
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
            return send(told(_ENDING, environ), start_response)
        if environ["PATH_INFO"] == STATUS_PATH:
            return send(plain(200, "The local cloud runs."), start_response)
        service, region = scope(environ)
        if service == "sagemaker":
            return send(self._sagemaker(environ, region or self._region), start_response)
        return self._pass_on(self._s3 if service == "s3" else self._others, environ, start_response)

    def _sagemaker(self, environ: Environ, region: str) -> RuntimeResponse:
        try:
            body = _body(environ)
            if target := environ.get("HTTP_X_AMZ_TARGET"):
                return self._api.answer(target, body, region)
            return self._invoke(_runtime_request(environ, body, region))
        except Exception as error:  # noqa: BLE001  (the edge; logged)
            return rest_error(_of_runtime(failed(error, _line(environ))))

    @staticmethod
    def _pass_on(
        application: Application, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            return application(environ, start_response)
        except Exception as error:  # noqa: BLE001  (the edge; logged)
            return send(told(failed(error, _line(environ)), environ), start_response)


def _line(environ: Environ) -> str:
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _of_runtime(error: ApiError) -> ApiError:
    """The error under the name that SageMaker's runtime has for it."""
    names = {"ValidationException": "ValidationError"}
    return ApiError(names.get(error.code, error.code), error.message, error.status)


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
    path = environ["PATH_INFO"]
    name, _, action = path.removeprefix(_ENDPOINTS).partition("/")
    is_known = path.startswith(_ENDPOINTS) and action in _ACTIONS
    if not is_known or environ["REQUEST_METHOD"] != "POST":
        raise unsupported(f"{_line(environ)}.")
    return RuntimeRequest(name, headers(environ), body, region, _ACTIONS[action])
