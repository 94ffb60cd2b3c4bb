"""`make local-serve` from outside: a real launcher process, with a stand-in or the real server."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from PIL import Image

from local_test import predict
from local_test.serving_folder import ServingFolder, State

FAKE = str(Path(__file__).with_name("fake_server.py"))
LAUNCHER = """
import sys
from pathlib import Path
from local_test.serve import main
command = [sys.executable, *sys.argv[1].split()]
sys.exit(main(sys.argv[2:], command=command, home=Path(HOME)))
"""
PATIENCE_S = 60


class House:
    """A home for runs, a folder with a model, and launchers that serve it."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.model = root / "insects"
        self.model.mkdir()
        (self.model / "manifest.json").write_text("{}")
        self.folder = ServingFolder(self.home / "run" / "serving")
        self.launched: list[subprocess.Popen[str]] = []

    def start(
        self, *arguments: str, server: str = FAKE, **variables: str
    ) -> "subprocess.Popen[str]":
        program = LAUNCHER.replace("HOME", repr(str(self.home)))
        usual = {"RUNNER": "process", "MODEL": str(self.model), "PORT": "0"}
        child = subprocess.Popen(
            [sys.executable, "-c", program, server, *arguments],
            env=os.environ | usual | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        self.launched.append(child)
        return child

    def run(self, *arguments: str, **variables: str) -> "tuple[int, str, str]":
        child = self.start(*arguments, **variables)
        out, err = child.communicate(timeout=PATIENCE_S)
        return child.returncode, out, err

    def state(self) -> State:
        state = self.folder.running()
        assert state is not None
        return state

    def predict(self, *arguments: str) -> int:
        return predict.main(arguments, {}, home=self.home)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    for child in house.launched:
        child.kill()
        child.communicate()
    if (state := house.folder.running()) is not None:
        psutil.Process(state.pid).kill()


def wait_for(stream: IO[str] | None, text: str) -> str:
    assert stream is not None
    seen = ""
    for line in stream:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"the launcher ended without {text!r}: {seen}")


def ask_as_told(printed: str) -> dict[str, object]:
    """What the printed curl line prints."""
    (line,) = (one.strip() for one in printed.splitlines() if one.startswith("  curl "))
    answer = subprocess.run(
        [*shlex.split(line), "--silent"], capture_output=True, check=True, timeout=PATIENCE_S
    )
    content: dict[str, object] = json.loads(answer.stdout)
    return content


def test_a_model_of_a_real_server_is_asked_as_told_and_stops_with_ctrl_c(
    house: House, insects: Path
) -> None:
    settings = {"IMAGECLF_WORKERS": "1", "IMAGECLF_TOP_K": "2"}
    child = house.start(server="-m imageclf serve", MODEL=str(insects), **settings)
    printed = wait_for(child.stdout, "Stop it: Ctrl-C")
    assert "Waiting until it is ready." in printed
    answer = ask_as_told(printed)
    assert answer["model"]["name"] == "insects"  # type: ignore[index]
    assert len(answer["predictions"]) == 2  # type: ignore[arg-type]
    server = psutil.Process(house.state().pid)
    assert {one.laddr.ip for one in server.net_connections() if one.laddr} == {"127.0.0.1"}
    below = [server, *server.children(recursive=True)]
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0
    gone, left = psutil.wait_procs(below, timeout=PATIENCE_S)
    assert len(gone) > 3
    assert not left
    assert house.folder.running() is None


def test_a_real_server_that_fails_gives_its_sentence_and_its_exit_code(
    house: House,
) -> None:
    child = house.start(server="-m imageclf serve")
    _, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 5
    assert err.startswith("Serving failed: ")
    assert "manifest.json" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(house: House, number: signal.Signals) -> None:
    child = house.start()
    wait_for(child.stdout, "Stop it")
    child.send_signal(number)
    out, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, err) == (0, "")
    assert "Stopping" in out
    assert house.folder.running() is None


def test_a_failure_gives_its_sentence_and_the_exit_code_of_the_server(house: House) -> None:
    (house.model / "fail").write_text("The weights are gone; copy the model again.")
    for background in ("", "1"):
        code, _, err = house.run(BACKGROUND=background)
        assert (code, err) == (5, "Serving failed: The weights are gone; copy the model again.\n")


def test_in_the_background_it_outlives_the_launcher_until_it_is_stopped(house: House) -> None:
    code, out, err = house.run(BACKGROUND="1")
    assert (code, err) == (0, "")
    assert "Stop it: make local-serve-stop" in out
    assert ask_as_told(out)["predictions"]
    pid = house.state().pid
    code, out, _ = house.run("--stop")
    assert code == 0
    assert "Stopped what answered at http://127.0.0.1:" in out
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert house.run("--stop")[:2] == (0, "Nothing is being served.\n")


def test_what_runs_in_the_foreground_can_be_stopped_from_elsewhere(house: House) -> None:
    child = house.start()
    wait_for(child.stdout, "Stop it")
    assert house.run("--stop")[0] == 0
    assert child.wait(timeout=PATIENCE_S) == 0


@pytest.mark.parametrize("background", ["", "1"])
def test_a_second_start_is_told_where_the_first_one_answers(house: House, background: str) -> None:
    first = house.start(BACKGROUND=background)
    wait_for(first.stdout, "Stop it")
    if background:
        first.communicate(timeout=PATIENCE_S)
    code, out, err = house.run()
    assert (code, out) == (2, "")
    assert f"A server runs already, at {house.state().url}; make local-serve-stop" in err


def test_a_server_that_died_does_not_hinder_the_next(house: House) -> None:
    assert house.run(BACKGROUND="1")[0] == 0
    psutil.Process(house.state().pid).kill()
    assert house.run(BACKGROUND="1")[0] == 0


def test_several_models_are_loaded_by_name(house: House, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    models = f"{house.model} second={other}"
    code, out, _ = house.run(MODEL=models, MULTI="1", BACKGROUND="1")
    assert code == 0
    assert "Model insects is loaded." in out
    assert "/models/second/invoke" in out
    assert house.state().models == ("insects", "second")


def test_a_model_of_several_that_cannot_be_loaded_ends_it_with_the_cause(house: House) -> None:
    (house.model / "fail").touch()
    root = house.folder.root / "model"
    assert not root.exists()
    code, out, err = house.run(MODEL=str(house.model), MULTI="1")
    assert code == 11
    assert err == "Model insects was not loaded: The weights do not fit.\n"
    assert "Stopping" in out
    assert house.folder.running() is None


def test_a_packed_model_is_unpacked_and_the_latest_run_is_what_is_served_by_itself(
    house: House,
) -> None:
    run = house.home / "run" / "20260101-photos"
    (run / "model").mkdir(parents=True)
    (run / "model" / "manifest.json").write_text("{}")
    data = run.parent.parent / "photos"
    (data / "valid" / "bees").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(data / "valid" / "bees" / "one bee.png")
    (run / "run.json").write_text(json.dumps({"data": str(data), "weights": None}))
    (house.home / "run" / "latest").symlink_to(run.name)
    code, out, _ = house.run(MODEL="", BACKGROUND="1")
    assert code == 0
    assert "one bee.png" in out
    assert ask_as_told(out)["predictions"]
    assert house.run("--stop")[0] == 0
    with tarfile.open(run / "model.tar.gz", "w:gz") as tar:
        tar.add(run / "model" / "manifest.json", "manifest.json")
    assert house.run(MODEL=str(run / "model.tar.gz"), BACKGROUND="1")[0] == 0
    assert (house.folder.root / "model" / "manifest.json").read_text() == "{}"


def test_a_taken_port_is_one_sentence(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        code, out, err = house.run(PORT=port)
    assert (code, out) == (2, "")
    assert f"Port {port} cannot be had (Address already in use)" in err


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"MODEL": ""}, "There is no run in"),
        ({"MODEL": "/nowhere"}, "/nowhere holds no model"),
        ({"PORT": "http"}, "PORT=http is not a port"),
        ({"RUNNER": "podman"}, "RUNNER=podman is not known"),
    ],
)
def test_a_wrong_wish_is_one_sentence_and_starts_nothing(
    house: House, variables: dict[str, str], told: str
) -> None:
    code, out, err = house.run(**variables)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1
    assert not house.folder.path.exists()


def test_a_deaf_server_is_killed_by_a_second_interrupt(house: House) -> None:
    (house.model / "ignore-stop").touch()
    child = house.start()
    wait_for(child.stdout, "Stop it")
    child.send_signal(signal.SIGINT)
    wait_for(child.stdout, "Stopping")
    while child.poll() is None:  # within a second it counts as the same Ctrl-C delivered twice
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
    assert child.returncode == 128 + signal.SIGKILL


def test_predictions_of_what_runs_are_a_table(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert house.run(BACKGROUND="1")[0] == 0
    for name in ("b.png", "a.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert house.predict(str(tmp_path), "--top", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        str(tmp_path / "a.jpg"),
        str(tmp_path / "b.png"),
    ]
    assert lines[1:4] == [
        "  /invocations  0.7500",
        "  top_k=2       0.1875",
        "  image/jpeg    0.0625",
    ]
    assert house.predict(str(tmp_path / "notes.txt"), str(tmp_path / "b.png")) == 1
    printed = capsys.readouterr()
    assert printed.err == f"{tmp_path / 'notes.txt'}: It is not a picture.\n"
    assert "image/png" in printed.out
    assert house.predict(str(tmp_path / "b.png"), "--name", "birds") == 0
    assert "/models/birds/invoke" in capsys.readouterr().out
