from pathlib import Path

import pytest

from imageclf import machine


def test_cores_are_no_more_than_the_containers_quota(tmp_path: Path) -> None:
    unlimited = machine.cores(tmp_path)
    assert unlimited >= 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.cores(tmp_path) == unlimited
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert machine.cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.cores(tmp_path) == 1


def test_the_older_cgroups_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.cores(tmp_path) == 1
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{64 << 20}\n")
    assert machine.memory_bytes(tmp_path) == 64 << 20


def test_memory_is_no_more_than_the_containers_limit(tmp_path: Path) -> None:
    whole = machine.memory_bytes(tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory_bytes(tmp_path) == whole
    (tmp_path / "memory.max").write_text(f"{32 << 20}\n")
    assert machine.memory_bytes(tmp_path) == 32 << 20


@pytest.mark.parametrize(
    ("visible", "count"), [(None, 2), ("", 0), ("-1", 0), ("1", 1), ("0,1", 2), ("0,1,2", 2)]
)
def test_gpus_are_those_that_are_there_and_visible(
    tmp_path: Path, visible: str | None, count: int
) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert machine.gpus(environment, tmp_path) == count
