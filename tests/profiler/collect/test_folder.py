"""The folder of a profile: made anew, brought together from several hosts, marked at its end."""

import json
import threading
from pathlib import Path

import pytest

from imageclf.profiler import names
from imageclf.profiler.collect import folder
from imageclf.profiler.run import Profile


def write(root: Path, place: str, content: bytes = b"{}") -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_an_earlier_profile_of_the_same_job_is_cleared_away_and_nothing_else(
    tmp_path: Path,
) -> None:
    old = write(tmp_path, "steps/host-0")
    other = write(tmp_path, "notes/mine.txt")
    folder.end(tmp_path)
    folder.prepare(tmp_path, own=True)
    assert not old.exists()
    assert other.exists()
    assert not Profile(tmp_path).has_said_end()


def test_the_profile_of_another_run_elsewhere_is_left_alone(tmp_path: Path) -> None:
    old = write(tmp_path, "workers/host-0.json")
    with pytest.raises(OSError, match="holds the profile of another run"):
        folder.prepare(tmp_path, own=False)
    assert old.exists()


def test_the_end_is_said_when_the_others_have_written_all(tmp_path: Path) -> None:
    write(tmp_path, "workers/host-1.json", b'{"rank": 1}')
    told = json.dumps({"rank": 1, "ended_ns": 5}).encode()
    later = threading.Timer(0.1, lambda: write(tmp_path, "workers/host-1.json", told))
    later.start()
    assert folder.wait_for(tmp_path, ["host-1"], patience_s=20) == []
    later.join()


def test_a_process_that_died_is_named_and_not_waited_for_without_end(tmp_path: Path) -> None:
    write(tmp_path, "workers/host-1.json", b"{")
    assert folder.wait_for(tmp_path, ["host-1", "host-2"], patience_s=0.05) == ["host-1", "host-2"]


def test_profiles_of_hosts_are_brought_together(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(first, "steps/a-0", b"mine")
    write(second, "steps/b-1", b"theirs")
    write(second, "faults/b-1.txt", b"fault")
    write(second, names.MACHINE)
    folder.unpack(first, folder.packed(second, 1000))
    assert (first / "steps/a-0").read_bytes() == b"mine"
    assert (first / "steps/b-1").read_bytes() == b"theirs"
    assert (first / "faults/b-1.txt").exists()
    assert not (first / names.MACHINE).exists()


def test_what_is_too_large_stays_on_its_host_large_traces_first(tmp_path: Path) -> None:
    write(tmp_path, "kernels/b-1.json.gz", bytes(600))
    write(tmp_path, "steps/b-1", bytes(600))
    assert list(folder.packed(tmp_path, 1000)) == ["steps/b-1"]


def test_files_of_others_land_below_the_folder_whatever_they_are_called(tmp_path: Path) -> None:
    folder.unpack(
        tmp_path / "profile",
        {"../steps/x": b"", "steps/../../x": b"", "/etc/x": b"", "steps/b-1": b""},
    )
    found = sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file())
    assert found == ["profile/steps/b-1", "profile/steps/x"]
