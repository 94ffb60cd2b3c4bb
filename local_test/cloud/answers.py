"""What goes back to a client: documents of handlers, held against AWS's model of outputs."""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

Document = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def public(operation: OperationModel, document: Document) -> Document:
    """What of `document` goes out.

    Private fields (`_...`) of structures and what is None stay here, and at the top level all that
    the model of the output does not have. Keys of maps are the user's own and stay as they are.
    """
    shape = operation.output_shape
    if shape is None:
        return {}
    known = {name: value for name, value in document.items() if name in shape.members}
    members: Document = _public(known, shape)
    return members


def _public(value: Any, shape: Shape | None) -> Any:
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _public(inner, shape.value) for key, inner in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_public(inner, shape.member) for inner in value]
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            name: _public(inner, shape.members.get(name))
            for name, inner in value.items()
            if inner is not None and not name.startswith("_")
        }
    return value


def faults(operation: OperationModel, document: Document) -> list[str]:
    """Where `document` is not what the model of the output says; none when it is.

    Judged are members that are required or unknown, types, and the values of enums.
    """
    shape = operation.output_shape
    if shape is None:
        return [f"{operation.name} answers with nothing."] if document else []
    return list(_faults(document, shape, operation.name))


def _faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _structure_faults(value, shape, path)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{path} is {value!r}, not a list."
            return
        for number, inner in enumerate(value):
            yield from _faults(inner, shape.member, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            yield f"{path} is {value!r}, not a map."
            return
        for key, inner in value.items():
            yield from _faults(inner, shape.value, f"{path}[{key!r}]")
    else:
        yield from _scalar_faults(value, shape, path)


def _structure_faults(value: Any, shape: StructureShape, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is {value!r}, not a structure."
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is missing."
    for name, inner in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is no member of {shape.name}."
        else:
            yield from _faults(inner, shape.members[name], f"{path}.{name}")


def _scalar_faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    types = _TYPES.get(shape.type_name, (object,))
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield f"{path} is {value!r}, not of the type {shape.type_name}."
        return
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{path} is {value!r}, none of {', '.join(allowed)}."
