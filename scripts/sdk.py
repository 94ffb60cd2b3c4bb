"""Sends requests with SDK v2's objects, made from the plain arguments of `scripts.requests`."""

from typing import Any

from scripts.aws import Aws
from scripts.requests import training, tuning
from scripts.requests.training import Request


def start_training(aws: Aws, request: Request) -> None:
    """`Estimator.fit`, without waiting."""
    session = aws.sdk
    estimator = _estimator(request, session)
    estimator.fit(_inputs(request), wait=False, job_name=request["TrainingJobName"])


def start_tuning(aws: Aws, request: Request) -> None:
    """`HyperparameterTuner.fit`, without waiting."""
    session = aws.sdk
    import sagemaker.parameter  # noqa: PLC0415  (the session has silenced it first)
    from sagemaker.tuner import HyperparameterTuner  # noqa: PLC0415

    job = tuning.training_job(request)
    tuner = HyperparameterTuner(
        estimator=_estimator(job, session),
        hyperparameter_ranges={
            name: getattr(sagemaker.parameter, kind)(**arguments)
            for name, (kind, arguments) in tuning.parameter_arguments(request).items()
        },
        strategy_config=_strategy(request),
        warm_start_config=_warm_start(request),
        **tuning.tuner_arguments(request),
    )
    tuner.fit(_inputs(job), wait=False, job_name=request["HyperParameterTuningJobName"])


def _estimator(request: Request, session: Any) -> Any:
    from sagemaker.estimator import Estimator  # noqa: PLC0415

    return Estimator(**training.estimator_arguments(request), sagemaker_session=session)


def _inputs(request: Request) -> dict[str, Any]:
    from sagemaker.inputs import TrainingInput  # noqa: PLC0415

    inputs = training.fit_inputs(request).items()
    return {channel: TrainingInput(**arguments) for channel, arguments in inputs}


def _strategy(request: Request) -> Any:
    from sagemaker.tuner import HyperbandStrategyConfig, StrategyConfig  # noqa: PLC0415

    asked = request["HyperParameterTuningJobConfig"].get("StrategyConfig")
    if asked is None:
        return None
    resource = asked["HyperbandStrategyConfig"]
    return StrategyConfig(HyperbandStrategyConfig(resource["MaxResource"], resource["MinResource"]))


def _warm_start(request: Request) -> Any:
    from sagemaker.tuner import WarmStartConfig, WarmStartTypes  # noqa: PLC0415

    asked = request.get("WarmStartConfig")
    if asked is None:
        return None
    parents = {
        parent["HyperParameterTuningJobName"] for parent in asked["ParentHyperParameterTuningJobs"]
    }
    return WarmStartConfig(WarmStartTypes(asked["WarmStartType"]), parents)
