"""A request to a server of an endpoint, and its answer back, as AWS tells it."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import forward, hosts, multi_model, outcome, states
from local_test.cloud.hosting.deployment import Deployment
from local_test.cloud.hosting.fleet import Lease
from local_test.cloud.hosting.forward import Answer, BrokenOffError, NobodyError, SilentError
from local_test.cloud.hosting.hosts import Host
from local_test.cloud.hosting.keeper import Keeper
from local_test.cloud.hosting.outcome import ATTRIBUTES, INFERENCE_ID
from local_test.cloud.operations import RuntimeRequest, RuntimeResponse
from local_test.cloud.settings import ACCOUNT

MOST_BYTES = 25 << 20
"""Of a body. botocore's model says 6,291,456, AWS's newer pages 25 MB."""

MOST_SERVERLESS_BYTES = 4 << 20

TARGET_MODEL = "x-amzn-sagemaker-target-model"
TARGET_VARIANT = "x-amzn-sagemaker-target-variant"

_FORWARDED = ("content-type", "accept", ATTRIBUTES, INFERENCE_ID, TARGET_MODEL)
_NOT_DONE = {
    "x-amzn-sagemaker-target-container-hostname": "containers chosen by host name",
    "x-amzn-sagemaker-inference-component": "inference components",
    "x-amzn-sagemaker-session-id": "stateful sessions",
    "x-amzn-sagemaker-enable-explanations": "explanations of answers",
}
_MOST_ATTRIBUTES = 1024
_ATTEMPTS = 4
_PATIENCE_S = 5.0
"""How long a request waits for a server that is just being replaced."""


def in_service(cloud: Cloud, endpoint: str) -> Deployment:
    """What serves an endpoint now.

    Raises:
        ApiError: there is no such endpoint, or it is not in service.
    """
    deployment = _keeper(cloud, hosts.of(cloud), endpoint).fleet.deployment
    if deployment is None:
        raise _not_found(cloud, endpoint)
    return deployment


def send(cloud: Cloud, request: RuntimeRequest, timeout_s: float) -> RuntimeResponse:
    """Give a request to a server of its endpoint, whatever kind of endpoint that is.

    An answer that is an error of the container comes back as a ModelError, status 424. `timeout_s`
    is what the container has to answer.

    Raises:
        ApiError: the request cannot be given to a server.
    """
    began = time.monotonic()
    host = hosts.of(cloud)
    keeper = _keeper(cloud, host, request.endpoint)
    _check(request, in_service(cloud, request.endpoint))
    for _ in range(_ATTEMPTS):
        with _lease(keeper, request) as lease:
            try:
                answer = _ask(cloud, host, lease, request, timeout_s)
            except NobodyError:
                keeper.doubt(lease.server)
                continue
            except SilentError as error:
                if isinstance(error, BrokenOffError):
                    keeper.doubt(lease.server)
                answer = Answer(0, {}, str(error).encode(), time.monotonic() - began)
            except multi_model.LoadError as error:
                answer = error.answer
            took_s = time.monotonic() - began
            return outcome.told(host, lease, request, answer, took_s)
    raise ApiError("ServiceUnavailable", "No instance of the endpoint takes requests now.", 503)


def _keeper(cloud: Cloud, host: Host, endpoint: str) -> Keeper:
    keeper = host.find(endpoint)
    if keeper is None:
        raise _not_found(cloud, endpoint)
    return keeper


def _not_found(cloud: Cloud, endpoint: str) -> ApiError:
    document = cloud.store.find(states.KIND, endpoint)
    if document is None:
        return _invalid(f"Endpoint {endpoint} of account {ACCOUNT} not found.")
    status = document["EndpointStatus"]
    return _invalid(f"Endpoint {endpoint} of account {ACCOUNT} is not in service but {status}.")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def _check(request: RuntimeRequest, deployment: Deployment) -> None:
    for header, what in _NOT_DONE.items():
        if header in request.headers:
            raise _invalid(f"The local endpoint does not do this: {what}.")
    serverless = any(one.serverless for one in deployment.variants)
    most = MOST_SERVERLESS_BYTES if serverless else MOST_BYTES
    if len(request.body) > most and not deployment.asynchronous:
        raise ApiError("413", f"HTTP content length exceeded {most} bytes.", 413)
    attributes = request.headers.get(ATTRIBUTES, "")
    if len(attributes) > _MOST_ATTRIBUTES or not attributes.isascii():
        raise _invalid(f"CustomAttributes must be up to {_MOST_ATTRIBUTES} ASCII characters.")


@contextmanager
def _lease(keeper: Keeper, request: RuntimeRequest) -> Iterator[Lease]:
    name = multi_model.name_of(request.headers.get(TARGET_MODEL, ""))
    target = request.headers.get(TARGET_VARIANT, "")
    with keeper.fleet.lease(target, lambda one: one.shelf.has(name), _PATIENCE_S) as lease:
        yield lease


def _ask(
    cloud: Cloud, host: Host, lease: Lease, request: RuntimeRequest, timeout_s: float
) -> Answer:
    headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
    target_model = request.headers.get(TARGET_MODEL, "")
    is_multi = lease.variant.container.is_multi
    if is_multi and not target_model:
        raise _invalid(
            f"Request {uuid.uuid4()} is missing a target model header: endpoint "
            f"{request.endpoint} is a multi-model endpoint."
        )
    if target_model and not is_multi:
        raise _invalid(
            f"Endpoint {request.endpoint} is not a multi-model endpoint and does not support "
            "target model header."
        )
    if not is_multi:
        return forward.ask(
            lease.server, "POST", "/invocations", request.body, headers, timeout_s=timeout_s
        )

    def note(name: str, value: float) -> None:
        host.usage.add(request.endpoint, lease.variant.name, name, value)

    return _ask_model(cloud, lease, request, headers, timeout_s=timeout_s, note=note)


def _ask_model(
    cloud: Cloud,
    lease: Lease,
    request: RuntimeRequest,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    note: multi_model.OnFigure,
) -> Answer:
    """Ask one of many models; once more when it is lost, or needs room that can be made."""
    target_model, server = request.headers[TARGET_MODEL], lease.server
    for is_last in (False, True):
        with multi_model.using(cloud, lease, target_model, note) as path:
            answer = forward.ask(server, "POST", path, request.body, headers, timeout_s=timeout_s)
            is_over = is_last or not (
                (answer.status == multi_model.NO_ROOM and multi_model.make_room(server))
                or (
                    answer.status == multi_model.NOT_LOADED
                    and multi_model.is_lost(server, target_model)
                )
            )
        if is_over:
            break
    return answer
