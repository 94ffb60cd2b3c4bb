"""The training jobs that a tuning job starts: their definition, read and turned into requests."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_test.cloud.errors import validation
from local_test.cloud.objects import uri
from local_test.cloud.tuning import ranges
from local_test.cloud.tuning.ranges import Range

Document = dict[str, Any]

OBJECTIVE_PARAMETER = "_tuning_objective_metric"
"""The hyperparameter by which AWS tells a training what it is judged by."""

_PASSED_ON = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
    "Environment",
)
_OF_AN_INSTANCE = ("InstanceType", "InstanceCount", "VolumeSizeInGB")


@dataclass(frozen=True)
class Definition:
    """One kind of training job.

    Attributes:
        name: its DefinitionName; empty where there is only one kind.
        metric: the objective's name.
        maximize: whether a greater objective is better.
        document: as the API has it.
    """

    name: str
    metric: str
    maximize: bool
    ranges: tuple[Range, ...]
    document: Document

    @property
    def static(self) -> Mapping[str, str]:
        """The hyperparameters that are the same in all training jobs."""
        return dict(self.document.get("StaticHyperParameters", {}))

    @property
    def retries(self) -> int:
        """How often a training job is made anew that failed with an internal error."""
        return int(self.document.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0))

    @property
    def objective(self) -> Document:
        """The objective as the API has it."""
        return {"Type": "Maximize" if self.maximize else "Minimize", "MetricName": self.metric}


def read(arguments: Mapping[str, Any]) -> tuple[Definition, ...]:
    """The definitions in the input of CreateHyperParameterTuningJob, or in what Describe gives.

    Raises:
        ApiError: a range or the objective is missing or wrong.
    """
    config = arguments["HyperParameterTuningJobConfig"]
    one, several = (arguments.get(f"TrainingJobDefinition{end}") for end in ("", "s"))
    if bool(one) == bool(several):
        raise validation(
            "You must provide either a TrainingJobDefinition or TrainingJobDefinitions, not both."
        )
    if one:
        shared = config.get("HyperParameterTuningJobObjective")
        return (_definition(one, shared, config.get("ParameterRanges", {})),)
    return _several(several or [], config)


def _several(documents: list[Document], config: Document) -> tuple[Definition, ...]:
    for field in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if config.get(field):
            raise validation(
                f"{field} must not be given in HyperParameterTuningJobConfig together with "
                "TrainingJobDefinitions. Give it in each of the definitions."
            )
    names = [document.get("DefinitionName", "") for document in documents]
    if "" in names or len(set(names)) < len(names):
        raise validation("Each of the TrainingJobDefinitions must have a unique DefinitionName.")
    found = tuple(_definition(document, None, {}) for document in documents)
    if len({definition.maximize for definition in found}) > 1:
        raise validation("The Type of the objective must be the same in all definitions.")
    return found


def _definition(document: Document, objective: Document | None, shared: Document) -> Definition:
    objective = objective or document.get("TuningObjective")
    metrics = document["AlgorithmSpecification"].get("MetricDefinitions", [])
    if not objective or objective["MetricName"] not in [metric["Name"] for metric in metrics]:
        raise validation(
            "A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions."
        )
    return Definition(
        document.get("DefinitionName", ""),
        objective["MetricName"],
        objective["Type"] == "Maximize",
        ranges.read(document.get("HyperParameterRanges") or shared),
        document,
    )


def training_request(
    definition: Definition, name: str, values: Mapping[str, str], tags: Mapping[str, str]
) -> Document:
    """The input of CreateTrainingJob for one training job of the tuning job."""
    document = copy.deepcopy(definition.document)
    request: Document = {
        "TrainingJobName": name,
        "AlgorithmSpecification": document["AlgorithmSpecification"],
        "HyperParameters": {
            **definition.static,
            **values,
            OBJECTIVE_PARAMETER: definition.metric,
        },
        "ResourceConfig": resources(document),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    request.update({field: document[field] for field in _PASSED_ON if field in document})
    if checkpoints := document.get("CheckpointConfig"):
        # Training jobs with one folder would go on from one another's checkpoints.
        request["CheckpointConfig"] = {**checkpoints, "S3Uri": uri.join(checkpoints["S3Uri"], name)}
    return request


def resources(document: Mapping[str, Any]) -> Document:
    """The ResourceConfig of the training jobs, from either of the two fields that may say it.

    Raises:
        ApiError: neither does, or both do.
    """
    plain = document.get("ResourceConfig")
    special = document.get("HyperParameterTuningResourceConfig")
    if bool(plain) == bool(special):
        raise validation(
            "You must provide either ResourceConfig or HyperParameterTuningResourceConfig in the "
            "training job definition, not both."
        )
    if plain:
        return dict(plain)
    given = dict(special or {})
    chosen = {**given, **(given.get("InstanceConfigs") or [{}])[0]}
    if missing := [field for field in _OF_AN_INSTANCE[:2] if field not in chosen]:
        raise validation(f"HyperParameterTuningResourceConfig must have the field {missing[0]}.")
    fields = (*_OF_AN_INSTANCE, "VolumeKmsKeyId")
    return {"VolumeSizeInGB": 1} | {field: chosen[field] for field in fields if field in chosen}
