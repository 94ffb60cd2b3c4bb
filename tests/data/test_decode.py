import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from imageclf.data.decode import open_image, open_rgb
from imageclf.errors import ImageError
from tests.data.pictures import (
    PHOTOGRAPHS,
    distance,
    encoded,
    gradient,
    needs_photographs,
    png_header,
    png_of_16_bits,
)


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def opaque(image: Image.Image, mode: str) -> Image.Image:
    copy = image.convert(mode)
    copy.putalpha(255)
    return copy


def grey_array(image: Image.Image) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return np.asarray(image.convert("L"), dtype=np.float64)


def sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray((grey_array(image) * 257).astype(np.uint16))


def thirty_two_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray((grey_array(image) * 257).astype(np.int32))


def real_numbers(image: Image.Image) -> Image.Image:
    return Image.fromarray((grey_array(image) / 255).astype(np.float32))


KINDS: dict[str, tuple[bytes, Image.Image]] = {
    "RGB PNG": (encoded(gradient(), "PNG"), gradient()),
    "RGB JPEG": (encoded(gradient(), "JPEG", quality=95), gradient()),
    "progressive JPEG": (encoded(gradient(), "JPEG", quality=95, progressive=True), gradient()),
    "RGB WebP": (encoded(gradient(), "WEBP", lossless=True), gradient()),
    "RGB AVIF": (encoded(gradient(), "AVIF", quality=95), gradient()),
    "RGB BMP": (encoded(gradient(), "BMP"), gradient()),
    "RGB TIFF": (encoded(gradient(), "TIFF"), gradient()),
    "RGB PPM": (encoded(gradient(), "PPM"), gradient()),
    "RGB JPEG 2000": (encoded(gradient(), "JPEG2000"), gradient()),
    "RGB QOI": (encoded(gradient(), "QOI"), gradient()),
    "grey JPEG": (encoded(gradient().convert("L"), "JPEG", quality=95), grey(gradient())),
    "grey PNG": (encoded(gradient().convert("L"), "PNG"), grey(gradient())),
    "1-bit PNG": (encoded(gradient().convert("1"), "PNG"), gradient().convert("1").convert("RGB")),
    "palette PNG": (encoded(gradient().quantize(256), "PNG"), gradient()),
    "palette GIF": (encoded(gradient().quantize(256), "GIF"), gradient()),
    "opaque RGBA PNG": (encoded(opaque(gradient(), "RGB"), "PNG"), gradient()),
    "opaque grey and alpha PNG": (encoded(opaque(gradient(), "L"), "PNG"), grey(gradient())),
    "CMYK JPEG": (encoded(gradient().convert("CMYK"), "JPEG", quality=95), gradient()),
    "CMYK TIFF": (encoded(gradient().convert("CMYK"), "TIFF"), gradient()),
    "16-bit grey PNG": (encoded(sixteen_bits(gradient()), "PNG"), grey(gradient())),
    "16-bit grey TIFF": (encoded(sixteen_bits(gradient()), "TIFF"), grey(gradient())),
    "16-bit RGB PNG": (
        png_of_16_bits(np.asarray(gradient()).astype(np.uint16) * 257),
        gradient(),
    ),
    "16-bit grey PGM": (encoded(sixteen_bits(gradient()), "PPM"), grey(gradient())),
    "32-bit grey TIFF": (encoded(thirty_two_bits(gradient()), "TIFF"), grey(gradient())),
    "floating TIFF": (encoded(real_numbers(gradient()), "TIFF"), grey(gradient())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_the_rgb_picture_it_shows(kind: str) -> None:
    content, shown = KINDS[kind]
    assert distance(open_rgb(content), shown) < 4


def test_an_adobe_cmyk_jpeg_is_not_shown_as_its_negative() -> None:
    white = Image.new("CMYK", (32, 32), (0, 0, 0, 0))
    content = encoded(white, "JPEG", quality=95)
    assert b"Adobe" in content
    assert open_rgb(content).getpixel((16, 16)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_is_white(kind: str) -> None:
    half = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 20))
    rgb = open_rgb(encoded(half, kind, lossless=True))
    assert rgb.getpixel((5, 10)) == (255, 255, 255)
    assert rgb.getpixel((35, 10)) == (255, 0, 0)


def test_a_transparent_palette_colour_is_white() -> None:
    flat = Image.new("P", (8, 8), 0)
    flat.putpalette([0, 0, 0, 200, 10, 10])
    flat.paste(1, (0, 0, 4, 8))
    for content in (encoded(flat, "PNG", transparency=0), encoded(flat, "GIF", transparency=0)):
        rgb = open_rgb(content)
        assert rgb.getpixel((6, 4)) == (255, 255, 255)
        assert rgb.getpixel((1, 4)) == (200, 10, 10)


def test_dark_32_bit_grey_keeps_its_steps() -> None:
    values = np.arange(0, 200, dtype=np.int32).reshape(10, 20)
    rgb = open_rgb(encoded(Image.fromarray(values), "TIFF"))
    assert np.array_equal(np.asarray(rgb)[..., 0], values)


def test_grey_beyond_16_bits_is_stretched_and_not_clipped() -> None:
    values = np.linspace(-1000, 2_000_000, 256, dtype=np.float32).reshape(16, 16)
    values[0, 1] = np.nan
    red = np.asarray(open_rgb(encoded(Image.fromarray(values), "TIFF")))[..., 0]
    assert red[0, 0] == 0
    assert red[-1, -1] == 255
    assert 120 < red[8, 0] < 136


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_camera_s_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(gradient(), kind, exif=exif, quality=95)
    tagged = gradient()
    tagged.getexif()[0x0112] = orientation
    shown = ImageOps.exif_transpose(tagged)
    with open_image(content) as image:
        assert image.size == shown.size
        assert distance(image.rgb(), shown) < 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_exif_block_does_not_cost_the_picture() -> None:
    content = encoded(gradient(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert open_rgb(content).size == (64, 48)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_an_animation_is_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert distance(open_rgb(content), frames[0]) < 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>no picture</html>", "not an image"),
        (b"\0" * 500, "not an image"),
        (encoded(gradient(), "JPEG")[:-200], "truncated"),
        (encoded(gradient(200, 200), "PNG")[:-300], "truncated"),
        (encoded(gradient(200, 200), "WEBP", lossless=True)[:-50], "truncated"),
        (encoded(gradient(200, 200).quantize(), "GIF")[:-2000], "truncated"),
        (encoded(gradient(200, 200), "AVIF")[:-100], "truncated"),
        (encoded(gradient(200, 200), "TIFF", compression="tiff_lzw")[:-900], "truncated"),
        (encoded(gradient(), "BMP")[:-900], "truncated"),
        (encoded(gradient(), "JPEG")[:20], "truncated"),
        (encoded(gradient(), "PNG")[:20], "truncated"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported"),
        (b"8BPS\0\x01" + b"\0" * 30, "unsupported"),
        (encoded(gradient(), "PNG").replace(b"IDAT", b"IDAX"), "unreadable"),
    ],
)
def test_what_is_no_usable_picture_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as refusal:
        open_rgb(content)
    assert refusal.value.reason == reason
    assert str(refusal.value).endswith(".")


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    with pytest.raises(ImageError, match="60000 x 60000") as refusal:
        open_rgb(png_header(60_000, 60_000))
    assert refusal.value.reason == "too large"


def test_the_limit_on_pixels_is_the_caller_s_and_pillow_s_is_left_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    huge = encoded(Image.new("1", (20_000, 10_000)), "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="20000 x 10000"):
            open_rgb(huge)
        with open_image(huge, max_megapixels=201) as image:
            assert image.size == (20_000, 10_000)
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_a_missing_or_unreadable_file_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jpg", tmp_path):
        with pytest.raises(ImageError, match="cannot be read") as refusal:
            open_rgb(path)
        assert refusal.value.reason == "unreadable"


def test_a_large_jpeg_is_decoded_no_smaller_than_asked_and_not_much_larger() -> None:
    content = encoded(gradient(1600, 1200), "JPEG", quality=95)
    for asked in [(1600, 1200), (801, 601), (800, 600), (500, 375), (230, 172), (200, 150), (3, 2)]:
        width, height = open_rgb(content, at_least=asked).size
        assert width >= asked[0]
        assert height >= asked[1]
        assert width == 200 or width < 2 * asked[0]
    assert open_rgb(content).size == (1600, 1200)


@needs_photographs
def test_a_jpeg_decoded_small_is_as_sharp_as_the_same_picture_scaled() -> None:
    photographs = sorted(PHOTOGRAPHS.rglob("*.jpg"))
    largest = max(photographs, key=lambda path: path.stat().st_size)
    whole = open_rgb(largest)
    wanted = (whole.width // 4, whole.height // 4)
    small = open_rgb(largest, at_least=wanted).resize(wanted, Image.Resampling.BILINEAR)
    assert distance(small, whole.resize(wanted, Image.Resampling.BILINEAR)) < 3


def mutations(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    changes: list[Callable[[], None]] = [
        lambda: changed.__setitem__(draw.randrange(len(changed)), draw.randrange(256)),
        lambda: changed.__delitem__(slice(draw.randrange(len(changed)), None)),
        lambda: changed.__delitem__(draw.randrange(len(changed))),
        lambda: changed.insert(draw.randrange(len(changed)), draw.randrange(256)),
        lambda: changed.__setitem__(draw.randrange(min(64, len(changed))), draw.randrange(256)),
    ]
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        if changed:
            draw.choice(changes)()
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_is_a_picture_or_an_image_error_and_nothing_else(kind: str) -> None:
    draw = random.Random(kind)
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(40):
            content = mutations(KINDS[kind][0], draw)
            try:
                assert open_rgb(content, max_megapixels=1).mode == "RGB"
            except ImageError as error:
                refused += 1
                assert error.reason in {
                    "empty",
                    "not an image",
                    "truncated",
                    "too large",
                    "unsupported",
                    "unreadable",
                }
    assert refused
