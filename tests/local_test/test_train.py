"""`make local-train` from outside: a real launcher process, with a stand-in as training program."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import IO

import pytest

FAKE = str(Path(__file__).with_name("fake_training.py"))
LAUNCHER = """
import sys
from pathlib import Path
from local_test.train import main
sys.exit(main(sys.argv[2:], command=[sys.executable, sys.argv[1]], home=HOME))
"""


class House:
    """A home for data and runs, a folder of classes, and launchers that use them."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.data = root / "photos"
        for name in ("ants", "bees"):
            (self.data / name).mkdir(parents=True)
        self.latest = self.home / "run" / "latest"

    def start(self, **variables: str) -> "subprocess.Popen[str]":
        program = LAUNCHER.replace("HOME", f"Path({str(self.home)!r})")
        environment = os.environ | {"RUNNER": "process", "DATA": str(self.data)} | variables
        return subprocess.Popen(
            [sys.executable, "-c", program, FAKE],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def run(self, **variables: str) -> "tuple[int, str, str]":
        child = self.start(**variables)
        out, err = child.communicate(timeout=60)
        return child.returncode, out, err


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def wait_for(stream: IO[str] | None, text: str) -> None:
    assert stream is not None
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"the launcher ended without {text!r}")


def test_a_run_leaves_a_packed_model_and_prints_figures_and_report(house: House) -> None:
    code, out, err = house.run(HP="epochs=2")
    assert (code, err) == (0, "")
    assert "0.9877" in out
    assert "report.html" in out
    with tarfile.open(house.latest / "model.tar.gz") as tar:
        assert tar.getnames() == ["manifest.json"]
    manifest = json.loads((house.latest / "model" / "manifest.json").read_text())
    assert manifest == {"classes": ["ants", "bees"]}
    assert (house.latest / "output" / "data" / "report.html").exists()


def test_the_digits_are_the_data_of_a_run_that_was_given_none(house: House) -> None:
    code, _, err = house.run(DATA="", HP="epochs=1")
    assert (code, err) == (0, "")
    values = json.loads((house.latest / "input/config/hyperparameters.json").read_text())
    assert values["architecture"] == "resnet18"
    assert values["epochs"] == "1"
    assert (house.latest / "input/data/training/valid/7").is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_waited_for_and_resumed(house: House, number: signal.Signals) -> None:
    child = house.start(HP="epochs=10000")
    wait_for(child.stdout, "epoch=3")
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 143
    assert "Stopping" in out
    assert "RESUME=1" in err
    done = int((house.latest / "checkpoints" / "epoch").read_text())
    assert done >= 3
    stopped = house.latest.resolve()
    code, out, err = house.run(RESUME="1", HP=f"epochs={done + 2}", DATA="")
    assert (code, err) == (0, "")
    assert f"resumed from epoch {done}" in out
    assert house.latest.resolve() == stopped


def test_a_second_interrupt_does_not_wait_any_longer(house: House) -> None:
    (house.data / "ignore-stop").touch()
    child = house.start(HP="epochs=10000")
    wait_for(child.stdout, "epoch=3")
    child.send_signal(signal.SIGINT)
    wait_for(child.stdout, "Stopping")
    time.sleep(1.5)  # within a second it counts as the same Ctrl-C delivered twice
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 128 + signal.SIGKILL


def test_one_interrupt_delivered_twice_still_waits_for_the_checkpoint(house: House) -> None:
    child = house.start(HP="epochs=10000")
    wait_for(child.stdout, "epoch=3")
    for number in (signal.SIGINT, signal.SIGTERM):
        child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == 143
    assert (house.latest / "checkpoints" / "epoch").exists()


def test_a_failure_gives_its_sentence_and_the_exit_code_of_the_training(house: House) -> None:
    (house.data / "fail").write_text("Class bees is empty; add images.")
    code, _, err = house.run(HP="epochs=2")
    assert code == 3
    assert "Training failed: Class bees is empty; add images." in err
    assert not (house.latest / "model.tar.gz").exists()
    (house.data / "fail").unlink()
    assert house.run(RESUME="1")[0] == 0
    assert not (house.latest / "output" / "failure").exists()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"HP": "epoch=3"}, "did you mean epochs?"),
        ({"HP": "epochs=0"}, "greater than or equal to 1"),
        ({"HP": "epochs"}, "not name=value"),
        ({"RUNNER": "podman"}, "RUNNER=podman is not known"),
        ({"DATA": "/nowhere"}, "DATA=/nowhere is not a folder"),
        ({"RESUME": "1"}, "no run to resume"),
    ],
)
def test_a_wrong_wish_is_one_sentence_and_starts_nothing(
    house: House, variables: dict[str, str], told: str
) -> None:
    code, out, err = house.run(**variables)
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert not (house.home / "run").exists()


def test_a_run_is_not_resumed_with_other_data(house: House, tmp_path: Path) -> None:
    assert house.run(HP="epochs=1")[0] == 0
    code, _, err = house.run(RESUME="1", DATA=str(tmp_path))
    assert code == 2
    assert "leave out DATA" in err


def test_a_run_in_progress_is_not_trained_twice(house: House) -> None:
    child = house.start(HP="epochs=10000")
    wait_for(child.stdout, "epoch=1")
    code, _, err = house.run(RESUME="1")
    assert code == 2
    assert "trained by another process" in err
    child.terminate()
    child.communicate(timeout=60)
    assert child.returncode == 143


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be behind sudo")
def test_under_sudo_everything_belongs_to_the_one_who_typed_it(house: House) -> None:
    assert house.run(HP="epochs=1", DATA="", SUDO_UID="1234", SUDO_GID="1235")[0] == 0
    below = list(house.home.rglob("*"))
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in below} == {(1234, 1235)}
