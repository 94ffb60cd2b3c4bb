"""`Content-Type` and `Accept`: which type a body is of, and which of ours the caller wants."""

from collections.abc import Iterator, Sequence

from imageclf.config import shortened
from imageclf.errors import NotAcceptableError

_SPECIFIC, _FAMILY, _ANY = 2, 1, 0

_ALIASES = {
    "application/jsonl": "application/jsonlines",
    "application/x-jsonlines": "application/jsonlines",
    "text/json": "application/json",
}


def media_type(content_type: str) -> str:
    """The type without its parameters: `Application/JSON; charset=utf-8` is application/json."""
    name = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(name, name)


def negotiated(accept: str, offered: Sequence[str]) -> str:
    """The one of `offered` that `Accept` prefers; without a wish, the first.

    The most specific range decides about a type, as in RFC 9110; of types wanted alike, the one
    that was named more specifically wins, then the one offered first.

    Raises:
        NotAcceptableError: none of them is wanted.
    """
    if not accept.strip():
        return offered[0]
    ranges = list(_ranges(accept))
    # `max` gives the first of equals, hence the order of the offer.
    best = max(offered, key=lambda name: _wish(name, ranges))
    if _wish(best, ranges)[0] <= 0:
        raise NotAcceptableError(
            "not-acceptable",
            f"Accept is {shortened(accept)}, but there is only {', '.join(offered)}.",
        )
    return best


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = part.split(";")
        if name.strip():
            yield media_type(name), _quality(parameters)


def _quality(parameters: Sequence[str]) -> float:
    """The weight among `parameters`, 1 without one; one that is no number counts as 0."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0


def _wish(name: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """(quality, how specific) of the range that decides about `name`."""
    family = name.partition("/")[0] + "/*"
    ranks = {name: _SPECIFIC, family: _FAMILY, "*/*": _ANY, "*": _ANY}
    found = [(ranks[wanted], quality) for wanted, quality in ranges if wanted in ranks]
    if not found:
        return 0.0, _ANY
    specific, quality = max(found)
    return quality, specific
