"""Finds what the launchers made in an account, by its tags; looks only, changes nothing.

The tagging API knows all tagged resources at once, but it lags behind by some seconds, it may be
denied, and a local endpoint lacks it. So each kind is listed as well, and what the tagging API does
not name is asked for its tags one by one: all of it, or where the API answered only what is new.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from scripts import naming
from scripts.aws import Aws

Tags = Mapping[str, str]

_THREADS = 8
_LAG = timedelta(hours=1)
_RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Kind:
    """One kind of resource: `part` of its ARN, and how it is listed.

    Attributes:
        word: what people call it.
        stem: begins the names of its fields: `Endpoint` in EndpointName, EndpointArn.
        operation: of boto3, that lists it.
        field: of the answer, that holds the list.
        statuses: only those in one of these are of interest; all if empty.
    """

    word: str
    part: str
    stem: str
    operation: str
    field: str
    statuses: tuple[str, ...] = ()


ENDPOINT = Kind("endpoint", "endpoint", "Endpoint", "list_endpoints", "Endpoints")
CONFIG = Kind(
    "config", "endpoint-config", "EndpointConfig", "list_endpoint_configs", "EndpointConfigs"
)
MODEL = Kind("model", "model", "Model", "list_models", "Models")
TUNING = Kind(
    "search",
    "hyper-parameter-tuning-job",
    "HyperParameterTuningJob",
    "list_hyper_parameter_tuning_jobs",
    "HyperParameterTuningJobSummaries",
    _RUNNING,
)
TRAINING = Kind(
    "training",
    "training-job",
    "TrainingJob",
    "list_training_jobs",
    "TrainingJobSummaries",
    _RUNNING,
)
TRANSFORM = Kind(
    "batch",
    "transform-job",
    "TransformJob",
    "list_transform_jobs",
    "TransformJobSummaries",
    _RUNNING,
)
PROCESSING = Kind(
    "processing",
    "processing-job",
    "ProcessingJob",
    "list_processing_jobs",
    "ProcessingJobSummaries",
    _RUNNING,
)
GROUP = Kind(
    "package group",
    "model-package-group",
    "ModelPackageGroup",
    "list_model_package_groups",
    "ModelPackageGroupSummaryList",
)

JOBS = (TUNING, TRAINING, TRANSFORM, PROCESSING)
KINDS = (*JOBS, ENDPOINT, CONFIG, MODEL, GROUP)


@dataclass(frozen=True)
class Resource:
    """Something that is there; `belongs` is the endpoint that it was made for."""

    kind: Kind
    name: str
    arn: str
    status: str = ""
    belongs: str = ""


def find(aws: Aws, project: str, kinds: Sequence[Kind] = KINDS) -> list[Resource]:
    """All that carries the tags of this project, jobs only as long as they run; by kind."""
    known = _tagged(aws, project)
    seen = [one for kind in kinds for one in _listed(aws, kind)]
    with ThreadPoolExecutor(_THREADS) as pool:
        tags = list(pool.map(lambda one: _tags(aws, one, known), seen))
    return [
        Resource(one.kind, one.name, one.arn, one.status, own.get(naming.ENDPOINT_TAG, ""))
        for one, own in zip(seen, tags, strict=True)
        if is_ours(own, project)
    ]


def is_ours(tags: Tags, project: str) -> bool:
    """Whether these are tags of what the launchers made for the project."""
    return (
        tags.get(naming.PROJECT_TAG) == project and tags.get(naming.MADE_BY_TAG) == naming.MADE_BY
    )


def named(resources: Sequence[Resource], names: Sequence[str]) -> list[Resource]:
    """Those of these names, and what was made for endpoints of these names."""
    return [one for one in resources if one.name in names or one.belongs in names]


@dataclass(frozen=True)
class _Seen:
    kind: Kind
    name: str
    arn: str
    status: str
    created: datetime


def _listed(aws: Aws, kind: Kind) -> Iterator[_Seen]:
    pages = aws.client("sagemaker").get_paginator(kind.operation)
    for status in kind.statuses or (None,):
        chosen = {"StatusEquals": status} if status else {}
        for page in pages.paginate(**chosen):
            for one in page[kind.field]:
                yield _Seen(
                    kind,
                    one[f"{kind.stem}Name"],
                    one[f"{kind.stem}Arn"],
                    one.get(f"{kind.stem}Status", ""),
                    one["CreationTime"],
                )


def _tagged(aws: Aws, project: str) -> Mapping[str, Tags] | None:
    """Tags by ARN as the tagging API has them; None when it cannot be asked."""
    if aws.is_local:
        return None
    wanted = {naming.PROJECT_TAG: project, naming.MADE_BY_TAG: naming.MADE_BY}
    filters = [{"Key": key, "Values": [value]} for key, value in wanted.items()]
    pages = aws.client("resourcegroupstaggingapi").get_paginator("get_resources")
    try:
        return {
            one["ResourceARN"]: _by_key(one["Tags"])
            for page in pages.paginate(TagFilters=filters, ResourceTypeFilters=["sagemaker"])
            for one in page["ResourceTagMappingList"]
        }
    except ClientError:
        return None


def _tags(aws: Aws, one: _Seen, known: Mapping[str, Tags] | None) -> Tags:
    if known is not None and one.arn in known:
        return known[one.arn]
    if known is not None and one.created < datetime.now(UTC) - _LAG:
        return {}
    return _asked(aws, one.arn)


def _asked(aws: Aws, arn: str) -> Tags:
    """The tags of one resource; none where it is gone meanwhile."""
    pages = aws.client("sagemaker").get_paginator("list_tags")
    try:
        return _by_key([tag for page in pages.paginate(ResourceArn=arn) for tag in page["Tags"]])
    except ClientError as error:
        if is_gone(error):
            return {}
        raise


def is_gone(error: ClientError) -> bool:
    """Whether AWS says that there is no such thing."""
    code = error.response["Error"]["Code"]
    message = error.response["Error"]["Message"].lower()
    missing = ("could not find", "does not exist", "not found", "cannot find")
    return code == "ResourceNotFound" or any(words in message for words in missing)


def _by_key(tags: Sequence[Mapping[str, Any]]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in tags}
