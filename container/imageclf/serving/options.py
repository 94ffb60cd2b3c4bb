"""What a caller may choose for one request: how many classes, and from which probability on."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imageclf.config import shortened
from imageclf.errors import RequestError
from imageclf.serving.codecs.json_body import parsed


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


class Options(BaseModel):
    """The options of one picture."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    top_k: Annotated[int, BeforeValidator(_no_truth_value)] = Field(ge=1, le=1000)
    threshold: Annotated[float, BeforeValidator(_no_truth_value)] = Field(0.0, ge=0, le=1)


def read_options(given: Mapping[str, object], top_k: int) -> Options:
    """The options `given`, by name, as numbers or text; `top_k` where it is not among them.

    A hyphen may stand for the underscore of a name, and null counts as not given.

    Raises:
        RequestError: ``bad-option``, one sentence for each unknown name and exceeded bound.
    """
    values: dict[str, object] = {"top_k": top_k}
    values |= {_known(name): value for name, value in given.items() if value is not None}
    faults = [_unknown(name) for name in values if name not in Options.model_fields]
    try:
        options = Options.model_validate(
            {name: value for name, value in values.items() if name in Options.model_fields}
        )
    except ValidationError as error:
        faults += [_fault(detail) for detail in error.errors()]
    if faults:
        raise RequestError("bad-option", " ".join(faults))
    return options


def read_attributes(text: str) -> dict[str, object]:
    """The options in `X-Amzn-SageMaker-Custom-Attributes`.

    Written `top_k=3,threshold=0.2` (or with semicolons), or as a JSON object. Text without `=` that
    is no object, such as an identifier, is the caller's own affair and holds no options.

    Raises:
        RequestError: ``bad-option``, when it is neither the one nor the other.
    """
    text = text.strip()
    if text.startswith("{"):
        return _from_json(text)
    if "=" not in text:
        return {}
    return dict(_pair(part) for part in re.split("[,;]", text) if part.strip())


def _from_json(text: str) -> dict[str, object]:
    try:
        content = parsed(text)
    except RequestError as error:
        raise RequestError(
            "bad-option", f"The custom attributes {shortened(text)} are not JSON."
        ) from error
    return dict(content)


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise RequestError(
            "bad-option",
            f"The custom attribute {shortened(part.strip())} has no value; "
            "write top_k=3,threshold=0.2.",
        )
    return name.strip(), value.strip().strip('"')


def _known(name: str) -> str:
    """`name` as the field is called, where it is meant."""
    field = name.strip().lower().replace("-", "_")
    return field if field in Options.model_fields else name


def _unknown(name: str) -> str:
    known = tuple(Options.model_fields)
    near = difflib.get_close_matches(name[:64], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {' and '.join(known)}."
    return f"Option {shortened(name)} is not known; {hint}"


def _fault(detail: Any) -> str:
    reason = detail["msg"][0].lower() + detail["msg"][1:]
    return f"Option {detail['loc'][0]} is {shortened(detail['input'])}: {reason}."
