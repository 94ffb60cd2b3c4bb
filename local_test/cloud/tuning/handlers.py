"""The operations on tuning jobs, as AWS answers them."""

import copy
import secrets
import shutil
import time
from collections.abc import Mapping
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, in_use, not_found, validation
from local_test.cloud.listing import listed
from local_test.cloud.operations import Request
from local_test.cloud.store import TakenError
from local_test.cloud.training import checks as training_checks
from local_test.cloud.tuning import (
    autotune,
    checks,
    definitions,
    parents,
    summaries,
    tuners,
    warm_start,
)
from local_test.cloud.tuning.definitions import OBJECTIVE_PARAMETER, Definition
from local_test.cloud.tuning.trials import KIND, Trials

Document = dict[str, Any]

_PAGE = 10
"""What AWS's model gives as the default of MaxResults."""

_ECHOED = ("WarmStartConfig", "Autotune")
_LISTED = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
)


def create(cloud: Cloud, request: Request) -> Document:
    """CreateHyperParameterTuningJob."""
    name = request.arguments["HyperParameterTuningJobName"]
    arguments = autotune.filled_in(request.arguments)
    found = checks.check(arguments)
    for definition in found:
        sample = definitions.training_request(definition, name, {}, {})
        training_checks.check(cloud.settings, sample)
    _check_name(cloud, name)
    if "WarmStartConfig" in arguments:
        config = arguments["HyperParameterTuningJobConfig"]
        child = warm_start.check_child(config["Strategy"], found)
        limited = config["ResourceLimits"].get("MaxNumberOfTrainingJobs", 0)
        parents.keep(cloud, name, arguments, child, limited)
    document = _document(request, arguments, found)
    try:
        cloud.store.create(KIND, name, document)
    except TakenError as error:
        raise _taken(name) from error
    arn = document["HyperParameterTuningJobArn"]
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in arguments.get("Tags", [])})
    try:
        tuners.start(cloud, name)
    except ApiError:
        _forget(cloud, name, arn)
        raise
    return {"HyperParameterTuningJobArn": arn}


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeHyperParameterTuningJob."""
    document = _found(cloud, request)
    end = document.get("HyperParameterTuningEndTime", time.time())
    seconds = max(0, round(end - document["CreationTime"]))
    shown = {**document, "ConsumedResources": {"RuntimeInSeconds": seconds}}
    for definition in (
        shown.get("TrainingJobDefinition"),
        *shown.get("TrainingJobDefinitions", ()),
    ):
        if definition:
            definition["ResourceConfig"] = definitions.resources(definition)
    return shown


def list_jobs(cloud: Cloud, request: Request) -> Document:
    """ListHyperParameterTuningJobs."""
    return listed(
        cloud.store.all(KIND),
        {"SortBy": "Name", "MaxResults": _PAGE, **request.arguments},
        name="HyperParameterTuningJobName",
        status="HyperParameterTuningJobStatus",
        summary=_summary,
        answer="HyperParameterTuningJobSummaries",
    )


def list_training_jobs(cloud: Cloud, request: Request) -> Document:
    """ListTrainingJobsForHyperParameterTuningJob."""
    document = _found(cloud, request)
    trials = Trials(cloud.store, document["HyperParameterTuningJobName"]).all()
    shown = [dict(trial.summary) for trial in trials if trial.summary]
    arguments = {"SortBy": "Name", "MaxResults": _PAGE, **request.arguments}
    if arguments["SortBy"] == "FinalObjectiveMetricValue":
        shown = [one for one in shown if "FinalHyperParameterTuningJobObjectiveMetric" in one]
    return listed(
        shown,
        arguments,
        name="TrainingJobName",
        status="TrainingJobStatus",
        summary=dict,
        answer="TrainingJobSummaries",
        orders={"FinalObjectiveMetricValue": summaries.objective_of},
    )


def stop(cloud: Cloud, request: Request) -> Document:
    """StopHyperParameterTuningJob."""
    document = _found(cloud, request)
    status = document["HyperParameterTuningJobStatus"]
    if status in warm_start.TERMINAL:
        raise validation(
            f"The request was rejected because the hyperparameter tuning job is in status {status}."
        )
    tuners.request_stop(cloud, document["HyperParameterTuningJobName"])
    return {}


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteHyperParameterTuningJob; the training jobs stay."""
    document = _found(cloud, request)
    name = document["HyperParameterTuningJobName"]
    if document["HyperParameterTuningJobStatus"] not in warm_start.TERMINAL:
        raise validation(
            f"The hyperparameter tuning job {name} is in status "
            f"{document['HyperParameterTuningJobStatus']}. Stop it before you delete it."
        )
    _forget(cloud, name, document["HyperParameterTuningJobArn"])
    return {}


def _forget(cloud: Cloud, name: str, arn: str) -> None:
    cloud.store.delete(KIND, name)
    Trials(cloud.store, name).delete()
    parents.forget(cloud, name)
    shutil.rmtree(cloud.store.folder(KIND, name), ignore_errors=True)
    cloud.store.untag(arn)


def _found(cloud: Cloud, request: Request) -> Document:
    name = request.arguments["HyperParameterTuningJobName"]
    document = cloud.store.find(KIND, name)
    if document is None:
        raise not_found(
            f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
        )
    tuners.ensure(cloud, document)
    return document


def _check_name(cloud: Cloud, name: str) -> None:
    """AWS tells names apart without regard to capitals."""
    if any(
        one["HyperParameterTuningJobName"].lower() == name.lower() for one in cloud.store.all(KIND)
    ):
        raise _taken(name)


def _taken(name: str) -> ApiError:
    return in_use(
        f"A hyperparameter tuning job with the name, {name}, already exists. "
        "Choose a different name."
    )


def _document(
    request: Request, arguments: Mapping[str, Any], found: tuple[Definition, ...]
) -> Document:
    name = request.arguments["HyperParameterTuningJobName"]
    now = time.time()
    counted, objectives = summaries.counters(())
    shown = [_shown(definition) for definition in found]
    several = "TrainingJobDefinitions" in arguments
    config = arguments["HyperParameterTuningJobConfig"]
    seed = config.get("RandomSeed", secrets.randbelow(2**31))
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": request.arn(KIND, name),
        **{field: arguments[field] for field in _ECHOED if field in arguments},
        "HyperParameterTuningJobConfig": _completed(config, found),
        **({"TrainingJobDefinitions": shown} if several else {"TrainingJobDefinition": shown[0]}),
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "TrainingJobStatusCounters": counted,
        "ObjectiveStatusCounters": objectives,
        "_seed": seed,
    }


def _completed(config: Document, found: tuple[Definition, ...]) -> Document:
    """The configuration with what AWS fills in."""
    completed: Document = {"TrainingJobEarlyStoppingType": "Off", **copy.deepcopy(config)}
    if config["Strategy"] == "Grid":
        completed["ResourceLimits"]["MaxNumberOfTrainingJobs"] = checks.jobs(config, found)
    return completed


def _shown(definition: Definition) -> Document:
    document = copy.deepcopy(definition.document)
    document["StaticHyperParameters"] = {
        **definition.static,
        OBJECTIVE_PARAMETER: definition.metric,
    }
    return document


def _summary(document: Document) -> Document:
    config = document["HyperParameterTuningJobConfig"]
    return {
        **{field: document[field] for field in _LISTED if field in document},
        "Strategy": config["Strategy"],
        "ResourceLimits": config["ResourceLimits"],
    }
