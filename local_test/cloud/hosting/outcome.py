"""What a caller is told of a container's answer, and what is noted of it."""

import json
import time
import uuid

from local_test.cloud.hosting.capture import Exchange
from local_test.cloud.hosting.fleet import Lease
from local_test.cloud.hosting.forward import Answer
from local_test.cloud.hosting.hosts import Host
from local_test.cloud.operations import RuntimeRequest, RuntimeResponse
from local_test.cloud.settings import ACCOUNT

ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
INFERENCE_ID = "x-amzn-sagemaker-inference-id"

_RETURNED = {"content-type": "Content-Type", ATTRIBUTES: "X-Amzn-SageMaker-Custom-Attributes"}
_MOST_MESSAGE = 1024


def told(
    host: Host, lease: Lease, request: RuntimeRequest, answer: Answer, took_s: float
) -> RuntimeResponse:
    """The container's answer, or a ModelError; counted, and captured where that is asked for."""
    variant, status = lease.variant.name, answer.status or 500
    host.usage.note(
        request.endpoint,
        variant,
        instances=lease.servers,
        status=status,
        model_s=answer.took_s,
        overhead_s=max(0.0, took_s - answer.took_s),
    )
    request_id = str(uuid.uuid4())
    if not 200 <= status < 300:
        return _model_error(lease, request, answer, request_id)
    if lease.deployment.capture:
        exchange = _exchange(request, answer, request_id)
        host.recorder.note(request.endpoint, variant, lease.deployment.capture, exchange)
    headers = {"x-Amzn-Invoked-Production-Variant": variant, "x-amzn-RequestId": request_id}
    for name, shown in _RETURNED.items():
        if name in answer.headers:
            headers[shown] = answer.headers[name]
    return RuntimeResponse(200, headers, answer.body)


def _exchange(request: RuntimeRequest, answer: Answer, request_id: str) -> Exchange:
    return Exchange(
        event_id=request_id,
        inference_id=request.headers.get(INFERENCE_ID, ""),
        custom_attributes=request.headers.get(ATTRIBUTES, ""),
        at_s=time.time(),
        asked=request.body,
        asked_type=request.headers.get("content-type", ""),
        answered=answer.body,
        answered_type=answer.headers.get("content-type", ""),
    )


def _model_error(
    lease: Lease, request: RuntimeRequest, answer: Answer, request_id: str
) -> RuntimeResponse:
    said = answer.body.decode(errors="replace")[:_MOST_MESSAGE]
    group, region = lease.server.group, request.region
    kind = "client" if 400 <= answer.status < 500 else "server"
    link = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    content = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if kind == "client" else "SERVER_ERROR_FROM_MODEL",
        "LogStreamArn": (
            f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}:log-stream:{lease.server.stream}"
        ),
        "Message": (
            f'Received {kind} error ({answer.status}) from primary with message "{said}". See '
            f"{link}#logEventViewer:group={group} in account {ACCOUNT} for more information."
        ),
        "OriginalMessage": said,
        "OriginalStatusCode": answer.status,
    }
    headers = {
        "Content-Type": "application/json",
        "x-amzn-ErrorType": "ModelError",
        "x-amzn-RequestId": request_id,
    }
    return RuntimeResponse(424, headers, json.dumps(content).encode())
