"""The operations of processing jobs."""

from pathlib import PurePosixPath

from local_test.cloud import jobs
from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, unsupported, validation
from local_test.cloud.operations import Document, Request
from local_test.cloud.processing.kind import KIND

PROCESSING = PurePosixPath("/opt/ml/processing")
_MAX_RUNTIME_S = 86_400


def create(cloud: Cloud, request: Request) -> Document:
    """CreateProcessingJob.

    Raises:
        ApiError: the name is taken, a path is not one below /opt/ml/processing, or something is
            asked for that is not done here.
    """
    arguments = request.arguments
    inputs = arguments.get("ProcessingInputs", [])
    outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _check_resources(cloud, arguments["ProcessingResources"]["ClusterConfig"])
    for one in inputs:
        _check_input(one)
    for one in outputs:
        _check_output(one)
    _check_unique("InputName", inputs)
    _check_unique("OutputName", outputs)
    document = {field: one for field, one in arguments.items() if field != "Tags"}
    document.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": _MAX_RUNTIME_S})
    return jobs.create(cloud, KIND, request, document)


def _check_resources(cloud: Cloud, cluster: Document) -> None:
    if "InstancePreferences" in cluster:
        raise unsupported("instance preferences; give InstanceType and InstanceCount.")
    if "InstanceType" not in cluster or "InstanceCount" not in cluster:
        raise validation("ClusterConfig needs InstanceType and InstanceCount.")
    if cluster["InstanceCount"] > cloud.settings.slots:
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit for processing job instances is "
            f"{cloud.settings.slots} here, with a request of {cluster['InstanceCount']}; "
            "set LOCAL_CLOUD_SLOTS to have more.",
        )


def _check_input(one: Document) -> None:
    name = one["InputName"]
    if "DatasetDefinition" in one:
        raise unsupported(f"inputs from Athena and Redshift ({name}); give an S3Input.")
    if one.get("AppManaged"):
        raise unsupported(f"inputs that the application manages ({name}).")
    if "S3Input" not in one:
        raise validation(f"Processing input {name} needs an S3Input.")
    source = one["S3Input"]
    if source.get("S3InputMode") == "Pipe":
        raise unsupported(f"Pipe mode ({name}); set S3InputMode to File.")
    if source.get("S3CompressionType") == "Gzip":
        raise validation(f"S3CompressionType Gzip of input {name} needs S3InputMode Pipe.")
    _check_path(name, source)


def _check_output(one: Document) -> None:
    name = one["OutputName"]
    if "FeatureStoreOutput" in one:
        raise unsupported(f"outputs to the Feature Store ({name}); give an S3Output.")
    if one.get("AppManaged"):
        raise unsupported(f"outputs that the application manages ({name}).")
    if "S3Output" not in one:
        raise validation(f"Processing output {name} needs an S3Output.")
    _check_path(name, one["S3Output"])


def _check_path(name: str, part: Document) -> None:
    path = PurePosixPath(part.get("LocalPath", ""))
    if PROCESSING not in path.parents or ".." in path.parts:
        raise validation(
            f"LocalPath {str(path)!r} of {name} is not valid; it must begin with {PROCESSING}/."
        )


def _check_unique(field: str, parts: list[Document]) -> None:
    names = [one[field] for one in parts]
    if len(set(names)) < len(names):
        raise validation(f"Each {field} must be unique within a processing job.")


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeProcessingJob."""
    return jobs.found(cloud, KIND, request)


def list_jobs(cloud: Cloud, request: Request) -> Document:
    """ListProcessingJobs."""
    return jobs.list_jobs(cloud, KIND, request, {}, "ProcessingJobSummaries")


def stop(cloud: Cloud, request: Request) -> Document:
    """StopProcessingJob."""
    return jobs.stop(cloud, KIND, request)


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteProcessingJob."""
    return jobs.delete(cloud, KIND, request)
