"""The process that watches a training, as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imageclf.debugger import live
from imageclf.debugger.rules import asked
from imageclf.debugger.rules.catalogue import make
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.tensors.run import Run
from imageclf.errors import TensorsError
from imageclf.rules.finding import Status
from imageclf.rules.live import End, Watch
from tests.debugger.tensors.saving import end, save_collections, save_step

PATIENCE_S = 60.0

RULES = "loss_not_decreasing(num_steps=2),exploding_tensor,overfit"


def rules_file(folder: Path, actions: str = "") -> Path:
    content = asked.as_list(asked.parse(RULES))
    content[0]["Actions"] = actions
    path = folder / "rules.json"
    path.write_text(json.dumps(content))
    return path


def command(folder: Path, rules: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "imageclf.debugger.live", "--rules", str(rules)),
        *("--watched", str(folder / "tensors"), "--output", str(folder / "data")),
        *("--stop-file", str(folder / "stop.json")),
    ]


@contextmanager
def watching(folder: Path, actions: str = "") -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command(folder, rules_file(folder, actions)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def statuses(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / "data" / "rule_status.json").read_text())
    except FileNotFoundError:
        return {}
    return {each["RuleConfigurationName"]: each["RuleEvaluationStatus"] for each in content}


def train(folder: Path, steps: range) -> None:
    """Losses that do not fall."""
    save_collections(folder / "tensors", {"losses": ["loss"]})
    for number in steps:
        save_step(folder / "tensors", number, {"loss": [2.0]})


def test_a_training_is_judged_while_it_goes_on(tmp_path: Path) -> None:
    with watching(tmp_path, actions="stop") as process:
        wait_for(lambda: statuses(tmp_path))
        assert set(statuses(tmp_path).values()) == {"InProgress"}
        train(tmp_path, range(6))
        wait_for(lambda: statuses(tmp_path)["LossNotDecreasing"] == "IssuesFound")
        asked_to_stop = json.loads(wait_for(lambda: read(tmp_path / "stop.json")))
        assert asked_to_stop["rule"] == "LossNotDecreasing"
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
        end(tmp_path / "tensors")
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert statuses(tmp_path) == {
        "LossNotDecreasing": "IssuesFound",
        "ExplodingTensor": "NoIssuesFound",
        "Overfit": "Error",
    }
    lines = [line for line in said.splitlines() if line.startswith("rule LossNotDecreasing")]
    assert lines[0].startswith("rule LossNotDecreasing: IssuesFound: ")
    assert "was asked to stop" in lines[1]
    assert len(lines) == 2
    assert "rule ExplodingTensor: NoIssuesFound\n" in said
    found = (tmp_path / "data" / "findings.jsonl").read_text().splitlines()
    assert {json.loads(line)["rule"] for line in found} == {"LossNotDecreasing"}
    assert "LossNotDecreasing" in (tmp_path / "data" / "debug-report.html").read_text()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_one_that_is_told_to_end_judges_what_is_there(tmp_path: Path) -> None:
    with watching(tmp_path) as process:
        wait_for(lambda: statuses(tmp_path))
        train(tmp_path, range(6))
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert statuses(tmp_path) == {
        "LossNotDecreasing": "IssuesFound",
        "ExplodingTensor": "Stopped",
        "Overfit": "Stopped",
    }


def test_one_whose_training_was_killed_ends_by_itself(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time; child = subprocess.Popen(sys.argv[1:]);"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    training = subprocess.Popen(
        [sys.executable, "-c", program, *command(tmp_path, rules_file(tmp_path))],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert training.stdout is not None
    child = int(training.stdout.readline())
    wait_for(lambda: statuses(tmp_path))
    training.kill()
    training.wait()
    training.stdout.close()
    wait_for(lambda: set(statuses(tmp_path).values()) == {"Stopped"})
    wait_for(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    """False for one that has ended, whether or not anybody has taken note."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_rules_that_are_wrong_are_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('[{"RuleParameters": {"rule_to_invoke": "Absent"}}]')
    ended = subprocess.run(
        command(tmp_path, path), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("error: There is no rule 'Absent'")


def watch_of(folder: Path, said: list[str], **more: Any) -> Watch[SavedStep]:
    rules = [(each, make(each)) for each in asked.parse(RULES)]
    return live.watch(Run(folder / "tensors"), rules, folder / "data", tell=said.append, **more)


def test_a_full_disk_is_told_once_and_the_rules_go_on(tmp_path: Path) -> None:
    """A file in the place of the output's folder stands for a disk without room."""
    (tmp_path / "data").write_text("")
    said: list[str] = []
    watch = watch_of(tmp_path, said)
    train(tmp_path, range(3))
    watch.look()
    train(tmp_path, range(3, 6))
    watch.look()
    end(tmp_path / "tensors")
    watch.look()
    watch.conclude()
    assert watch.engine.states[0].status is Status.ISSUES
    assert len([line for line in said if "cannot be written" in line]) == 1
    assert len([line for line in said if "report" in line]) == 1


def test_what_cannot_be_fetched_now_is_told_once_and_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    tries: list[int] = []

    def fetch() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise TensorsError("The network is away.")
        train(tmp_path, range(6))

    watch = watch_of(tmp_path, said, refresh=fetch)
    assert [watch.look() for _ in range(4)] == [False, False, True, False]
    assert said.count("The network is away.") == 1


def test_signals_are_taken_as_the_wish_to_end() -> None:
    assert not End().has_come
    wish = End()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        wish.catch()
        os.kill(os.getpid(), signal.SIGTERM)
        assert wish.has_come
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert End(parent=os.getppid() + 1).has_come
