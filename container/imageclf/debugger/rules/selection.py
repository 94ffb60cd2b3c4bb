"""Which tensors a rule looks at: collections and patterns, as a client of SageMaker writes them.

Both are lists written with commas; a tensor that is in one of the collections, or whose name one of
the patterns finds, is looked at. Commas inside brackets and braces belong to the pattern.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.rules.parameters import Maybe

EVERYTHING = "all"
"""smdebug's collection of all tensors: what a pattern of one's own may find."""

_COMMA = re.compile(r",(?![^\[\]{}()]*[\]})])")

_KNOWN = (names.GRADIENTS, names.WEIGHTS, names.BIASES, names.LOSSES)


def _joined(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def _usable(text: str | None) -> str | None:
    for pattern in split(text):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression ({error})") from error
    return text


Names = Annotated[str | None, Maybe, BeforeValidator(_joined)]
"""Parameter: collections, separated by commas, or None."""

Patterns = Annotated[str | None, AfterValidator(_usable), Maybe, BeforeValidator(_joined)]
"""Parameter: regular expressions, separated by commas, or None."""


def split(text: str | None) -> tuple[str, ...]:
    """The parts of a list that is written with commas."""
    return tuple(part.strip() for part in _COMMA.split(text or "") if part.strip())


@dataclass(frozen=True)
class Selection:
    """The union of some collections and of the tensors whose names match some patterns."""

    collections: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, collections: str | None, patterns: str | None) -> Self:
        """From parameters as they are written."""
        return cls(split(collections), split(patterns))

    def __bool__(self) -> bool:
        return bool(self.collections or self.patterns)

    def tensors(self, step: SavedStep) -> Iterator[Saved]:
        """Those of `step` that are selected; none when nothing is."""
        wanted = frozenset(self.collections)
        for tensor in step.tensors:
            if tensor.collections & wanted or any(re.search(p, tensor.name) for p in self.patterns):
                yield tensor

    def needs(self, *statistics: str) -> Needs:
        """`statistics` of each collection, and of what the patterns may find."""
        patterns = {_collection_of(pattern) for pattern in self.patterns}
        return {name: frozenset(statistics) for name in {*self.collections, *patterns}}


def _collection_of(pattern: str) -> str:
    """The collection that holds what `pattern` finds, as far as its name tells."""
    plain = pattern.removeprefix("^").removeprefix(".*").removesuffix(".*").strip("/")
    return next((name for name in _KNOWN if plain in {name, name.removesuffix("s")}), EVERYTHING)
