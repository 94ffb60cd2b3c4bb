"""Bytes that a program writes, cut into the lines that are kept."""

MOST_BYTES = 262_118
"""Of one line; CloudWatch takes no more. Longer ones are cut into several."""

BAR_EVERY_S = 1.0
"""A progress bar, which paints its line again and again, is kept so often."""


class LogLines:
    """Cuts what comes at line feeds; of a line that is painted over, what is seen in the end."""

    def __init__(self) -> None:
        self._rest = b""
        self._bar_at_s = float("-inf")
        self._is_painted = False

    def feed(self, content: bytes, now_s: float) -> list[str]:
        """The lines that are whole with this `content`; `now_s` on any steady clock."""
        *whole, self._rest = (self._rest + content).split(b"\n")
        shown = [_visible(line) for line in whole]
        if shown and self._is_painted:  # an end of line that comes after the bar was kept
            shown = shown if shown[0] else shown[1:]
            self._is_painted = False
        lines = [piece for line in shown for piece in _pieces(line)]
        lines += self._bar(now_s)
        while len(self._rest) > MOST_BYTES:
            piece, self._rest = _cut(self._rest)
            lines.append(_text(piece))
        return lines

    def end(self) -> list[str]:
        """What is left when nothing more comes."""
        rest, self._rest = self._rest, b""
        return _pieces(_visible(rest)) if rest else []

    @property
    def held_bytes(self) -> int:
        """Of the line that is not whole yet."""
        return len(self._rest)

    def _bar(self, now_s: float) -> list[str]:
        painted, mark, self._rest = self._rest.rpartition(b"\r")
        shown = _visible(painted)
        if not mark or not shown or now_s - self._bar_at_s < BAR_EVERY_S:
            self._rest = shown + mark + self._rest if mark else self._rest
            return []
        self._bar_at_s, self._is_painted = now_s, True
        return _pieces(shown)


def _visible(line: bytes) -> bytes:
    """What a terminal would show of a line with carriage returns."""
    return next((part for part in reversed(line.split(b"\r")) if part.strip()), b"")


def _pieces(line: bytes) -> list[str]:
    pieces = []
    while len(line) > MOST_BYTES:
        piece, line = _cut(line)
        pieces.append(_text(piece))
    return [*pieces, _text(line)]


def _cut(line: bytes) -> tuple[bytes, bytes]:
    """At the limit, or before the character that stands across it."""
    at = MOST_BYTES
    while at > MOST_BYTES - 4 and line[at] & 0b1100_0000 == 0b1000_0000:
        at -= 1
    return line[:at], line[at:]


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace")
