"""What a launcher is asked to do: flags, before the environment, before one TOML file.

Every value is checked together with all others; a fault names the field, the value and where it
came from. Environment variables are `IMAGECLF_LAUNCH_` and the field's path in capitals:
`IMAGECLF_LAUNCH_TRAIN_INSTANCE_TYPE` is `instance_type` of `[train]`.
"""

import difflib
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from imageclf.errors import SettingsError
from scripts.sections import Settings

PREFIX = "IMAGECLF_LAUNCH_"
FILE_VARIABLE = f"{PREFIX}SETTINGS"
DEFAULT_FILE = Path(__file__).parent / "settings.toml"

_PAIRS = ("tags", "environment", "hyperparameters", "prices", "deploy.environment")
"""Fields of names and values, which the environment gives as `name=value name=value`."""

Origins = Mapping[str, str]
"""Where the value of each path came from."""


def load(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """The settings that hold for one call.

    Args:
        flags: values by path (`train.spot`), None where a flag was not given.
        environment: of the process.
        file: instead of the one that IMAGECLF_LAUNCH_SETTINGS names, or the project's own.

    Raises:
        SettingsError: one sentence for each fault.
    """
    path = file or Path(environment.get(FILE_VARIABLE) or DEFAULT_FILE)
    values = _read(path)
    origins = dict.fromkeys(_paths(values), str(path))
    for name, text in _of_environment(environment):
        value = pairs(text, PREFIX + name.replace(".", "_").upper()) if name in _PAIRS else text
        _put(values, origins, name, value, PREFIX + name.replace(".", "_").upper())
    for name, value in flags.items():
        if value is not None:
            flag = "--" + name.rpartition(".")[2].replace("_", "-")
            _put(values, origins, name, value, flag)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = [_fault(detail, origins, path) for detail in error.errors()]
        raise SettingsError(" ".join(faults)) from error


def pairs(text: str, told: str) -> dict[str, str]:
    """`epochs=3 lr=0.001` as names and values; `told` names the source in a message.

    Raises:
        SettingsError: a part is not name=value.
    """
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"{told} is {text!r}: {error}; close the quotation mark.") from error
    return pairs_of(parts, told)


def pairs_of(parts: Sequence[str], told: str) -> dict[str, str]:
    """As `pairs`, of parts that are apart already."""
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not (name and equals):
            raise SettingsError(f"{told} has {part!r}, which is not name=value.")
        if name in found:
            raise SettingsError(f"{told} gives {name} twice; keep one of them.")
        found[name] = value
    return found


def leaves(model: type[BaseModel] = Settings, before: str = "") -> Iterator[str]:
    """The paths of all fields that the environment may set."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{before}{name}.")
        elif name != "spaces":
            yield before + name


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"The settings in {path} cannot be read ({error.strerror}); name a readable file with "
            "--settings."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML ({error}); correct the file.") from error


def _paths(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield before + name
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{name}.")


def _of_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Path and text of each variable of ours; empty ones are as good as none."""
    known = {PREFIX + path.replace(".", "_").upper(): path for path in leaves()}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE or not text:
            continue
        if variable not in known:
            raise SettingsError(f"{variable} is not a setting; {_near(variable, list(known))}")
        yield known[variable], text


def _put(
    values: dict[str, Any], origins: dict[str, str], path: str, value: Any, origin: str
) -> None:
    *folders, name = path.split(".")
    place = values
    for folder in folders:
        place = place.setdefault(folder, {})
        if not isinstance(place, dict):
            raise SettingsError(
                f"{folder} is {place!r} in the settings; it is a table: [{folder}]."
            )
    if isinstance(value, Mapping) and isinstance(place.get(name), dict):
        place[name] = {**place[name], **value}
        origins.update({f"{path}.{key}": origin for key in value})
    else:
        place[name] = value
        origins[path] = origin


def _fault(detail: Any, origins: Origins, file: Path) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    origin = next((origins[p] for p in _upwards(path) if p in origins), str(file))
    if detail["type"] == "extra_forbidden":
        table, _, name = path.rpartition(".")
        return f"{origin}: {path} is not a setting; {_near(name, _names_in(table))}"
    if detail["type"] == "value_error":
        return f"{origin}: {path or 'settings'}: {detail['ctx']['error']}."
    reason = detail["msg"][0].lower() + detail["msg"][1:]
    return f"{origin}: {path} is {detail['input']!r}: {reason}."


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _names_in(table: str) -> list[str]:
    model: type[BaseModel] = Settings
    for part in filter(None, table.split(".")):
        field = model.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return ["min", "max", "scale", "values"]
        model = kind
    return list(model.model_fields)


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
