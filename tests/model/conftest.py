from collections.abc import Mapping

import pytest
from torch import nn

from imageclf.model import architecture as architectures

CLASSES = 7


@pytest.fixture(scope="session")
def outlines() -> Mapping[str, nn.Module]:
    """Every architecture at its own image size, auxiliary heads included, without weights."""
    sizes = {name: architectures.default_image_size(name) for name in architectures.names()}
    return {
        name: architectures.outline(name, CLASSES, size, auxiliary=True)
        for name, size in sizes.items()
    }
