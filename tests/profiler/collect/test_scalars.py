"""What TensorBoard gets of a profile: speed, waiting for data, use of the machine."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.collect.board import Board
from imageclf.profiler.collect.scalars import Scalars
from imageclf.profiler.collect.tally import Tally
from imageclf.profiler.files.blocks import Writer


class Noted(Board):
    """Takes down what it is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.told: list[tuple[int, Mapping[str, float]]] = []

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.told.append((step, values))


def step_row(took_ms: float, data_ms: float) -> tuple[float, ...]:
    values = {names.TOOK: took_ms, names.host_column(names.DATA): data_ms}
    return tuple(values.get(column, 0.0) for column in names.STEP_COLUMNS)


def test_figures_are_of_the_steps_since_the_last_time(tmp_path: Path) -> None:
    board, tally = Noted(), Tally()
    scalars = Scalars(board, tally, tmp_path / "host", every_s=0)
    scalars.first_step = 100
    for _ in range(4):
        tally.step(step_row(50, 10), images=5)
    scalars.write()
    tally.step(step_row(100, 0), images=5)
    scalars.write()
    scalars.write()
    assert [step for step, _ in board.told] == [104, 105]
    first, second = (values for _, values in board.told)
    assert first == {
        "profiler/step_ms": 50,
        "profiler/images_per_s": pytest.approx(100),
        "profiler/data_wait_percent": pytest.approx(20),
    }
    assert second["profiler/images_per_s"] == pytest.approx(50)


def test_the_use_of_the_machine_comes_from_the_samples(tmp_path: Path) -> None:
    board, tally = Noted(), Tally()
    columns = [names.CPU, names.gpu_column(0, names.GPU_UTILIZATION), names.MEMORY]
    writer = Writer(tmp_path / "host", columns, {})
    scalars = Scalars(board, tally, tmp_path / "host", every_s=1000)
    for utilisations in ([40.0, np.nan, 5.0], [60.0, 90.0, 5.0]):
        writer.write([1], np.array([utilisations]))
    tally.step(step_row(50, 10), images=5)
    scalars.write()
    assert not board.told, "it is not time yet"
    scalars.close()
    ((_, values),) = board.told
    assert values["profiler/cpu_percent"] == 50
    assert values["profiler/gpu0_utilization_percent"] == 90
    assert "profiler/memory_percent" not in values
