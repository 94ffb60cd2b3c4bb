"""Sends deployments and batch transforms with the SDK's Model, MultiDataModel and Transformer."""

from collections.abc import Mapping
from typing import Any

from scripts.aws import Aws
from scripts.requests import hosting, transforming
from scripts.requests.hosting import Deployment
from scripts.requests.transforming import Batch


def add_models(aws: Aws, wanted: Deployment, archives: Mapping[str, str]) -> None:
    """Copy archives in S3 into the folder of a multi-model endpoint, by their names there."""
    model = _model(aws, wanted)
    for name, address in archives.items():
        model.add_model(address, name)


def make(aws: Aws, wanted: Deployment) -> None:
    """`deploy`, without waiting."""
    _model(aws, wanted).deploy(**hosting.deploy_arguments(wanted), **_configs(aws, wanted))


def update(aws: Aws, wanted: Deployment) -> None:
    """A new model and configuration behind an endpoint that is there, without waiting.

    The SDK's own ways to update keep parts of the old configuration, so only the model is its.
    """
    _model(aws, wanted).create(tags=hosting.tag_list(wanted.tags))
    client = aws.client("sagemaker")
    client.create_endpoint_config(**hosting.create_endpoint_config(wanted))
    client.update_endpoint(**hosting.update_endpoint(wanted))


def start_transform(aws: Aws, wanted: Batch) -> None:
    """`Transformer.transform` on a model made for it, without waiting."""
    session = aws.sdk
    from sagemaker.model import Model  # noqa: PLC0415  (the session has silenced it first)
    from sagemaker.transformer import Transformer  # noqa: PLC0415

    model = Model(**transforming.model_arguments(wanted), sagemaker_session=session)
    model.create(tags=hosting.tag_list(wanted.tags))
    transformer = Transformer(
        **transforming.transformer_arguments(wanted), sagemaker_session=session
    )
    transformer.transform(**transforming.transform_arguments(wanted))


def _model(aws: Aws, wanted: Deployment) -> Any:
    session = aws.sdk
    from sagemaker.model import Model  # noqa: PLC0415
    from sagemaker.multidatamodel import MultiDataModel  # noqa: PLC0415

    kind = MultiDataModel if wanted.kind == "multi-model" else Model
    return kind(**hosting.model_arguments(wanted), sagemaker_session=session)


def _configs(aws: Aws, wanted: Deployment) -> dict[str, Any]:
    """The parts of a deployment that the SDK has classes for."""
    from sagemaker.async_inference.async_inference_config import (  # noqa: PLC0415
        AsyncInferenceConfig,
    )
    from sagemaker.model_monitor.data_capture_config import DataCaptureConfig  # noqa: PLC0415
    from sagemaker.serverless.serverless_inference_config import (  # noqa: PLC0415
        ServerlessInferenceConfig,
    )

    found: dict[str, Any] = {}
    if wanted.capture_to:
        found["data_capture_config"] = DataCaptureConfig(
            True, wanted.capture_percent, wanted.capture_to, sagemaker_session=aws.sdk
        )
    if wanted.kind == "serverless":
        found["serverless_inference_config"] = ServerlessInferenceConfig(
            wanted.memory_mb, wanted.max_concurrency
        )
    if wanted.kind == "async":
        output = hosting.asynchronous(wanted)["OutputConfig"]
        found["async_inference_config"] = AsyncInferenceConfig(
            output["S3OutputPath"], failure_path=output["S3FailurePath"]
        )
    return found
