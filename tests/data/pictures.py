"""Pictures and folders of them, made by the tests."""

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

PHOTOGRAPHS = Path(__file__).parents[3] / "shared" / "data" / "hymenoptera"

needs_photographs = pytest.mark.skipif(
    not PHOTOGRAPHS.is_dir(), reason=f"the photographs of ants and bees are not at {PHOTOGRAPHS}"
)


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """Red grows to the right, green downwards; blue is even: no two turns look alike."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0] = np.linspace(20, 230, width)[None, :]
    pixels[..., 1] = np.linspace(40, 160, height)[:, None]
    pixels[..., 2] = 90
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_of_16_bits(values_hwc: np.ndarray[Any, np.dtype[np.uint16]]) -> bytes:
    """A PNG of 16 bits a channel, RGB, which Pillow reads but does not write."""
    height, width, _ = values_hwc.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values_hwc)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that says how large it is, and nothing behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0"))


def make_folder(root: Path, counts: Mapping[str, int], seed: int = 0) -> Path:
    """`counts` of small pictures, no two alike, in folders below `root`."""
    random = np.random.default_rng(seed)
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{number}.png")
    return root


def distance(image: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures of one size, 0 to 255."""
    assert image.size == other.size
    assert image.mode == other.mode
    first, second = (np.asarray(each, dtype=np.float32) for each in (image, other))
    return float(np.abs(first - second).mean())


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
