"""The operations on endpoints: each checks, changes the document, and wakes who keeps it."""

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import limit_exceeded, validation
from local_test.cloud.hosting import configs, deployment, hosts, states
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.listing import listed
from local_test.cloud.operations import Document, Request
from local_test.cloud.store import MissingError, TakenError

MOST_INSTANCES = 20
"""Of all endpoints together; each is a server of some hundred megabytes."""

_DELETABLE = (states.IN_SERVICE, states.FAILED, states.RESTARTING)
_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")


def create(cloud: Cloud, request: Request) -> Document:
    """CreateEndpoint.

    Raises:
        ApiError: the name is taken, the configuration or one of its models is not there, or more
            instances are asked for than are allowed.
    """
    arguments = request.arguments
    wanted = deployment.made(cloud, configs.found(cloud, request))
    _check_limit(cloud, wanted, arguments["EndpointName"])
    name, arn = arguments["EndpointName"], request.arn(states.KIND, arguments["EndpointName"])
    document = states.created(name, arn, wanted)
    if "DeploymentConfig" in arguments:
        document["LastDeploymentConfig"] = arguments["DeploymentConfig"]
    try:
        cloud.store.create(states.KIND, name, document)
    except TakenError as error:
        raise validation(f'Cannot create already existing endpoint "{arn}".') from error
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in arguments.get("Tags", [])})
    hosts.of(cloud).keep(name)
    return {"EndpointArn": arn}


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeEndpoint.

    Raises:
        ApiError: there is none.
    """
    name = request.arguments["EndpointName"]
    document = cloud.store.find(states.KIND, name)
    if document is None:
        raise _missing(request)
    return document


def list_endpoints(cloud: Cloud, request: Request) -> Document:
    """ListEndpoints."""
    return listed(
        cloud.store.all(states.KIND),
        {"SortOrder": "Descending"} | request.arguments,
        name="EndpointName",
        status="EndpointStatus",
        summary=lambda one: {field: one[field] for field in _SUMMARY},
        answer="Endpoints",
    )


def update(cloud: Cloud, request: Request) -> Document:
    """UpdateEndpoint: new servers first, then the requests, then the end of the old ones.

    Raises:
        ApiError: the endpoint or the configuration is not there, or the endpoint is busy.
    """
    arguments = request.arguments
    new = deployment.made(cloud, configs.found(cloud, request))
    excluded = {
        one["VariantPropertyType"] for one in arguments.get("ExcludeRetainedVariantProperties", [])
    }
    _check_limit(cloud, new, arguments["EndpointName"])

    def change(document: Document) -> None:
        _check_idle(document)
        wanted = new
        if arguments.get("RetainAllVariantProperties"):
            old = Deployment.read(document["_active"])
            wanted = deployment.retained(new, old, excluded)
        if not arguments.get("RetainDeploymentConfig"):
            document.pop("LastDeploymentConfig", None)
        if "DeploymentConfig" in arguments:
            document["LastDeploymentConfig"] = arguments["DeploymentConfig"]
        states.set_next(document, wanted)
        states.set_status(document, states.UPDATING)

    return _changed(cloud, request, change)


def rescale(cloud: Cloud, request: Request) -> Document:
    """UpdateEndpointWeightsAndCapacities.

    Raises:
        ApiError: the endpoint or a variant is not there, the endpoint is busy, or a number is
            asked for that cannot be had.
    """
    wanted = {one["VariantName"]: one for one in request.arguments["DesiredWeightsAndCapacities"]}

    def change(document: Document) -> None:
        _check_idle(document)
        active = Deployment.read(document["_active"])
        for name, one in wanted.items():
            _check_scale(active, active.variant(name), one)
        new = deployment.rescaled(active, wanted)
        _check_limit(cloud, new, request.arguments["EndpointName"])
        states.set_desired(document, new)

    return _changed(cloud, request, change)


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteEndpoint.

    Raises:
        ApiError: there is none, or it is being created, updated or deleted.
    """

    def change(document: Document) -> None:
        if document["EndpointStatus"] not in _DELETABLE:
            raise _busy(document)
        states.set_status(document, states.DELETING)

    _changed(cloud, request, change)
    return {}


def _changed(cloud: Cloud, request: Request, change: states.Change) -> Document:
    name = request.arguments["EndpointName"]
    try:
        document = cloud.store.change(states.KIND, name, change)
    except MissingError as error:
        raise _missing(request) from error
    hosts.of(cloud).wake(name)
    return {"EndpointArn": document["EndpointArn"]}


def _missing(request: Request) -> Exception:
    arn = request.arn(states.KIND, request.arguments["EndpointName"])
    return validation(f'Could not find endpoint "{arn}".')


def _busy(document: Document) -> Exception:
    return validation(f'Cannot update in-progress endpoint "{document["EndpointArn"]}".')


def _check_idle(document: Document) -> None:
    if document["EndpointStatus"] == states.FAILED:
        raise validation(
            f'Cannot update endpoint "{document["EndpointArn"]}" that has failed; delete it.'
        )
    if document["EndpointStatus"] != states.IN_SERVICE:
        raise _busy(document)


def _check_scale(active: Deployment, variant: Variant | None, wanted: Document) -> None:
    name = wanted["VariantName"]
    if variant is None:
        raise validation(f"Variant {name} is not part of the endpoint.")
    if variant.serverless and "DesiredInstanceCount" in wanted:
        raise validation(f"Variant {name} is serverless: give ServerlessUpdateConfig.")
    if not variant.serverless and "ServerlessUpdateConfig" in wanted:
        raise validation(f"Variant {name} is not serverless: give DesiredInstanceCount.")
    if wanted.get("DesiredInstanceCount") == 0 and not active.asynchronous:
        raise validation(f"DesiredInstanceCount of variant {name} must be at least 1.")


def _check_limit(cloud: Cloud, wanted: Deployment, name: str) -> None:
    """Refuse what this machine cannot hold, in AWS's words for an account's limits."""
    now = 0
    for document in cloud.store.all(states.KIND):
        kept = document.get("_next") or document["_active"]
        if (
            kept
            and document["EndpointName"] != name
            and document["EndpointStatus"] != states.FAILED
        ):
            now += Deployment.read(kept).instances
    if now + wanted.instances > MOST_INSTANCES:
        kind = next(
            (one.instance_type for one in wanted.variants if one.instance_type), "serverless"
        )
        raise limit_exceeded(
            f"The account-level service limit '{kind} for endpoint usage' is {MOST_INSTANCES} "
            f"Instances, with current utilization of {now} Instances and a request delta of "
            f"{wanted.instances} Instances. Please contact AWS support to request an increase for "
            "this limit."
        )
