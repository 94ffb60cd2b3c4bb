"""What a request asks, whatever the type of its body was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imageclf.errors import RequestError

Shape = Literal["one", "several", "lines"]
"""Of the answer: of one picture, of a list of them, or of lines that stand for themselves."""


@dataclass(frozen=True)
class Asked:
    """One encoded picture, and the options that stood beside it, not yet checked."""

    picture: bytes
    options: Mapping[str, object]


@dataclass(frozen=True)
class Question:
    """The pictures of one request in order; of `lines`, a broken one is held by its fault."""

    asked: tuple[Asked | RequestError, ...]
    shape: Shape


def placed(error: RequestError, place: str) -> RequestError:
    """`error` with the place in the body before its sentence."""
    return type(error)(error.reason, f"{place}: {error}")
