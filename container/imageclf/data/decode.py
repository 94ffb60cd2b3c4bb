"""One picture, as a file or as bytes, to upright RGB; or one sentence why not.

Covers what people really have in their folders: EXIF orientation, palettes, alpha (composited on
white), CMYK, grey of 1 to 32 bits, animations (first frame). The size is checked from the header,
before a pixel is decoded, and no global setting of Pillow is read or changed: its own limit on
pixels does not apply, `max_megapixels` does. Colour profiles are not applied.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile

from imageclf.data.files import Opener
from imageclf.data.signatures import PREFIX_BYTES, lacks_its_end, other_kind
from imageclf.errors import ImageError

FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "BMP",
    "TIFF",
    "AVIF",
    "JPEG2000",
    "PPM",
    "ICO",
    "QOI",
)
"""Formats that are decoded, by Pillow's names, the frequent ones first."""

DEFAULT_MAX_MEGAPIXELS = 100.0

# Whatever a decoder raises on garbage, warnings that were turned into errors included.
_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    Image.DecompressionBombError,
    struct.error,
    zlib.error,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_SIDEWAYS_TURN = 5

_MODES_WITH_HISTOGRAM = ("L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LA")


class OpenImage:
    """A picture of which only the header was read.

    `size` is (width, height) as a viewer shows it, orientation applied; `mode` and `format` are
    Pillow's names of what the file holds.
    """

    def __init__(self, image: ImageFile.ImageFile, stream: IO[bytes]) -> None:
        self._image = image
        self._stream = stream
        self._turn = _orientation(image)
        self.format = image.format or "unknown"
        self.mode = image.mode
        self.size = self._as_shown(image.size)

    def rgb(self, at_least: tuple[int, int] | None = None) -> Image.Image:
        """Decode to upright RGB.

        `at_least` (width, height) allows a JPEG to be decoded at 1/2, 1/4 or 1/8 of its size, but
        never below that size; without it, and for other formats, the size is the full one.
        """
        with _as_image_error(self._stream):
            if at_least is not None:
                self._image.draft(None, self._as_shown(at_least))
            self._image.load()
            rgb = _to_rgb(self._image)
            return rgb.transpose(_TURNS[self._turn]) if self._turn in _TURNS else rgb

    def check(self) -> float:
        """Decode every byte as cheaply as the format allows, so that a cut-off file is seen.

        Gives the share of pixels that have the most frequent colour, 0 to 1: near 1 is a blank.

        Raises:
            ImageError: as `rgb` would.
        """
        with _as_image_error(self._stream):
            self._image.draft(None, (1, 1))
            self._image.load()
            _to_rgb(self._image.crop((0, 0, 1, 1)))
            return _share_of_one_colour(self._image)

    def _as_shown(self, size: tuple[int, int]) -> tuple[int, int]:
        return (size[1], size[0]) if self._turn >= _FIRST_SIDEWAYS_TURN else size


@contextmanager
def open_image(
    source: Opener | bytes, *, max_megapixels: float = DEFAULT_MAX_MEGAPIXELS
) -> Iterator[OpenImage]:
    """Open a file or the bytes of one; nothing but the header is decoded.

    Raises:
        ImageError: with `reason` ``empty``, ``not an image``, ``truncated``, ``too large``,
            ``unsupported`` or ``unreadable``.
    """
    with _stream(source) as stream:
        with _as_image_error(stream):
            image = OpenImage(_read_header(stream, max_megapixels), stream)
        yield image


def open_rgb(
    source: Opener | bytes,
    *,
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
    at_least: tuple[int, int] | None = None,
) -> Image.Image:
    """The picture as upright RGB; `at_least` as in `OpenImage.rgb`.

    Raises:
        ImageError: as `open_image`.
    """
    with open_image(source, max_megapixels=max_megapixels) as image:
        return image.rgb(at_least)


@contextmanager
def _stream(source: Opener | bytes) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes):
        stream: IO[bytes] = io.BytesIO(source)
    else:
        try:
            stream = source.open("rb")
        except OSError as error:
            raise _unreadable(error) from error
    with stream:
        yield stream


def _read_header(stream: IO[bytes], max_megapixels: float) -> ImageFile.ImageFile:
    prefix = stream.read(PREFIX_BYTES)
    if not prefix:
        raise ImageError("empty", "The file holds no bytes; copy it again or remove it.")
    name = _format_of(prefix)
    stream.seek(0)
    factory, _ = Image.OPEN[name]
    image = factory(stream, "")
    if image.width * image.height > max_megapixels * 1e6:
        raise ImageError(
            "too large",
            f"The image has {image.width} x {image.height} pixels, more than {max_megapixels:g} "
            "million; scale it down or raise the limit.",
        )
    return image


def _format_of(prefix: bytes) -> str:
    """The name in `FORMATS` that the first bytes of a file stand for."""
    Image.init()
    for name in FORMATS:
        if name in Image.OPEN:
            accept = Image.OPEN[name][1]
            if accept is not None and accept(prefix) is True:
                return name
    kind = other_kind(prefix)
    if kind is not None:
        raise ImageError(
            "unsupported", f"{kind} pictures are not supported; convert it to JPEG or PNG."
        )
    raise ImageError("not an image", "The file is not an image; remove it.")


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation that is still to be applied, 1 to 8; a damaged EXIF block counts as 1."""
    if image.format == "TIFF":  # Pillow turns these by itself
        return 1
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (AttributeError, LookupError, SyntaxError, TypeError, ValueError, struct.error):
        return 1
    return value if isinstance(value, int) else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith(("I", "F")):
        return _grey_to_8_bits(image).convert("RGB")
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        white = Image.new("RGBA", pixels.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, pixels).convert("RGB")
    return image.convert("RGB")


def _grey_to_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and floating grey to 8 bits; nothing is clipped.

    White is 65535 for 16 bits. Wider types do not say what white is: 1, 255 or 65535, whichever
    holds all values; beyond these, or below 0, darkest to brightest is stretched.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    darkest, brightest = float(values.min()), float(values.max())
    if image.mode.startswith("I;16") or image.format == "PPM":
        darkest, brightest = 0.0, 65535.0
    elif darkest >= 0 and brightest <= 65535:
        steps = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        darkest, brightest = 0.0, next(step for step in steps if brightest <= step)
    scaled = (values - darkest) * (255.0 / max(brightest - darkest, 1e-30))
    return Image.fromarray((scaled + 0.5).astype(np.uint8))


def _share_of_one_colour(image: Image.Image) -> float:
    if image.mode not in _MODES_WITH_HISTOGRAM:
        return 0.0
    counts = image.histogram()
    peaks = [max(counts[start : start + 256]) for start in range(0, len(counts), 256)]
    return min(peaks) / (image.width * image.height)


@contextmanager
def _as_image_error(stream: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    except _DECODER_ERRORS as error:
        raise _translated(error, stream) from error


def _translated(error: Any, stream: IO[bytes]) -> ImageError:
    text = str(error).lower()
    if isinstance(error, OSError) and error.errno is not None:
        return _unreadable(error)
    if isinstance(error, MemoryError | Image.DecompressionBombError):
        return ImageError("too large", "The image does not fit in memory; scale it down.")
    if any(word in text for word in _WORDS_OF_A_CUT) or lacks_its_end(stream):
        return ImageError("truncated", "The image is cut off before its end; copy it again.")
    if isinstance(error, NotImplementedError) or any(word in text for word in _WORDS_OF_A_KIND):
        return ImageError(
            "unsupported", f"The kind of image is not supported ({error}); convert it to JPEG."
        )
    return ImageError("unreadable", f"The image is damaged ({error}); replace or remove it.")


_WORDS_OF_A_CUT = ("truncated", "not enough data", "unexpected end")
_WORDS_OF_A_KIND = ("not supported", "unsupported", "cannot handle", "unknown pixel mode")


def _unreadable(error: OSError) -> ImageError:
    return ImageError("unreadable", f"The file cannot be read ({error.strerror or error}).")
