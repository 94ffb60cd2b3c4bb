from pathlib import Path

import numpy as np
import pytest
import torch

from imageclf.artifact import MANIFEST, WEIGHTS, Normalisation
from imageclf.data.transforms import EvalTransform, normalise
from imageclf.errors import ArtifactError, ImageError
from imageclf.model.weights import load_model
from imageclf.serving.predictor import LARGEST_BATCH, Predictor
from imageclf.serving.settings import ServeSettings
from tests.data.pictures import encoded, gradient
from tests.serving.artifacts import write_artifact

PICTURE = encoded(gradient(60, 40), "JPEG")
OTHER = encoded(gradient(40, 60), "PNG")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_artifact(folder, temperature=1.5)
    return folder


def opened(folder: Path, **settings: str) -> Predictor:
    given = {f"IMAGECLF_{name.upper()}": value for name, value in settings.items()}
    predictor = Predictor.open(folder, ServeSettings.from_environment(given))
    predictor.start()
    return predictor


def test_probabilities_are_the_softmax_of_the_networks_logits_over_the_temperature(
    model: Path,
) -> None:
    network, manifest = load_model(model)
    predictor = opened(model, engine="torch")
    pictures = [PICTURE, OTHER]
    found_bk = predictor.probabilities([predictor.view(picture) for picture in pictures])
    views = torch.stack([EvalTransform(32)(picture) for picture in pictures])
    usual = Normalisation()
    with torch.inference_mode():
        logits_bk = network(normalise(views, usual.mean, usual.std, torch.float32, False))
    expected_bk = (logits_bk / manifest.temperature).softmax(1).numpy()
    assert found_bk.dtype == np.float32
    assert np.allclose(found_bk, expected_bk, atol=1e-5)
    assert predictor.classes == ("Ants", "Bees", "Cats")


def test_many_pictures_are_answered_in_their_order(model: Path) -> None:
    predictor = opened(model)
    views = [predictor.view(PICTURE), predictor.view(OTHER)]
    alone_bk = predictor.probabilities(views)
    assert not np.allclose(alone_bk[0], alone_bk[1], atol=1e-4)
    many = views * LARGEST_BATCH + views[:1]
    together_nk = predictor.probabilities(many)
    assert together_nk.shape == (len(many), 3)
    assert np.allclose(together_nk[::2], alone_bk[0], atol=1e-5)
    assert np.allclose(together_nk[1::2], alone_bk[1], atol=1e-5)


def test_no_picture_has_no_probabilities(model: Path) -> None:
    assert opened(model).probabilities([]).shape == (0, 3)


def test_a_model_warms_up_with_a_picture_of_its_own(model: Path) -> None:
    opened(model).warm_up()


def test_bytes_that_are_no_picture_are_refused_before_anything_is_predicted(model: Path) -> None:
    with pytest.raises(ImageError) as caught:
        opened(model).view(b"no picture")
    assert caught.value.reason == "not an image"


def test_a_picture_with_too_many_pixels_is_refused(model: Path) -> None:
    with pytest.raises(ImageError) as caught:
        opened(model, max_megapixels="0.001").view(PICTURE)
    assert caught.value.reason == "too large"


def test_the_name_is_that_of_the_setting_else_of_the_training_else_of_the_architecture(
    tmp_path: Path,
) -> None:
    manifest = write_artifact(tmp_path)
    assert opened(tmp_path).name == "resnet18"
    manifest.model_copy(update={"name": "breeds-3"}).write(tmp_path)
    assert opened(tmp_path).name == "breeds-3"
    assert opened(tmp_path, model_name="mine").name == "mine"
    assert opened(tmp_path).version == manifest.weights_sha256[:12]


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=f"holds no model: {MANIFEST} cannot be read"):
        opened(tmp_path)


@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_other_weights_are_refused(tmp_path: Path, engine: str) -> None:
    write_artifact(tmp_path)
    content = bytearray((tmp_path / WEIGHTS).read_bytes())
    content[-5] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"is not the file that manifest\.json describes"):
        opened(tmp_path, engine=engine)


@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_absent_weights_are_refused(tmp_path: Path, engine: str) -> None:
    write_artifact(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(ArtifactError, match=f"{WEIGHTS}.*cannot be read|cannot be read.*{WEIGHTS}"):
        opened(tmp_path, engine=engine)
