"""SageMaker's runtime: InvokeEndpoint, and InvokeEndpointAsync, which waits in a queue."""

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import asynchronous, sending
from local_test.cloud.operations import RuntimeRequest, RuntimeResponse

INVOCATION_S = 60.0
"""What a container has to answer."""


def invoke(cloud: Cloud, request: RuntimeRequest) -> RuntimeResponse:
    """Answer InvokeEndpoint, or hand InvokeEndpointAsync on.

    Raises:
        ApiError: there is no such endpoint, model or variant, or the request breaks a limit.
    """
    deployment = sending.in_service(cloud, request.endpoint)
    if request.asynchronous:
        return asynchronous.accept(cloud, request)
    if deployment.asynchronous:
        raise ApiError(
            "ValidationError",
            f"Endpoint {request.endpoint} is asynchronous: it takes InvokeEndpointAsync only.",
        )
    return sending.send(cloud, request, INVOCATION_S)
