"""Logs of GPUs as several programs write them, read for the rules."""

from pathlib import Path

import numpy as np
import pytest

from bench.profile import recorded

NVIDIA_SMI = """\
timestamp, index, utilization.gpu [%], utilization.memory [%], memory.total [MiB], memory.used [MiB]
2026/11/20 10:00:00.100, 0, 90 %, 10 %, 1000 MiB, 250 MiB
2026/11/20 10:00:00.102, 1, 0 %, 10 %, 1000 MiB, 5 MiB
2026/11/20 10:00:00.900, 0, 80 %, 10 %, 1000 MiB, 500 MiB
2026/11/20 10:00:00.902, 1, 1 %, 10 %, 1000 MiB, 5 MiB
2026/11/20 10:00:01.700, 0, 70 %, 10 %, 1000 MiB, 500 MiB
2026/11/20 10:00:01.702, 1
"""

IN_TURN = """\
timestamp,power.draw [W],utilization.gpu [%],memory.used [MiB]
1000.0,70 W,90 %,250 MiB
1000.1,70 W,0 %,5 MiB
1000.6,70 W,80 %,500 MiB
1000.7,70 W,1 %,5 MiB
"""


def log(folder: Path, text: str) -> Path:
    path = folder / "log.csv"
    path.write_text(text)
    return path


def test_each_gpu_has_the_last_value_at_each_half_second(tmp_path: Path) -> None:
    table = recorded.read(log(tmp_path, NVIDIA_SMI), gpus=1, memory_mib=np.nan)
    assert table.gpus == [0, 1]
    np.testing.assert_allclose(table.at_s, [0, 0.5, 1, 1.5], atol=1e-6)
    np.testing.assert_array_equal(table["gpu0_utilization"], [90, 90, 80, 80])
    np.testing.assert_array_equal(table["gpu1_utilization"], [0, 0, 1, 1])
    np.testing.assert_array_equal(table["gpu0_memory"], [25, 25, 50, 50])


def test_gpus_without_numbers_come_in_turn(tmp_path: Path) -> None:
    table = recorded.read(log(tmp_path, IN_TURN), gpus=2, memory_mib=1000)
    np.testing.assert_array_equal(table["gpu0_utilization"], [90, 90])
    np.testing.assert_array_equal(table["gpu1_utilization"], [0, 0])
    np.testing.assert_array_equal(table["gpu1_memory"], [0.5, 0.5])


def test_a_gpu_that_idles_beside_one_that_works_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{second},{gpu},{99 * (1 - gpu)}" for second in range(120) for gpu in range(2)]
    path = log(tmp_path, "\n".join(["time,gpu_index,utilization_gpu_percent", *lines]))
    assert recorded.main([f"{path}@10-110"]) == 0
    output = capsys.readouterr().out
    assert "100 s of training" in output
    assert "GPU 1 of algo-1 was idle in 1 of 1 windows" in output
    assert "GPUMemoryIncrease  Stopped" in output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column for the time"),
        ("time,power\n1,2\n", "no column for the time or for the use of a GPU (time, power)"),
        ("time,utilization.gpu\n", "no rows below its heading"),
        (None, "No such file"),
    ],
)
def test_another_log_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    path = tmp_path / "none.csv" if text is None else log(tmp_path, text)
    assert recorded.main([str(path)]) == 2
    assert said in capsys.readouterr().err
