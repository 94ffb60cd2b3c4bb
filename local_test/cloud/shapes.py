"""AWS's own model of the SageMaker API, as botocore ships it: the shapes of inputs and outputs."""

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

COMMON_ERRORS = frozenset(
    {
        "AccessDeniedException",
        "InternalFailure",
        "SerializationException",
        "ThrottlingException",
        "UnknownOperationException",
        "ValidationException",
    }
)
"""Codes that any operation may answer with, whatever its model lists."""


@cache
def service() -> ServiceModel:
    """The model; about 30 MB smaller for being without its documentation."""
    document = Loader().load_service_model("sagemaker", "service-2")
    return ServiceModel(_without_documentation(document), "sagemaker")


@cache
def find_operation(name: str) -> OperationModel | None:
    """The model of an operation of SageMaker, None when it has none of that name."""
    model = service()
    return model.operation_model(name) if name in model.operation_names else None


def error_codes(operation: OperationModel) -> frozenset[str]:
    """What this operation's errors may be called."""
    return COMMON_ERRORS | {shape.name for shape in operation.error_shapes}


def _without_documentation(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _without_documentation(value)
            for key, value in part.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    if isinstance(part, list):
        return [_without_documentation(value) for value in part]
    return part
