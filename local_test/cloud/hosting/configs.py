"""Endpoint configurations: which models an endpoint has, on how much, and what it records."""

import time

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import unsupported, validation
from local_test.cloud.hosting import models
from local_test.cloud.listing import listed
from local_test.cloud.operations import Document, Request
from local_test.cloud.store import TakenError

KIND = "endpoint-config"

_NOT_DONE = {
    "ExplainerConfig": "explanations of answers; leave ExplainerConfig out.",
    "ShadowProductionVariants": "shadow variants; give production variants only.",
    "CrossRegionTrafficConfig": "traffic to other regions.",
    "MetricsConfig": "enhanced metrics; leave MetricsConfig out.",
}
_VARIANT_NOT_DONE = {
    "InstancePools": "instance pools; give one InstanceType.",
    "AcceleratorType": "Elastic Inference, which AWS has ended too.",
    "CoreDumpConfig": "core dumps of containers.",
    "ManagedInstanceScaling": "managed instance scaling; give InitialInstanceCount.",
    "CapacityReservationConfig": "capacity reservations.",
    "AcceleratorPartitionLayouts": "partitions of accelerators.",
    "EnableSSMAccess": "access to instances by SSM.",
}
_ROUTINGS = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")
_MEMORY_STEP_MB = 1024


def create(cloud: Cloud, request: Request) -> Document:
    """CreateEndpointConfig.

    Raises:
        ApiError: the name is taken, a model is not there, variants contradict each other, or a
            part is asked for that is not done here.
    """
    arguments = request.arguments
    for field, what in _NOT_DONE.items():
        if arguments.get(field):
            raise unsupported(what)
    variants = [_variant(cloud, request, one) for one in arguments["ProductionVariants"]]
    _check_together(arguments, variants)
    name, arn = arguments["EndpointConfigName"], request.arn(KIND, arguments["EndpointConfigName"])
    document = {field: one for field, one in arguments.items() if field != "Tags"}
    document |= {"ProductionVariants": variants, "EndpointConfigArn": arn}
    document["CreationTime"] = time.time()
    if "DataCaptureConfig" in document:
        document["DataCaptureConfig"].setdefault("EnableCapture", True)
    try:
        cloud.store.create(KIND, name, document)
    except TakenError as error:
        raise validation(
            f'Cannot create already existing endpoint configuration "{arn}".'
        ) from error
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in arguments.get("Tags", [])})
    return {"EndpointConfigArn": arn}


def found(cloud: Cloud, request: Request) -> Document:
    """The configuration that a request names.

    Raises:
        ApiError: there is none.
    """
    name = request.arguments["EndpointConfigName"]
    document = cloud.store.find(KIND, name)
    if document is None:
        arn = request.arn(KIND, name)
        raise validation(f'Could not find endpoint configuration "{arn}".')
    return document


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeEndpointConfig.

    Raises:
        ApiError: there is none.
    """
    return found(cloud, request)


def list_configs(cloud: Cloud, request: Request) -> Document:
    """ListEndpointConfigs."""
    fields = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
    return listed(
        cloud.store.all(KIND),
        {"SortOrder": "Descending"} | request.arguments,
        name="EndpointConfigName",
        summary=lambda one: {field: one[field] for field in fields},
        answer="EndpointConfigs",
    )


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteEndpointConfig; endpoints that were made from it go on.

    Raises:
        ApiError: there is none.
    """
    document = found(cloud, request)
    cloud.store.delete(KIND, document["EndpointConfigName"])
    cloud.store.untag(document["EndpointConfigArn"])
    return {}


def _variant(cloud: Cloud, request: Request, variant: Document) -> Document:
    """The variant with AWS's defaults in it."""
    for field, what in _VARIANT_NOT_DONE.items():
        if variant.get(field):
            raise unsupported(what)
    name = variant["VariantName"]
    if "ModelName" not in variant:
        raise unsupported("inference components; give each variant a ModelName.")
    if cloud.store.find(models.KIND, variant["ModelName"]) is None:
        arn = request.arn(models.KIND, variant["ModelName"])
        raise validation(f'Could not find model "{arn}".')
    strategy = (variant.get("RoutingConfig") or {}).get("RoutingStrategy", _ROUTINGS[0])
    if strategy not in _ROUTINGS:
        raise unsupported(f"routing by {strategy}; choose {' or '.join(_ROUTINGS)}.")
    if "ServerlessConfig" in variant:
        _check_serverless(variant)
    elif "InstanceType" not in variant:
        raise validation(f"Variant {name} needs an InstanceType or a ServerlessConfig.")
    else:
        variant = {"InitialInstanceCount": 1} | variant
    return {"InitialVariantWeight": 1.0} | variant


def _check_serverless(variant: Document) -> None:
    name, wanted = variant["VariantName"], variant["ServerlessConfig"]
    if "InstanceType" in variant or "InitialInstanceCount" in variant:
        raise validation(f"Variant {name} is serverless: it has neither InstanceType nor count.")
    if wanted["MemorySizeInMB"] % _MEMORY_STEP_MB:
        raise validation("MemorySizeInMB must be one of 1024, 2048, 3072, 4096, 5120, 6144.")
    if wanted.get("ProvisionedConcurrency", 0) > wanted["MaxConcurrency"]:
        raise validation("ProvisionedConcurrency must not be above MaxConcurrency.")


def _check_together(arguments: Document, variants: list[Document]) -> None:
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise validation("Production variant names must be unique within an endpoint config.")
    serverless = [variant for variant in variants if "ServerlessConfig" in variant]
    if serverless and len(variants) > 1:
        raise validation("A serverless endpoint has exactly one production variant.")
    if serverless and ("DataCaptureConfig" in arguments or "AsyncInferenceConfig" in arguments):
        raise validation("A serverless endpoint has neither data capture nor asynchronous calls.")
    if "AsyncInferenceConfig" in arguments and len(variants) > 1:
        raise validation("An asynchronous endpoint has exactly one production variant.")
    if not any(variant["InitialVariantWeight"] > 0 for variant in variants):
        raise validation("At least one production variant needs a weight above 0.")
