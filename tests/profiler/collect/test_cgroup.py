import math
from pathlib import Path

import pytest

from imageclf.profiler.collect.cgroup import Memory, Quota, Throttling, groups

MIB = 1 << 20
TOTAL = 1000 * MIB


def write(folder: Path, **files: object) -> Path:
    """A group with files, of whose names `__` stands for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


def test_the_groups_of_version_two_go_from_the_own_outwards(tmp_path: Path) -> None:
    own = write(tmp_path / "root" / "job.slice" / "run")
    write(tmp_path / "root", cgroup__controllers="cpu memory")
    (tmp_path / "self").write_text("0::/job.slice/run\n")
    found = groups("memory", tmp_path / "root", tmp_path / "self")
    assert found == [own, own.parent, own.parent.parent]


def test_in_a_container_of_version_one_the_own_group_is_the_outermost(tmp_path: Path) -> None:
    root = write(tmp_path / "root" / "memory")
    (tmp_path / "self").write_text("4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n")
    assert root in groups("memory", tmp_path / "root", tmp_path / "self")


@pytest.mark.parametrize("content", [None, "", "nonsense", "1:2:3:4:5\n::\n"])
def test_without_groups_that_can_be_read_there_are_none(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "self").write_text(content)
    assert groups("memory", tmp_path / "root", tmp_path / "self") == []


def test_memory_is_of_the_tightest_limit_without_idle_file_pages(tmp_path: Path) -> None:
    statistics = f"anon 5\ninactive_file {20 * MIB}\nnonsense\n"
    inner = write(
        tmp_path / "a" / "b",
        memory__max="max",
        memory__current=50 * MIB,
        memory__stat="inactive_file 0",
    )
    outer = write(
        tmp_path / "a",
        memory__max=200 * MIB,
        memory__current=120 * MIB,
        memory__stat=statistics,
    )
    assert Memory([inner, outer], TOTAL).read(1.0) == [50.0, 100.0]


def test_memory_of_version_one(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "a",
        memory__limit_in_bytes=400 * MIB,
        memory__usage_in_bytes=150 * MIB,
        memory__stat=f"inactive_file 1\ntotal_inactive_file {50 * MIB}",
    )
    assert Memory([folder], TOTAL).read(1.0) == [25.0, 100.0]


@pytest.mark.parametrize("limit", ["max", str(2**63 - 4096), str(2 * TOTAL), "", "x"])
def test_without_a_limit_memory_is_the_machines(tmp_path: Path, limit: str) -> None:
    folder = write(tmp_path / "a", memory__max=limit, memory__current=1)
    share, used_mib = Memory([folder], TOTAL).read(1.0)
    assert used_mib > 10
    assert share > 1


def test_a_group_that_goes_away_is_unknown(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", memory__max=200 * MIB)
    assert all(math.isnan(one) for one in Memory([folder], TOTAL).read(1.0))


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ("throttled_usec 1000000", "throttled_usec 1250000", 50.0),
        ("throttled_time 1000000000", "throttled_time 1100000000", 20.0),
        ("throttled_usec 0", "throttled_usec 9000000", 100.0),
        ("throttled_usec 5", "throttled_usec 0", 0.0),
    ],
    ids=["version-2", "version-1", "many-cores", "back"],
)
def test_throttling_is_a_share_of_the_time(
    tmp_path: Path, before: str, after: str, share: float
) -> None:
    calm = write(tmp_path / "calm", cpu__stat="nr_periods 3\nthrottled_usec 0")
    held = write(tmp_path / "held", cpu__stat=before)
    meter = Throttling([calm, held])
    write(held, cpu__stat=after)
    assert meter.read(0.5) == [pytest.approx(share)]


def test_where_nothing_counts_throttling_it_is_unknown(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", cpu__stat="usage_usec 5")
    for meter in (Throttling([folder]), Throttling([])):
        assert math.isnan(meter.read(0.5)[0])


def test_of_a_quota_of_two_cores_both_are_all_of_it(tmp_path: Path) -> None:
    free = write(tmp_path / "a" / "b", cpu__max="max 100000", cpu__stat="usage_usec 0")
    held = write(tmp_path / "a", cpu__max="200000 100000", cpu__stat="usage_usec 1000000")
    meter = Quota(16, [free, held], [])
    write(held, cpu__stat="usage_usec 1750000\nthrottled_usec 1")
    assert meter.read(0.5) == pytest.approx(75.0)
    write(held, cpu__stat="usage_usec 9750000")
    assert meter.read(0.5) == 100.0


def test_of_a_quota_of_version_one_time_is_counted_beside_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "cpu", cpu__cfs_quota_us=50000, cpu__cfs_period_us=100000)
    account = write(tmp_path / "cpuacct", cpuacct__usage=10**9)
    meter = Quota(2, [folder], [account])
    write(account, cpuacct__usage=10**9 + 10**8)
    assert meter.read(1.0) == pytest.approx(20.0)


@pytest.mark.parametrize(
    "files",
    [
        {"cpu__max": "max 100000", "cpu__stat": "usage_usec 5"},
        {"cpu__max": "400000 100000", "cpu__stat": "usage_usec 5"},
        {"cpu__max": "100000 100000"},
        {"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"},
        {"cpu__max": "nonsense"},
        {},
    ],
    ids=["unlimited", "more-than-the-cores", "uncounted", "version-1", "nonsense", "nothing"],
)
def test_without_a_quota_that_binds_there_is_no_share_of_it(
    tmp_path: Path, files: dict[str, str]
) -> None:
    meter = Quota(4, [write(tmp_path / "a", **files)], [])
    assert meter.read(1.0) is None
