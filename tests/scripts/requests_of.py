"""What the tests of requests share: settings, a place, botocore's own check, the SDK's requests."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

from scripts import place, settings
from scripts.place import Place
from scripts.sections import Settings

AT = datetime(2026, 11, 21, 14, 5, 9, 123_000, tzinfo=UTC)
DATA = "s3://pictures/dogs"


def make_settings(**flags: Any) -> Settings:
    """The project's own file, with `train__spot=True` for `train.spot`."""
    return settings.load({key.replace("__", "."): value for key, value in flags.items()}, {})


def make_place(made: Settings | None = None) -> Place:
    return place.assumed(made or make_settings(), {})


def faults(operation: str, request: Mapping[str, Any], service: str = "sagemaker") -> list[str]:
    """What botocore's model of the service has against a request, patterns and enums included."""
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(dict(request), shape)
    found = [report.generate_report()] if report.has_errors() else []
    return found + list(_beyond(shape, request, operation))


def _beyond(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Patterns, enums and longest lengths, which ParamValidator leaves to the service."""
    if isinstance(shape, StructureShape):
        for name in value:
            yield from _beyond(shape.members[name], value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        yield from _too_many(shape, value, path)
        for number, member in enumerate(value):
            yield from _beyond(shape.member, member, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        yield from _too_many(shape, value, path)
        for key, member in value.items():
            yield from _beyond(shape.key, key, f"{path} key {key}")
            yield from _beyond(shape.value, member, f"{path}.{key}")
    elif isinstance(value, str):
        yield from _text(shape, value, path)


def _too_many(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{path} has {len(value)} members, more than {shape.metadata['max']}"


def _text(shape: Shape, value: str, path: str) -> Iterator[str]:
    pattern = _pattern(shape)
    if pattern and not pattern.fullmatch(value):
        yield f"{path} is {value!r}, not {pattern.pattern}"
    if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        yield f"{path} is {value!r}, none of {shape.metadata['enum']}"
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{path} has {len(value)} characters, more than {shape.metadata['max']}"


def _pattern(shape: Shape) -> re.Pattern[str] | None:
    """The pattern in Python's syntax; none where only Java's can say it."""
    pattern = shape.metadata.get("pattern", "")
    for java, ours in (("\\p{L}", "\\w"), ("\\p{Z}", "\\s"), ("\\p{N}", "\\d")):
        pattern = pattern.replace(java, ours)
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None
