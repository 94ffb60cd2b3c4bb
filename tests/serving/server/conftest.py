from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.server.running import Server, running


def root_with(model: Path, root: Path) -> Path:
    """A tree as under /opt/ml, with this model."""
    (root / "model").symlink_to(model)
    return root


@pytest.fixture
def root(small_model: Path, tmp_path: Path) -> Path:
    return root_with(small_model, tmp_path)


@pytest.fixture(scope="module")
def server(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module, which leave it as it was."""
    root = root_with(small_model, tmp_path_factory.mktemp("root"))
    with running(root, IMAGECLF_MAX_BODY_MB="1", IMAGECLF_QUEUE="8") as server:
        yield server
