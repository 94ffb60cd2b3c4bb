"""JSON bodies: one picture, a list of them, or one a line.

    {"image": "<base64>", "top_k": 3, "threshold": 0.1}
    {"images": ["<base64>", ...]}
    {"instances": [{"image": "<base64>"} or {"b64": "<base64>"}, ...]}

What stands beside the pictures is left to `imageclf.serving.options`.
"""

import json
from typing import Any, NoReturn

from imageclf.config import shortened
from imageclf.errors import RequestError, TooLargeError
from imageclf.serving.codecs.base64_text import picture_bytes
from imageclf.serving.codecs.question import Asked, Question, placed

_ONE = ("image", "b64")
_SEVERAL = ("images", "instances")
_EXAMPLE = '{"image": "<base64>"}'
_VALUES_BESIDE_PICTURES = 256
_VALUES_OF_A_PICTURE = 16


def read_json(body: bytes, max_images: int) -> Question:
    """The question in a JSON object.

    Raises:
        RequestError: ``bad-json``, ``bad-base64``, ``url-refused``, ``empty``.
        TooLargeError: ``too-many-images``.
    """
    content = _object(body, max_images)
    name = _name_of_pictures(content)
    options = {key: value for key, value in content.items() if key != name}
    if name in _ONE:
        return Question((Asked(_picture(content[name]), options),), "one")
    items = content[name]
    if not isinstance(items, list):
        raise _bad(f'"{name}" is {_kind(items)}, not a list of pictures.')
    if not items:
        raise RequestError("empty", f'"{name}" is an empty list; send at least one picture.')
    check_count(len(items), max_images)
    return Question(
        tuple(Asked(_picture_in_list(item, place), options) for place, item in enumerate(items, 1)),
        "several",
    )


def read_lines(body: bytes, max_images: int) -> Question:
    """The question in JSON lines: an object with one picture on each.

    A line that cannot be read keeps its place, held by its fault, so that the lines of a batch
    transform's output are those of its input. Empty lines at the end are none.

    Raises:
        TooLargeError: ``too-many-images``.
    """
    body = body.rstrip()
    check_count(body.count(b"\n") + 1, max_images)
    return Question(tuple(_line(line) for line in body.split(b"\n")), "lines")


def check_count(images: int, max_images: int) -> None:
    """Refuse more than `max_images` pictures in one request.

    Raises:
        TooLargeError: ``too-many-images``.
    """
    if images > max_images:
        raise TooLargeError(
            "too-many-images",
            f"The request holds {images} pictures, more than {max_images}; "
            "send fewer at once or raise IMAGECLF_MAX_IMAGES.",
        )


def parsed(text: bytes | str) -> Any:
    """The value that JSON stands for; NaN and infinities are not JSON.

    Raises:
        RequestError: ``bad-json``.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise _bad("it is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise _bad(f"{error.msg.lower()} at line {error.lineno}, column {error.colno}.") from error
    except ValueError as error:  # bytes that are no text, numbers of thousands of digits
        raise _bad("it holds bytes or numbers that cannot be read.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise _bad(f"{name} is not a number in JSON.")


def _line(line: bytes) -> Asked | RequestError:
    try:
        content = _object(line, max_images=1)
        name = _name_of_pictures(content)
        if name not in _ONE:
            raise _bad(f"a line holds one picture; send {_EXAMPLE}.")
        options = {key: value for key, value in content.items() if key != name}
        return Asked(_picture(content[name]), options)
    except RequestError as error:
        return error


def _object(body: bytes, max_images: int) -> dict[str, Any]:
    # Before parsing, since millions of empty lists take far more memory than the body.
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if values > _VALUES_BESIDE_PICTURES + _VALUES_OF_A_PICTURE * max_images:
        raise TooLargeError(
            "too-many-values",
            f"The JSON holds {values} values, more than {max_images} pictures need; "
            "send fewer at once.",
        )
    content = parsed(body)
    if not isinstance(content, dict):
        raise _bad(f"it is {_kind(content)}; send an object such as {_EXAMPLE}.")
    return content


def _name_of_pictures(content: dict[str, Any]) -> str:
    names = [name for name in (*_ONE, *_SEVERAL) if name in content]
    if not names:
        raise _bad(f"it names no picture; send an object such as {_EXAMPLE}.")
    if len(names) > 1:
        raise _bad(f"it has both {names[0]} and {names[1]}; send one of them.")
    return names[0]


def _picture_in_list(item: Any, place: int) -> bytes:
    try:
        return _picture(item)
    except RequestError as error:
        raise placed(error, f"Picture {place}") from error


def _picture(value: Any) -> bytes:
    if isinstance(value, dict):
        name = _name_of_pictures(value)
        if len(value) > 1 or name in _SEVERAL:
            raise _bad(f"a picture is {shortened(list(value))}; options stand beside the list.")
        value = value[name]
    if not isinstance(value, str):
        raise _bad(f"a picture is {_kind(value)}; send its bytes as a text of base64.")
    return picture_bytes(value)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _bad(detail: str) -> RequestError:
    return RequestError("bad-json", f"The JSON cannot be used: {detail}")
