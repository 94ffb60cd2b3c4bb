from pathlib import Path

import pytest

from tests.serving.artifacts import write_artifact


@pytest.fixture(scope="session")
def insects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model for ants, bees and cats."""
    folder = tmp_path_factory.mktemp("models") / "insects"
    write_artifact(folder, name="insects")
    return folder


@pytest.fixture(scope="session")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model for two other classes."""
    folder = tmp_path_factory.mktemp("models") / "birds"
    write_artifact(folder, name="birds", classes=("Jay", "Owl"), seed=1)
    return folder
