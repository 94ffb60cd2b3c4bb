import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.container import Job


@pytest.fixture(scope="session")
def image() -> str:
    """Name of the image under test."""
    name = os.environ.get("IMAGECLF_IMAGE")
    if not name:
        pytest.skip("IMAGECLF_IMAGE names no image: make test-image builds one and runs this")
    return name


@pytest.fixture
def job(image: str, tmp_path: Path) -> Iterator[Job]:
    job = Job(image, tmp_path / "ml", f"imageclf-test-{uuid.uuid4().hex[:12]}")
    yield job
    job.remove()
