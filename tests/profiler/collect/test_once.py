"""Two programs that want to sample one machine: the platform's, and the training's own."""

import os
import subprocess
import sys
import time
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.run import Profile


def test_a_machine_is_sampled_once_whoever_comes_second(tmp_path: Path) -> None:
    module = "imageclf.profiler.collect.system"
    told = {"--folder": str(tmp_path), "--host": "algo-1", "--parent": str(os.getpid())}
    options = [part for pair in told.items() for part in pair]
    command = [sys.executable, "-m", module, *options, "--interval-ms", "100"]
    first = subprocess.Popen(command)
    try:
        path = tmp_path / names.SYSTEM / "algo-1"
        deadline = time.monotonic() + 30
        while not (path.exists() and path.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        second = subprocess.run(command, check=False, timeout=30)
        assert second.returncode == 0
        assert first.poll() is None
    finally:
        first.terminate()
        assert first.wait(30) == 0
    profile = Profile(tmp_path)
    profile.refresh()
    assert profile.whole().system["algo-1"].has(names.CPU)
    assert profile.notes == ()
