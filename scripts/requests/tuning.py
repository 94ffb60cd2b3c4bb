"""CreateHyperParameterTuningJob, and the arguments with which SDK v2's tuner sends just that."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from imageclf import metrics
from imageclf.config import Hyperparameters
from imageclf.errors import SettingsError
from scripts import naming
from scripts.place import Place
from scripts.requests import profiling, spaces, training
from scripts.requests.spaces import Space
from scripts.requests.training import Request
from scripts.sections import Settings

RESOURCE = "epochs"
"""What Hyperband gives more of to the trainings that do well."""

_SECONDS_A_MINUTE = 60
_DEFINITION = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "Environment",
    "EnableManagedSpotTraining",
)
"""Fields that a definition of trainings shares with CreateTrainingJob."""


def create_tuning_job(
    settings: Settings,
    place: Place,
    hyperparameters: Mapping[str, str],
    data: str,
    *,
    at: datetime,
    fixed: Collection[str] = (),
) -> Request:
    """The request of one search.

    Args:
        hyperparameters: those that all trainings share; the space goes before them.
        data: S3 prefix of the pictures.
        at: the time that the name is made of.
        fixed: names of hyperparameters that go before the space: they are not searched.

    Raises:
        SettingsError: strategy, space, objective and fixed hyperparameters do not fit together.
    """
    space = _without(spaces.find(settings), fixed)
    shared: Mapping[str, str] = {
        name: value for name, value in hyperparameters.items() if name not in space
    }
    if settings.tune.strategy == "Hyperband":
        space, shared = _resource_apart(space, shared)
    name = naming.short_name(settings, at)
    job = training.create_training_job(settings, place, shared, data, at=at)
    told = training.environment(settings, place, shared, profiling.OWN_NAME)
    return training.without_empty(
        {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobConfig": _config(settings, space, shared),
            "TrainingJobDefinition": _definition(place, {**job, "Environment": told}, name),
            "WarmStartConfig": _warm_start(settings),
            "Tags": naming.tags(settings),
        }
    )


def tuner_arguments(request: Request) -> dict[str, Any]:
    """Arguments of `sagemaker.tuner.HyperparameterTuner`, without estimator, ranges, warm start."""
    asked = request["HyperParameterTuningJobConfig"]
    limits = asked["ResourceLimits"]
    objective = asked["HyperParameterTuningJobObjective"]
    definition = request["TrainingJobDefinition"]
    return {
        "objective_metric_name": objective["MetricName"],
        "objective_type": objective["Type"],
        "metric_definitions": definition["AlgorithmSpecification"]["MetricDefinitions"],
        "strategy": asked["Strategy"],
        "max_jobs": limits.get("MaxNumberOfTrainingJobs"),
        "max_parallel_jobs": limits["MaxParallelTrainingJobs"],
        "max_runtime_in_seconds": limits.get("MaxRuntimeInSeconds"),
        "early_stopping_type": asked["TrainingJobEarlyStoppingType"],
        "random_seed": asked.get("RandomSeed"),
        "tags": request["Tags"],
    }


def training_job(request: Request) -> Request:
    """The definition of the trainings in the shape of CreateTrainingJob, for the Estimator."""
    definition = request["TrainingJobDefinition"]
    return {
        **{name: definition[name] for name in _DEFINITION if name in definition},
        "ResourceConfig": definition["HyperParameterTuningResourceConfig"],
        "CheckpointConfig": definition.get("CheckpointConfig", {}),
        "HyperParameters": definition.get("StaticHyperParameters", {}),
        "Tags": request["Tags"],
    }


def parameter_arguments(request: Request) -> dict[str, tuple[str, dict[str, Any]]]:
    """Class name in `sagemaker.parameter` and its arguments, by hyperparameter."""
    ranges = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for kind, convert in (("Continuous", float), ("Integer", int)):
        for one in ranges[f"{kind}ParameterRanges"]:
            found[one["Name"]] = (
                f"{kind}Parameter",
                {
                    "min_value": convert(one["MinValue"]),
                    "max_value": convert(one["MaxValue"]),
                    "scaling_type": one["ScalingType"],
                },
            )
    for one in ranges["CategoricalParameterRanges"]:
        found[one["Name"]] = ("CategoricalParameter", {"values": one["Values"]})
    return found


def _config(settings: Settings, space: Space, fixed: Mapping[str, str]) -> Request:
    tune = settings.tune
    asked: Request = {
        "Strategy": tune.strategy,
        "HyperParameterTuningJobObjective": _objective(tune.objective),
        "ResourceLimits": _limits(settings, space),
        "ParameterRanges": spaces.parameter_ranges(space),
        "TrainingJobEarlyStoppingType": tune.early_stopping,
        "RandomSeed": tune.seed,
    }
    if tune.strategy == "Hyperband":
        # It stops trainings by itself and refuses to have that done a second time.
        asked["TrainingJobEarlyStoppingType"] = "Off"
        most = int(fixed[RESOURCE])
        resource = {"MinResource": 1, "MaxResource": most}
        asked["StrategyConfig"] = {"HyperbandStrategyConfig": resource}
    return asked


def _limits(settings: Settings, space: Space) -> Request:
    tune = settings.tune
    limits: Request = {"MaxParallelTrainingJobs": min(tune.parallel, tune.jobs)}
    if tune.strategy == "Grid":
        ranged = [name for name, dimension in space.items() if dimension.values is None]
        if ranged:
            raise SettingsError(
                f"The strategy Grid tries values only; give {', '.join(ranged)} `values` instead "
                "of bounds, or take another strategy."
            )
        limits["MaxNumberOfTrainingJobs"] = spaces.combinations(space)
    else:
        limits["MaxNumberOfTrainingJobs"] = tune.jobs
    if tune.max_run_minutes:
        limits["MaxRuntimeInSeconds"] = tune.max_run_minutes * _SECONDS_A_MINUTE
    return limits


def _without(space: Space, fixed: Collection[str]) -> Space:
    rest = {name: dimension for name, dimension in space.items() if name not in fixed}
    if not rest:
        raise SettingsError(
            f"Nothing is left to search: {', '.join(space)} have fixed values; leave one out."
        )
    return rest


def _objective(name: str) -> Request:
    goals = {metric.name: metric.goal for metric in metrics.METRICS if metric.goal}
    if name not in goals:
        raise SettingsError(
            f"tune.objective is {name!r}, which a search cannot aim at; choose {', '.join(goals)}."
        )
    return {"Type": goals[name], "MetricName": name}


def _resource_apart(space: Space, fixed: Mapping[str, str]) -> tuple[Space, Mapping[str, str]]:
    """Hyperband hands out epochs by itself: their upper bound is fixed, and not searched."""
    searched = space.get(RESOURCE)
    if searched is None:
        most = fixed.get(RESOURCE) or str(Hyperparameters.model_fields[RESOURCE].default)
    else:
        most = spaces.text(searched.max if searched.values is None else max(searched.values))
    rest = {name: dimension for name, dimension in space.items() if name != RESOURCE}
    if not rest:
        raise SettingsError("Hyperband hands out epochs by itself; search something else as well.")
    return rest, {**fixed, RESOURCE: most}


def _definition(place: Place, job: Request, name: str) -> Request:
    definition = {key: job[key] for key in _DEFINITION if key in job}
    if "EnableManagedSpotTraining" in definition:
        # SageMaker keeps the trainings of a search apart below this prefix.
        definition["CheckpointConfig"] = {"S3Uri": place.uri("checkpoints", name, "")}
    definition["HyperParameterTuningResourceConfig"] = job["ResourceConfig"]
    definition["StaticHyperParameters"] = job.get("HyperParameters", {})
    return training.without_empty(definition)


def _warm_start(settings: Settings) -> Request:
    tune = settings.tune
    if not tune.warm_start:
        return {}
    return {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": tune.warm_start}],
        "WarmStartType": tune.warm_start_type,
    }
