"""Trainings in the tests' own process: no second torch to load."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from imageclf.contract import Tree
from imageclf.training.job import Job
from imageclf.training.processes import World
from imageclf.training.stop import StopSignal
from tests.training import runs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    runs.write_pictures(folder, per_class=10)
    return folder


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """A job sets the number of threads of its process, which here is the tests'."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def train_here(tree: Tree, stop: StopSignal | None = None) -> None:
    """The job in this process."""
    Job(tree, World(), stop or StopSignal()).run()
