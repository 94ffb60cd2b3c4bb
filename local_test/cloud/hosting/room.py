"""What this room answers."""

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import asynchronous, configs, endpoints, hosts, models
from local_test.cloud.operations import Room


def _resume(cloud: Cloud) -> None:
    hosts.resume(cloud)
    asynchronous.resume(cloud)


def _end(cloud: Cloud) -> None:
    try:
        asynchronous.end(cloud)
    finally:
        hosts.end(cloud)


ROOM = Room(
    {
        "CreateModel": models.create,
        "DescribeModel": models.describe,
        "ListModels": models.list_models,
        "DeleteModel": models.delete,
        "CreateEndpointConfig": configs.create,
        "DescribeEndpointConfig": configs.describe,
        "ListEndpointConfigs": configs.list_configs,
        "DeleteEndpointConfig": configs.delete,
        "CreateEndpoint": endpoints.create,
        "DescribeEndpoint": endpoints.describe,
        "ListEndpoints": endpoints.list_endpoints,
        "UpdateEndpoint": endpoints.update,
        "UpdateEndpointWeightsAndCapacities": endpoints.rescale,
        "DeleteEndpoint": endpoints.delete,
    },
    resume=_resume,
    end=_end,
)
