"""The patterns of AWS's models, which are written for Java, as patterns of Python's `re`."""

import re
import sys
import unicodedata
from functools import cache

_CLASS = re.compile(r"\\p\{(\w+)\}")
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
_BEYOND_BMP = "\\U00010000-\\U0010ffff"
_LAST_OF_ASCII = 0x7F
"""Nearly all text ends there; to look through the rest of Unicode takes half a second."""

_ALPHANUMERIC = "a-zA-Z0-9"


def matches_all(pattern: str, text: str) -> bool:
    """Whether the whole of `text` is what `pattern` asks for."""
    last = _LAST_OF_ASCII if text.isascii() else sys.maxunicode
    return _compiled(pattern, last).fullmatch(text) is not None


@cache
def _compiled(pattern: str, last: int) -> re.Pattern[str]:
    return re.compile(in_python(pattern, last))


def in_python(pattern: str, last: int = sys.maxunicode) -> str:
    """`pattern` without what only Java's or Smithy's dialect has, for text up to the code `last`.

    Those are classes of Unicode (`\\p{L}`), surrogate pairs, and a count behind the end, as in
    `(...)*${1,256}`, which Java reads as an end that is there once or more.
    """
    pattern = re.sub(r"\$\{\d+,\d+\}$", "$", pattern)
    pattern = pattern.replace(_SURROGATES, _BEYOND_BMP)
    return _CLASS.sub(lambda found: _members(found.group(1), last), pattern)


@cache
def _members(category: str, end: int) -> str:
    """What stands between the brackets of a class for a category of Unicode."""
    if category == "Alnum":
        return _ALPHANUMERIC
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ranges(category, end))


def _ranges(category: str, last: int) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for code in range(last + 1):
        if not unicodedata.category(chr(code)).startswith(category):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return ranges
