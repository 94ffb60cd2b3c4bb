"""What the model of the API cannot say of a tuning job: whether its parts fit together."""

from collections.abc import Mapping
from typing import Any

from local_test.cloud.errors import limit_exceeded, validation
from local_test.cloud.tuning import definitions, hyperband
from local_test.cloud.tuning.definitions import OBJECTIVE_PARAMETER, Definition
from local_test.cloud.tuning.ranges import Categorical, combinations

_MOST_HYPERPARAMETERS = 100
_MOST_JOBS = 750
_MOST_PARALLEL_JOBS = 100


def check(arguments: Mapping[str, Any]) -> tuple[Definition, ...]:
    """The definitions of a tuning job that can be run.

    Raises:
        ApiError: something is missing, contradicts something else, or is more than AWS allows.
    """
    config = arguments["HyperParameterTuningJobConfig"]
    found = definitions.read(arguments)
    for definition in found:
        definitions.resources(definition.document)
        _check_hyperparameters(definition)
    _check_strategy(config, found)
    _check_limits(config, found)
    return found


def jobs(config: Mapping[str, Any], found: tuple[Definition, ...]) -> int:
    """The greatest number of training jobs that the tuning job will start."""
    if config["Strategy"] == "Grid":
        return round(sum(combinations(definition.ranges) for definition in found))
    return int(config["ResourceLimits"].get("MaxNumberOfTrainingJobs", _MOST_JOBS))


def check_number(training_jobs: int) -> None:
    """Whether a tuning job may have so many training jobs, those of its parents included.

    Raises:
        ApiError: it may not.
    """
    _check_quota("The number of training jobs", training_jobs, _MOST_JOBS)


def epochs(config: Mapping[str, Any], definition: Definition) -> tuple[int, int]:
    """The least and the greatest resource of Hyperband.

    Raises:
        ApiError: they are not given and cannot be inferred, or are out of bounds.
    """
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    static = (definition.static.get(name, "") for name in hyperband.RESOURCE_NAMES)
    inferred = next((int(text) for text in static if text.strip('"').isdigit()), None)
    most = given.get("MaxResource", inferred)
    least = given.get("MinResource", 1)
    if most is None:
        raise validation(
            "MaxResource parameter is not provided and could not be inferred from provided "
            "static hyperparameters of TrainingJobDefinition."
        )
    if not least <= most <= hyperband.MOST_EPOCHS:
        raise validation(
            f"MaxResource is {most}; it must be from MinResource, {least}, "
            f"to {hyperband.MOST_EPOCHS}."
        )
    return int(least), int(most)


def _check_hyperparameters(definition: Definition) -> None:
    tunable = [one.name for one in definition.ranges]
    if not tunable:
        raise validation("Provide a range for at least one hyperparameter to search.")
    static = definition.static.keys() - {OBJECTIVE_PARAMETER}
    if both := static & set(tunable):
        raise validation(
            f"The hyperparameter {min(both)} has both a range and a static value. "
            "Remove one of them."
        )
    if len(tunable) + len(static) + 1 > _MOST_HYPERPARAMETERS:
        raise limit_exceeded(
            f"The number of hyperparameters is limited to {_MOST_HYPERPARAMETERS}, static, "
            f"tunable and {OBJECTIVE_PARAMETER} together."
        )


def _check_strategy(config: Mapping[str, Any], found: tuple[Definition, ...]) -> None:
    strategy = config["Strategy"]
    every = [one for definition in found for one in definition.ranges]
    if strategy == "Grid" and not all(isinstance(one, Categorical) for one in every):
        raise validation(
            "Only categorical parameters are supported when using the Grid strategy. "
            "Give the values to try as CategoricalParameterRanges."
        )
    if strategy != "Hyperband":
        if config.get("StrategyConfig"):
            raise validation("StrategyConfig is supported only with the Hyperband strategy.")
        return
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise validation("TrainingJobEarlyStoppingType must be Off to use the Hyperband strategy.")
    for definition in found:
        epochs(config, definition)


def _check_limits(config: Mapping[str, Any], found: tuple[Definition, ...]) -> None:
    limits = config["ResourceLimits"]
    wanted = limits.get("MaxNumberOfTrainingJobs")
    available = sum(combinations(definition.ranges) for definition in found)
    if config["Strategy"] == "Grid" and wanted not in {None, available}:
        raise validation(
            f"MaxNumberOfTrainingJobs is {wanted}; with the Grid strategy it must be equal to "
            f"the total number of distinct categorical combinations, {available:.0f}, or be left "
            "out."
        )
    if wanted is not None and available < wanted:
        raise validation(
            "You don't have enough combinations of hyperparameter ranges. The total number of "
            f"hyperparameter combinations for the provided ranges [{float(available)}] must be "
            f"equal or greater than the value of MaxNumberOfJobs, [{wanted}]. "
            "Provide additional ranges."
        )
    if wanted is None and not _ends(config):
        raise validation(
            "Provide MaxNumberOfTrainingJobs, MaxRuntimeInSeconds or TuningJobCompletionCriteria, "
            "so that the tuning job comes to an end."
        )
    check_number(jobs(config, found))
    _check_quota("MaxParallelTrainingJobs", limits["MaxParallelTrainingJobs"], _MOST_PARALLEL_JOBS)


def _ends(config: Mapping[str, Any]) -> bool:
    """Whether a tuning job without a number of training jobs comes to an end."""
    timed = "MaxRuntimeInSeconds" in config["ResourceLimits"]
    return bool(timed or config["Strategy"] == "Grid" or config.get("TuningJobCompletionCriteria"))


def _check_quota(field: str, value: int, most: int) -> None:
    if value > most:
        raise limit_exceeded(
            f"{field} is {value}, and the limit of one tuning job is {most}. Give less."
        )
