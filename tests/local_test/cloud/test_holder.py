import subprocess
import sys
import time
from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from local_test.cloud.holder import Holder, Lock, holder

HOLDS = """
import sys, time
from pathlib import Path
from local_test.cloud.holder import Holder, Lock
lock = Lock(Path(sys.argv[1]))
lock.take()
lock.tell(Holder(7, "http://here"))
print("held", flush=True)
time.sleep(600)
"""


def test_a_root_has_one_holder_until_its_process_is_gone(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "held\n"
        assert holder(tmp_path) == Holder(7, "http://here")
        with pytest.raises(SettingsError, match=r"runs on .* already; stop it first"):
            Lock(tmp_path).take()
        process.kill()
        process.wait()
    assert holder(tmp_path) is None
    Lock(tmp_path).take()


def test_whoever_only_looks_does_not_keep_anyone_from_taking_it(tmp_path: Path) -> None:
    looking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from local_test.cloud.holder import holder\n"
            "while True: holder(Path(sys.argv[1]))",
            str(tmp_path),
        ]
    )
    try:
        (tmp_path / "lock").touch()
        for _ in range(20):
            lock = Lock(tmp_path)
            lock.take()
            lock.release()
            time.sleep(0.01)
    finally:
        looking.kill()
        looking.wait()


def test_a_root_that_cannot_be_written_to_is_said_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match=r"cannot be written to .*LOCAL_CLOUD_ROOT"):
        Lock(Path("/proc/nowhere")).take()
