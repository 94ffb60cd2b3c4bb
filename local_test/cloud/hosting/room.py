"""What this room answers."""

from local_test.cloud.hosting import configs, endpoints, hosts, models
from local_test.cloud.operations import Room

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
    resume=hosts.resume,
    end=hosts.end,
)
