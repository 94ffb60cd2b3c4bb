from pathlib import Path

import pytest

from imageclf.serving.predictor import Predictor
from imageclf.serving.settings import ServeSettings
from tests.serving.artifacts import write_artifact


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ResNet18 for three classes at 32 px."""
    folder = tmp_path_factory.mktemp("model")
    write_artifact(folder, name="insects")
    return folder


@pytest.fixture(scope="session")
def predictor(small_model: Path) -> Predictor:
    """The small model, started."""
    environment = {"IMAGECLF_THREADS": "1", "IMAGECLF_MAX_MEGAPIXELS": "1"}
    predictor = Predictor.open(small_model, ServeSettings.from_environment(environment))
    predictor.start()
    return predictor
