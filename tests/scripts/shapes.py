"""Holds a request against AWS's own model of its operation, patterns and ranges included."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


def faults(operation: str, request: Mapping[str, Any], service: str = "sagemaker") -> list[str]:
    """What AWS would find wrong with the request, one line each; empty when it is right."""
    shape = _model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(dict(request), shape)
    found = [report.generate_report()] if report.has_errors() else []
    return found + list(_bounds(request, shape, operation))


@cache
def _model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def _bounds(value: Any, shape: Any, where: str) -> Iterator[str]:
    """What botocore leaves to the service: enums, patterns, largest values and lengths."""
    if shape.type_name == "structure":
        for name, part in value.items():
            if name in shape.members:
                yield from _bounds(part, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        yield from _size(len(value), shape, where)
        for part in value:
            yield from _bounds(part, shape.member, where)
    elif shape.type_name == "map":
        yield from _size(len(value), shape, where)
        for key, part in value.items():
            yield from _bounds(key, shape.key, f"{where}.{key}")
            yield from _bounds(part, shape.value, f"{where}.{key}")
    elif shape.type_name == "string":
        yield from _text(value, shape, where)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _size(value, shape, where)


def _text(value: str, shape: Any, where: str) -> Iterator[str]:
    yield from _size(len(value), shape, where)
    if shape.enum and value not in shape.enum:
        yield f"{where} is {value!r}, which is none of the enumeration"
    # AWS's patterns have classes of Java's syntax, which Python's `re` lacks.
    pattern = shape.metadata.get("pattern")
    if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, value):
        yield f"{where} is {value!r}, which does not match {pattern}"


def _size(value: float, shape: Any, where: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and value > most:
        yield f"{where} is {value}, above {most}"
