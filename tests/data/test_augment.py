import random
from pathlib import Path

import pytest
import torch

from imageclf.data.augment import Augment, TrainTransform, view_seed
from imageclf.data.transforms import EvalTransform
from imageclf.errors import ImageError
from tests.data.pictures import encoded, gradient

AUGMENTS: tuple[Augment, ...] = ("none", "light", "medium", "strong")


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


def test_view_seeds_do_not_repeat() -> None:
    seeds = {
        view_seed(seed, epoch, index)
        for seed in range(5)
        for epoch in range(20)
        for index in range(100)
    }
    assert len(seeds) == 5 * 20 * 100
    assert view_seed(1, 2, 3) == view_seed(1, 2, 3)


def test_a_file_that_is_no_picture_has_no_random_view_either(tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_text("no picture")
    with pytest.raises(ImageError, match="not an image"):
        TrainTransform(32)(path)
