"""The operations of transform jobs."""

from local_test.cloud import jobs
from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, unsupported, validation
from local_test.cloud.hosting import containers, models
from local_test.cloud.objects import uri
from local_test.cloud.operations import Document, Request
from local_test.cloud.transform.joining import CSV, TYPES, Joining, media_type
from local_test.cloud.transform.json_path import PathError
from local_test.cloud.transform.kind import KIND

_MAX_PAYLOAD_MB = 100
_JSON_LINES = "application/jsonlines"


def create(cloud: Cloud, request: Request) -> Document:
    """CreateTransformJob.

    Raises:
        ApiError: the name is taken, the model is not there, limits are broken, or something is
            asked for that is not done here.
    """
    arguments = request.arguments
    _check_model(cloud, arguments["ModelName"])
    _check_limits(cloud, arguments)
    _check_input(arguments)
    _check_joining(arguments)
    uri.split(arguments["TransformOutput"]["S3OutputPath"])
    if "DataCaptureConfig" in arguments:
        raise unsupported("data capture of batch transform; leave DataCaptureConfig out.")
    document = {field: one for field, one in arguments.items() if field != "Tags"}
    document["TransformInput"] = {"CompressionType": "None", "SplitType": "None"} | arguments[
        "TransformInput"
    ]
    document["TransformOutput"] = {"AssembleWith": "None"} | arguments["TransformOutput"]
    return jobs.create(cloud, KIND, request, document)


def _check_model(cloud: Cloud, name: str) -> None:
    model = models.described(cloud, name)
    if containers.of_model(cloud, model).is_multi:
        raise validation(f"Model {name} is a multi-model one, which batch transform cannot use.")


def _check_limits(cloud: Cloud, arguments: Document) -> None:
    payload_mb = arguments.get("MaxPayloadInMB", 0)
    at_once = arguments.get("MaxConcurrentTransforms", 0)
    if payload_mb > _MAX_PAYLOAD_MB or payload_mb * at_once > _MAX_PAYLOAD_MB:
        raise validation(
            f"MaxPayloadInMB, and MaxConcurrentTransforms times MaxPayloadInMB, cannot exceed "
            f"{_MAX_PAYLOAD_MB} MB."
        )
    count = arguments["TransformResources"]["InstanceCount"]
    if count > cloud.settings.slots:
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit for transform job instances is "
            f"{cloud.settings.slots} here, with a request of {count}; set LOCAL_CLOUD_SLOTS to "
            "have more.",
        )


def _check_input(arguments: Document) -> None:
    given = arguments["TransformInput"]
    split = given.get("SplitType", "None")
    if split not in {"None", "Line"}:
        raise unsupported(f"SplitType {split}; choose None or Line.")
    source = given["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
        raise unsupported(f"S3DataType {source['S3DataType']}; choose S3Prefix or ManifestFile.")
    uri.split(source["S3Uri"])
    if arguments.get("BatchStrategy") == "SingleRecord" and split == "None":
        raise validation("BatchStrategy SingleRecord needs a SplitType, such as Line.")


def _check_joining(arguments: Document) -> None:
    wanted = arguments.get("DataProcessing", {})
    kind = media_type(arguments["TransformInput"].get("ContentType", ""))
    try:
        joining = Joining.of(wanted, kind)
    except PathError as error:
        raise validation(f"DataProcessing is not valid: {error}") from error
    if not (joining.input_filter or joining.output_filter or joining.joins):
        return
    if kind not in TYPES:
        raise validation(f"DataProcessing needs a ContentType of {', '.join(TYPES)}.")
    if kind in {CSV, _JSON_LINES} and arguments["TransformInput"].get("SplitType") != "Line":
        raise validation(f"DataProcessing of {kind} needs SplitType Line.")


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeTransformJob."""
    return jobs.found(cloud, KIND, request)


def list_jobs(cloud: Cloud, request: Request) -> Document:
    """ListTransformJobs."""
    newest_first = {"SortOrder": "Descending"}
    return jobs.list_jobs(cloud, KIND, request, newest_first, "TransformJobSummaries")


def stop(cloud: Cloud, request: Request) -> Document:
    """StopTransformJob."""
    return jobs.stop(cloud, KIND, request)
