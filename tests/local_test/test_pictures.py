import io

import pytest
from PIL import Image, ImageChops

from local_test.pictures import enlarged, is_jpeg, made_up_jpeg


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    return picture


def test_a_made_up_picture_is_always_the_same_jpeg() -> None:
    assert made_up_jpeg() == made_up_jpeg()
    assert is_jpeg(made_up_jpeg())
    assert opened(made_up_jpeg(16)).size == (16, 16)
    assert not is_jpeg(b"\x89PNG\r\n")


@pytest.mark.parametrize("more", [0, 4, 5, 65_537, 65_538, 65_540, 65_541, 200_000])
def test_an_enlarged_picture_has_the_size_asked_for_and_the_same_pixels(more: int) -> None:
    jpeg = made_up_jpeg(16)
    larger = enlarged(jpeg, len(jpeg) + more)
    assert len(larger) == len(jpeg) + more
    assert ImageChops.difference(opened(larger), opened(jpeg)).getbbox() is None
