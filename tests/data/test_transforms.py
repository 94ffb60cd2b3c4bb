import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imageclf.data.transforms import EvalTransform, normalise
from imageclf.errors import ImageError
from tests.data.pictures import PHOTOGRAPHS, encoded, gradient, needs_photographs

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_the_evaluation_view_is_the_centre_of_the_resized_picture() -> None:
    image = gradient(400, 300)
    resized = image.resize((341, 256), Image.Resampling.BILINEAR).crop((58, 16, 282, 240))
    expected = torch.from_numpy(np.array(resized)).permute(2, 0, 1)
    view = EvalTransform(224)(encoded(image, "PNG"))
    assert view.shape == (3, 224, 224)
    assert view.dtype == torch.uint8
    assert (view.int() - expected.int()).abs().max() <= 3


@needs_photographs
def test_a_large_jpeg_gives_the_view_that_its_full_decode_gives() -> None:
    path = max(PHOTOGRAPHS.rglob("*.jpg"), key=lambda path: path.stat().st_size)
    with Image.open(path) as image:
        lossless = encoded(image.convert("RGB"), "PNG")
    small, full = EvalTransform(64)(path), EvalTransform(64)(lossless)
    assert (small.float() - full.float()).abs().mean() < 3


def test_an_upright_view_is_made_of_a_sideways_file() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = encoded(gradient(1600, 1200), "JPEG", quality=95, exif=exif)
    upright = encoded(gradient(1600, 1200).transpose(Image.Transpose.ROTATE_270), "PNG")
    views = [EvalTransform(64)(content).float() for content in (sideways, upright)]
    assert (views[0] - views[1]).abs().mean() < 3


def test_a_file_that_is_no_picture_is_an_image_error(tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_text("no picture")
    with pytest.raises(ImageError, match="not an image"):
        EvalTransform(32)(path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("stored_last", [True, False])
def test_normalise_is_the_formula_in_the_layout_asked_for(
    dtype: torch.dtype, channels_last: bool, stored_last: bool
) -> None:
    layouts = {True: torch.channels_last, False: torch.contiguous_format}
    images = torch.randint(0, 256, (3, 3, 10, 14), dtype=torch.uint8)
    images = images.contiguous(memory_format=layouts[stored_last])
    before = images.clone()
    result = normalise(images, MEAN, STD, dtype, channels_last)
    exact = (images.double() / 255 - torch.tensor(MEAN).view(3, 1, 1).double()) / torch.tensor(
        STD
    ).view(3, 1, 1).double()
    assert result.dtype == dtype
    assert result.is_contiguous(memory_format=layouts[channels_last])
    assert torch.allclose(
        result.double(), exact, atol=1e-5, rtol=2**-8 if dtype.itemsize == 2 else 0
    )
    assert torch.equal(images, before)


def test_the_evaluation_view_needs_no_torchvision() -> None:
    program = "import sys, imageclf.data.transforms; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
