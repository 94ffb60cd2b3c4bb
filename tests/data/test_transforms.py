import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imageclf.data.transforms import (
    Augment,
    EvalTransform,
    TrainTransform,
    normalise,
    view_seed,
)
from imageclf.errors import ImageError
from tests.data.pictures import PHOTOGRAPHS, encoded, gradient, needs_photographs

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AUGMENTS: tuple[Augment, ...] = ("none", "light", "medium", "strong")


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


@pytest.mark.parametrize("augment", AUGMENTS)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 300), (300, 2), (97, 61)])
def test_a_picture_of_any_size_and_shape_gives_a_view(
    augment: Augment, size: tuple[int, int]
) -> None:
    content = encoded(gradient(*size), "PNG")
    for seed in range(5):
        view = TrainTransform(32, augment)(content, generator_seed=seed)
        assert view.shape == (3, 32, 32)
        assert view.dtype == torch.uint8


@pytest.mark.parametrize("augment", AUGMENTS)
def test_a_view_is_a_function_of_its_seed_alone(augment: Augment) -> None:
    content = encoded(gradient(120, 90), "JPEG")
    transform = TrainTransform(48, augment)
    first = [transform(content, generator_seed=seed) for seed in range(8)]
    torch.manual_seed(1)
    random.seed(1)
    second = [transform(content, generator_seed=seed) for seed in reversed(range(8))]
    assert all(torch.equal(a, b) for a, b in zip(first, reversed(second), strict=True))
    distinct = {view.contiguous().numpy().tobytes() for view in first}
    assert len(distinct) == (1 if augment == "none" else 8)


@pytest.mark.parametrize("augment", AUGMENTS)
def test_the_global_random_states_are_left_alone(augment: Augment) -> None:
    content = encoded(gradient(), "PNG")
    torch_before, python_before = torch.get_rng_state(), random.getstate()
    TrainTransform(32, augment)(content, generator_seed=3)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert random.getstate() == python_before


def test_light_views_are_mirrored_half_of_the_time_and_cropped_within_bounds() -> None:
    content = encoded(gradient(200, 150), "PNG")
    mirrored = 0
    for seed in range(200):
        red = TrainTransform(32, "light")(content, generator_seed=seed)[0].float()
        mirrored += bool(red[:, 0].mean() > red[:, -1].mean())
        # Red runs over 210 steps; a crop of 0.35 of the area shows half of the width at least.
        assert abs(float(red[:, 0].mean() - red[:, -1].mean())) > 0.4 * 210
    assert 70 < mirrored < 130


def test_augment_none_is_the_evaluation_view() -> None:
    content = encoded(gradient(90, 120), "PNG")
    view = TrainTransform(32, "none")(content, generator_seed=1)
    assert torch.equal(view, EvalTransform(32)(content))


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
    for transform in (EvalTransform(32), TrainTransform(32)):
        with pytest.raises(ImageError, match="not an image"):
            transform(path)


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


def test_view_seeds_do_not_repeat() -> None:
    seeds = {
        view_seed(seed, epoch, index)
        for seed in range(5)
        for epoch in range(20)
        for index in range(100)
    }
    assert len(seeds) == 5 * 20 * 100
    assert view_seed(1, 2, 3) == view_seed(1, 2, 3)
