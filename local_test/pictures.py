"""Made-up pictures, for where no real one is at hand."""

import io
import random

from PIL import Image

_START = 2  # bytes of a JPEG's start-of-image marker
_COMMENT = b"\xff\xfe"
_LARGEST_SEGMENT = 65_535  # bytes after a marker, its length among them
_SMALLEST_SEGMENT = 4  # marker and length


def made_up_jpeg(side: int = 64) -> bytes:
    """A JPEG of coloured noise, always the same, of `side` x `side` pixels."""
    noise = random.Random(0).randbytes(3 * side * side)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(file, "JPEG")
    return file.getvalue()


def is_jpeg(content: bytes) -> bool:
    """Whether it begins as a JPEG does."""
    return content.startswith(b"\xff\xd8\xff")


def enlarged(jpeg: bytes, size: int) -> bytes:
    """The same picture in exactly `size` bytes, by comments behind its first marker (ITU T.81)."""
    missing = size - len(jpeg)
    comments = b""
    while missing >= _SMALLEST_SEGMENT:
        whole = min(missing, _LARGEST_SEGMENT + len(_COMMENT))
        if 0 < missing - whole < _SMALLEST_SEGMENT:
            whole -= _SMALLEST_SEGMENT
        length = whole - len(_COMMENT)
        comments += _COMMENT + length.to_bytes(2, "big") + bytes(length - 2)
        missing -= whole
    return jpeg[:_START] + comments + jpeg[_START:]
