"""Models: an image, its environment and its data, under a name. Nothing runs here."""

import time

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import unsupported, validation
from local_test.cloud.hosting import containers
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.listing import listed
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError
from local_test.cloud.operations import Document, Request
from local_test.cloud.store import TakenError

KIND = "model"


def create(cloud: Cloud, request: Request) -> Document:
    """CreateModel.

    Raises:
        ApiError: the name is taken, the data are not there, or the container cannot be run here.
    """
    arguments = request.arguments
    if arguments.get("InferenceExecutionConfig"):
        raise unsupported("inference pipelines; leave InferenceExecutionConfig out.")
    container = containers.of_model(cloud, arguments)
    _check_data(cloud, container)
    name, arn = arguments["ModelName"], request.arn(KIND, arguments["ModelName"])
    kept = {field: one for field, one in arguments.items() if field != "Tags"}
    for definition in [kept.get("PrimaryContainer"), *(kept.get("Containers") or [])]:
        if definition:
            definition.setdefault("Mode", "SingleModel")
    document = {"EnableNetworkIsolation": False} | kept
    document |= {"ModelArn": arn, "CreationTime": time.time()}
    try:
        cloud.store.create(KIND, name, document)
    except TakenError as error:
        raise validation(f'Cannot create already existing model "{arn}".') from error
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in arguments.get("Tags", [])})
    return {"ModelArn": arn}


def described(cloud: Cloud, name: str) -> Document:
    """The model `name`, as DescribeModel shows it.

    Raises:
        ApiError: there is none.
    """
    document = cloud.store.find(KIND, name)
    if document is None:
        raise validation(f'Could not find model "{name}".')
    return document


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeModel.

    Raises:
        ApiError: there is none.
    """
    return _found(cloud, request)


def list_models(cloud: Cloud, request: Request) -> Document:
    """ListModels."""
    fields = ("ModelName", "ModelArn", "CreationTime")
    return listed(
        cloud.store.all(KIND),
        {"SortOrder": "Descending"} | request.arguments,
        name="ModelName",
        summary=lambda one: {field: one[field] for field in fields},
        answer="Models",
    )


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteModel; endpoints that were made from it go on.

    Raises:
        ApiError: there is none.
    """
    model = _found(cloud, request)
    cloud.store.delete(KIND, model["ModelName"])
    cloud.store.untag(model["ModelArn"])
    return {}


def _found(cloud: Cloud, request: Request) -> Document:
    name = request.arguments["ModelName"]
    document = cloud.store.find(KIND, name)
    if document is None:
        raise validation(f'Could not find model "{request.arn(KIND, name)}".')
    return document


def _check_data(cloud: Cloud, container: ModelContainer) -> None:
    """As AWS does: the data must be there already; models of a multi-model one may come later."""
    if not container.data or container.is_multi:
        return
    bucket, key = uri.split(container.data)
    try:
        if container.kind == "prefix":
            next(cloud.objects.list(bucket, key))
        else:
            cloud.objects.info(bucket, key)
    except (NoSuchBucketError, NoSuchKeyError, StopIteration) as error:
        raise validation(f"Could not find model data at {container.data}.") from error
