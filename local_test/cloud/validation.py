"""What a client sends, held against AWS's model of it, with AWS's words for what is wrong.

Judged here: types, required members, enums, lengths, ranges and patterns. What no model knows
(whether a thing exists, whether two fields go together) is the handlers' to judge. Members that
the model does not know are dropped, as AWS drops them.
"""

import json
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from local_test.cloud.errors import ApiError, validation
from local_test.cloud.patterns import matches_all

Document = dict[str, Any]

_MOST_SHOWN = 1_000
_NUMBERS = {"integer", "long", "float", "double", "timestamp"}
_NAMES = {
    bool: "TRUE_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    str: "STRING_VALUE",
}
_JAVA = {
    "string": "String",
    "boolean": "Boolean",
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "timestamp": "Timestamp",
}


def checked(operation: OperationModel, arguments: object) -> Document:
    """The `arguments` of a request, only what the model knows of them.

    Raises:
        ApiError: something is missing, is of another type, or breaks a constraint.
    """
    if not isinstance(arguments, dict):
        raise _unreadable("Start of structure or map was expected.")
    shape = operation.input_shape
    if shape is None:
        return {}
    reader = _Reader()
    known: Document = reader.structure(arguments, shape, "")
    if reader.broken:
        raise validation(_told(reader.broken))
    return known


def _told(broken: list[str]) -> str:
    errors = "1 validation error" if len(broken) == 1 else f"{len(broken)} validation errors"
    return f"{errors} detected: {'; '.join(broken)}"


class _Reader:
    """Reads one request and gathers the constraints that it breaks."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def value(self, value: Any, shape: Shape, path: str) -> Any:
        """`value` as the handlers get it."""
        if isinstance(shape, StructureShape):
            return self.structure(value, shape, path)
        if isinstance(shape, ListShape):
            return self._list(value, shape, path)
        if isinstance(shape, MapShape):
            return self._map(value, shape, path)
        value = _scalar(value, shape)
        for constraint in _broken(value, shape):
            self._break(value, path, constraint)
        return value

    def structure(self, value: Any, shape: StructureShape, path: str) -> Document:
        _expect(value, dict)
        known: Document = {}
        for name, member in shape.members.items():
            inner = _join(path, name[:1].lower() + name[1:])
            if value.get(name) is not None:
                known[name] = self.value(value[name], member, inner)
            elif name in shape.required_members:
                self.broken.append(
                    f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"
                )
        return known

    def _list(self, value: Any, shape: ListShape, path: str) -> list[Any]:
        _expect(value, list)
        self._size(value, shape, path)
        if _is_scalar(shape.member):
            return self._all(value, shape.member, value, path, "Member must satisfy constraint")
        return [
            self.value(one, shape.member, f"{path}.{number}.member")
            for number, one in enumerate(value, start=1)
        ]

    def _map(self, value: Any, shape: MapShape, path: str) -> Document:
        _expect(value, dict)
        self._size(value, shape, path)
        self._all(list(value), shape.key, value, path, "Map keys must satisfy constraint")
        if not _is_scalar(shape.value):
            return {
                key: self.value(one, shape.value, f"{path}.{key}.member")
                for key, one in value.items()
            }
        words = "Map value must satisfy constraint"
        values = self._all(list(value.values()), shape.value, value, path, words)
        return dict(zip(value, values, strict=True))

    def _size(self, value: Any, shape: Shape, path: str) -> None:
        for constraint in _bounds(len(value), "length", shape):
            self._break(value, path, constraint)

    def _all(
        self, members: list[Any], shape: Shape, container: Any, path: str, words: str
    ) -> list[Any]:
        """Scalar members of a list or map, which AWS faults as a whole."""
        read = [_scalar(one, shape) for one in members]
        if any(_broken(one, shape) for one in read):
            self._break(container, path, f"{words}: [{', '.join(_constraints(shape))}]")
        return read

    def _break(self, value: Any, path: str, constraint: str) -> None:
        shown = value if isinstance(value, str) else json.dumps(value)
        self.broken.append(
            f"Value '{shown[:_MOST_SHOWN]}' at '{path}' failed to satisfy constraint: {constraint}"
        )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_scalar(shape: Shape) -> bool:
    return not isinstance(shape, StructureShape | ListShape | MapShape)


def _unreadable(message: str) -> ApiError:
    return ApiError("SerializationException", message)


def _expect(value: Any, kind: type) -> None:
    if isinstance(value, kind):
        return
    found = _NAMES.get(type(value))
    if found is None:
        raise _unreadable(
            "Start of list found where not expected"
            if kind is dict
            else "Start of structure or map found where not expected."
        )
    raise _unreadable("Unexpected field type")


def _scalar(value: Any, shape: Shape) -> Any:
    """`value` when it is of the type that `shape` asks for; whole numbers may be written 1.0."""
    kind = shape.type_name
    if kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        if kind not in {"integer", "long"}:
            return value
        if float(value).is_integer():
            return int(value)
    elif isinstance(value, bool if kind == "boolean" else str) and kind not in _NUMBERS:
        return value
    if isinstance(value, dict):
        raise _unreadable("Start of structure or map found where not expected.")
    if isinstance(value, list):
        raise _unreadable("Start of list found where not expected")
    found = "NULL_VALUE" if value is None else _NAMES[type(value)]
    raise _unreadable(f"{found} can not be converted to a {_JAVA.get(kind, kind)}")


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, allowed: value in allowed,
    "pattern": lambda value, pattern: matches_all(pattern, value),
}


def _broken(value: Any, shape: Shape) -> list[str]:
    """The constraints of a scalar's shape that `value` does not satisfy."""
    limits = shape.metadata
    if shape.type_name in _NUMBERS:
        return _bounds(value, "value", shape)
    broken = _bounds(len(value), "length", shape) if isinstance(value, str) else []
    for name, holds in _CHECKS.items():
        if limits.get(name) and not holds(value, limits[name]):
            broken.append(_worded(name, limits[name]))
    return broken


def _bounds(size: float, measure: str, shape: Shape) -> list[str]:
    limits = shape.metadata
    broken = []
    if size > limits.get("max", size):
        broken.append(_worded(f"max {measure}", limits["max"]))
    if size < limits.get("min", size):
        broken.append(_worded(f"min {measure}", limits["min"]))
    return broken


def _constraints(shape: Shape) -> list[str]:
    """All constraints of a scalar's shape, in AWS's words and order."""
    limits = shape.metadata
    measure = "value" if shape.type_name in _NUMBERS else "length"
    names = {"max": f"max {measure}", "min": f"min {measure}", "pattern": "pattern", "enum": "enum"}
    return [_worded(words, limits[name]) for name, words in names.items() if name in limits]


def _worded(name: str, limit: Any) -> str:
    words = {
        "max length": "Member must have length less than or equal to ",
        "min length": "Member must have length greater than or equal to ",
        "max value": "Member must have value less than or equal to ",
        "min value": "Member must have value greater than or equal to ",
        "pattern": "Member must satisfy regular expression pattern: ",
        "enum": "Member must satisfy enum value set: ",
    }
    shown = f"[{', '.join(limit)}]" if isinstance(limit, list) else limit
    return f"{words[name]}{shown}"
