"""What the first and last bytes of a file tell without decoding it.

Sources: the magic numbers of each format's specification.
"""

import io
import struct
from typing import IO

PREFIX_BYTES = 16
"""So many bytes at the beginning of a file are enough to tell its format."""

_TAIL_BYTES = 1024  # some writers append padding or a comment behind the end

_OTHER_KINDS = (
    (4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1"), "HEIC"),
    (0, (b"<svg",), "SVG"),
    (0, (b"8BPS",), "Photoshop"),
    (0, (b"\xff\x0a", b"\x00\x00\x00\x0cJXL "), "JPEG XL"),
    (0, (b"%!PS", b"\xc5\xd0\xd3\xc6"), "EPS"),
    (0, (b"%PDF",), "PDF"),
    (0, (b"DDS ",), "DDS"),
    (0, (b"FUJIFILMCCD-RAW",), "RAW"),
)

_ENDS = (
    (b"\xff\xd8", b"\xff\xd9"),  # JPEG
    (b"\x89PNG", b"IEND"),
    (b"GIF8", b";"),
    (b"\x00\x00\x00\x0cjP  ", b"\xff\xd9"),  # JPEG 2000
)


def other_kind(prefix: bytes) -> str | None:
    """The name of a known kind of picture that is not decoded here; None if it is none."""
    for start, signatures, kind in _OTHER_KINDS:
        if prefix[start:].startswith(signatures):
            return kind
    return None


def lacks_its_end(stream: IO[bytes]) -> bool:
    """Whether the bytes stop before the format says that they end; False where it does not say."""
    length = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    prefix = stream.read(PREFIX_BYTES)
    stream.seek(max(0, length - _TAIL_BYTES))
    tail = stream.read()
    for beginning, end in _ENDS:
        if prefix.startswith(beginning):
            return end not in tail
    return _promised_bytes(prefix) > length


def _promised_bytes(prefix: bytes) -> int:
    """The least length that the header of a RIFF (WebP) or TIFF file gives; 0 for others."""
    if len(prefix) < 8:
        return 0
    number: int
    if prefix.startswith(b"RIFF"):
        (number,) = struct.unpack_from("<I", prefix, 4)
        return number + 8
    if prefix.startswith((b"II*\0", b"MM\0*")):
        (number,) = struct.unpack_from("<I" if prefix.startswith(b"II") else ">I", prefix, 4)
        return number
    return 0
