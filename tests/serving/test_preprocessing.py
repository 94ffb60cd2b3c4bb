"""Serving sees a picture as evaluation saw it, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imageclf.config import parse
from imageclf.data.checked import load_data
from imageclf.data.loading import PictureLoader
from imageclf.data.transforms import EvalTransform
from imageclf.serving.predictor import Predictor
from imageclf.serving.settings import ServeSettings
from tests.data.pictures import (
    PHOTOGRAPHS,
    encoded,
    gradient,
    needs_photographs,
    png_of_16_bits,
)
from tests.serving.artifacts import write_artifact

SIZE = 48


def sideways() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(gradient(90, 60), "JPEG", exif=exif)


ODD = {
    "grey.jpg": encoded(gradient().convert("L"), "JPEG"),
    "alpha.png": encoded(gradient().convert("RGBA").rotate(20), "PNG"),
    "palette.gif": encoded(gradient().convert("P"), "GIF"),
    "cmyk.jpg": encoded(gradient().convert("CMYK"), "JPEG"),
    "sideways.jpg": sideways(),
    "deep.png": png_of_16_bits(np.arange(40 * 30 * 3, dtype=np.uint16).reshape(30, 40, 3) * 17),
    "large.jpg": encoded(gradient(2400, 1800), "JPEG"),
    "narrow.webp": encoded(gradient(300, 5), "WEBP"),
    "dot.bmp": encoded(gradient(1, 1), "BMP"),
}


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("model")
    write_artifact(folder, image_size=SIZE, onnx=False)
    return Predictor.open(folder, ServeSettings.from_environment({}))


def assert_same_views(predictor: Predictor, data: Path, max_megapixels: float = 100.0) -> None:
    """The views that training's loader makes of a split are those of serving."""
    split = load_data(data, parse({"max-bad-share": "0.5", "validation-split": "0.3"}))
    loader = PictureLoader(
        split.validation,
        EvalTransform(SIZE),
        seed=0,
        max_megapixels=max_megapixels,
        workers=0,
    )
    with loader:
        (batch,) = loader.epoch([list(range(len(split.validation)))], 0)
    assert len(batch.images_u8_bchw) == len(split.validation)
    for place, image_u8_chw in zip(batch.indices_b.tolist(), batch.images_u8_bchw, strict=True):
        (view,) = predictor.view(split.validation[place].path.read_bytes())
        assert torch.equal(torch.from_numpy(view), image_u8_chw)


@needs_photographs
def test_photographs_are_seen_as_in_evaluation(predictor: Predictor) -> None:
    assert_same_views(predictor, PHOTOGRAPHS)


def test_odd_pictures_are_seen_as_in_evaluation(predictor: Predictor, tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for folder in ("ants", "bees"):
            (tmp_path / split / folder).mkdir(parents=True)
            for name, content in ODD.items():
                (tmp_path / split / folder / name).write_bytes(content)
    assert_same_views(predictor, tmp_path)
