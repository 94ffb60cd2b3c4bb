"""An error of a service that is not SageMaker, in the protocol that its client speaks."""

import json
import uuid
from xml.sax.saxutils import escape

from local_test.cloud.errors import ApiError
from local_test.cloud.operations import RuntimeResponse
from local_test.cloud.wsgi import FORM, Environ, scope

_CBOR = "application/cbor"


def told(error: ApiError, environ: Environ) -> RuntimeResponse:
    """The answer to the request `environ`: XML of S3 or of a query, CBOR, or JSON."""
    identity = str(uuid.uuid4())
    kind = environ.get("CONTENT_TYPE", "")
    headers = {"x-amzn-RequestId": identity, "x-amzn-ErrorType": error.code}
    if scope(environ)[0] == "s3":
        return _response(error, headers, "application/xml", _element(error).encode())
    if kind.startswith(FORM):
        text = f"<ErrorResponse>{_element(error)}<RequestId>{identity}</RequestId></ErrorResponse>"
        return _response(error, headers, "text/xml", text.encode())
    if kind.startswith(_CBOR):
        body = b"\xa2" + b"".join(map(_cbor_text, ("__type", error.code, "message", error.message)))
        return _response(error, headers | {"smithy-protocol": "rpc-v2-cbor"}, _CBOR, body)
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return _response(error, headers, "application/json", body)


def _response(
    error: ApiError, headers: dict[str, str], content_type: str, body: bytes
) -> RuntimeResponse:
    return RuntimeResponse(error.status, headers | {"Content-Type": content_type}, body)


def _element(error: ApiError) -> str:
    code, message = escape(error.code), escape(error.message)
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


def _cbor_text(text: str) -> bytes:
    """A string of up to 64 KiB: its major type (3), its length in two bytes, and itself."""
    content = text.encode()
    return b"\x79" + len(content).to_bytes(2, "big") + content
