import json
import os
import socket
import stat
from pathlib import Path

from imageclf.serving.run_folder import FAILURE, RunFolder


def test_only_its_owner_can_enter(tmp_path: Path) -> None:
    run = RunFolder.create()
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    run.remove()
    assert not run.path.exists()


def test_models_are_described_until_they_are_removed(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.add_model("m1", "shown", "/url", tmp_path)
    assert run.described() == {"m1": {"name": "shown", "url": "/url"}}
    assert run.failure("m1") is None
    (run.model("m1") / FAILURE).write_text(json.dumps({"message": "why"}))
    assert run.failure("m1") == {"message": "why"}
    run.remove_model("m1")
    assert run.described() == {}


def test_what_a_dead_server_left_is_cleared(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.config.write_text("")
    os.mkfifo(tmp_path / "1-stdout")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(run.inference))
    run.clear()
    assert list(tmp_path.iterdir()) == [run.config]
