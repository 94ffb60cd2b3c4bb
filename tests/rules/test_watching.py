"""The process that watches a training, from the training's side."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from imageclf.debugger import live
from imageclf.debugger.rules import asked
from imageclf.rules.watching import Asked, Program, Watcher

RULES = asked.parse("vanishing_gradient(threshold=1e-6),exploding_tensor")

PATIENCE_S = 30.0


def watcher(root: Path, command: Sequence[str] = live.PROGRAM.command) -> Watcher:
    (root / "tensors").mkdir(exist_ok=True)
    program = Program(tuple(command), live.PROGRAM.files)
    return Watcher(program, root / "tensors", root / "data", RULES)


def script(text: str) -> list[str]:
    """A program that stands in for the real one and gets its arguments."""
    return [sys.executable, "-c", text]


def status(root: Path) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads((root / "data" / "rule_status.json").read_text())
    return content


def words(statuses: list[dict[str, Any]]) -> dict[str, str]:
    return {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in statuses}


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def test_it_ends_by_itself_when_the_training_says_that_it_has(tmp_path: Path) -> None:
    one = watcher(tmp_path)
    one.start()
    (tmp_path / "tensors" / "training_job_end.ts").touch()
    assert set(words(one.finish(PATIENCE_S))) == {"VanishingGradient", "ExplodingTensor"}
    assert words(status(tmp_path)) == words(one.finish(0))
    given = json.loads((tmp_path / "debug-rules.json").read_text())
    assert given[0]["RuleParameters"] == {
        "rule_to_invoke": "VanishingGradient",
        "threshold": "1e-6",
    }


def test_a_training_that_is_killed_takes_it_along(tmp_path: Path) -> None:
    (tmp_path / "tensors").mkdir()
    program = (
        "import sys, time; from pathlib import Path; from imageclf.debugger.rules import asked; "
        "from imageclf.debugger.live import PROGRAM; from imageclf.rules.watching import Watcher; "
        "root, rules = Path(sys.argv[1]), asked.parse('exploding_tensor'); "
        "one = Watcher(PROGRAM, root / 'tensors', root / 'data', rules); "
        "one.start(); print(one._process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        pid = int(training.stdout.readline())
        wait_for((tmp_path / "data" / "rule_status.json").exists)
        training.send_signal(signal.SIGKILL)
    wait_for(lambda: not alive(pid))
    assert words(status(tmp_path)) == {"ExplodingTensor": "Stopped"}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_one_that_does_not_end_is_ended_and_says_so(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"
    one = watcher(tmp_path, script(stubborn))
    one.start()
    statuses = one.finish(0.1)
    assert set(words(statuses).values()) == {"Error"}
    assert "not done 0.1 s after the training" in statuses[0]["StatusDetails"]
    assert status(tmp_path) == statuses


def test_one_that_crashes_leaves_no_rule_without_a_status(tmp_path: Path) -> None:
    one = watcher(tmp_path, script("raise SystemExit(3)"))
    one.start()
    statuses = one.finish(PATIENCE_S)
    assert words(statuses) == {"VanishingGradient": "Error", "ExplodingTensor": "Error"}
    assert "ended with code 3" in statuses[0]["StatusDetails"]


def test_one_that_cannot_be_started_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = watcher(tmp_path, ["/nowhere/python"])
    one.start()
    assert one.asked_to_stop() is None
    assert set(words(one.finish(PATIENCE_S)).values()) == {"Error"}
    assert "the rules are not evaluated" in caplog.text


def test_what_was_not_recorded_cannot_be_called_healthy(tmp_path: Path) -> None:
    one = watcher(tmp_path)
    one.start()
    (tmp_path / "tensors" / "training_job_end.ts").touch()
    statuses = one.finish(PATIENCE_S, "Recording ended before the training did: no space.")
    assert {each["StatusDetails"] for each in statuses} == {
        "Recording ended before the training did: no space."
    }
    assert set(words(statuses).values()) == {"Error"}


def test_each_rule_that_does_not_pass_gets_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write = (
        "import sys, json, pathlib; p = pathlib.Path(sys.argv[4], 'rule_status.json'); "
        "p.write_text(json.dumps([dict(RuleConfigurationName='VanishingGradient', "
        "RuleEvaluationStatus='NoIssuesFound', StatusDetails=''), "
        "dict(RuleConfigurationName='ExplodingTensor', RuleEvaluationStatus='IssuesFound', "
        "StatusDetails='It exploded.')]))"
    )
    one = watcher(tmp_path, script(write))
    one.start()
    one.finish(PATIENCE_S)
    assert caplog.messages == ["rule ExplodingTensor: IssuesFound: It exploded."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"rule": "Overfit", "reason": "It overfits."}', Asked("Overfit", "It overfits.")),
        ("[]", Asked("unknown", "the stop file does not say why.")),
        ("{", Asked("unknown", "the stop file does not say why.")),
    ],
)
def test_a_rule_asks_the_training_to_end_by_a_file(
    tmp_path: Path, content: str, reason: Asked
) -> None:
    one = watcher(tmp_path)
    assert one.asked_to_stop() is None
    (tmp_path / "rule-stop.json").write_text(content)
    assert one.asked_to_stop() == reason


def test_what_an_earlier_training_in_the_same_tree_was_told_is_gone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    old = [tmp_path / "rule-stop.json", tmp_path / "data" / "debug-report.html"]
    for path in old:
        path.write_text("old")
    one = watcher(tmp_path, script("pass"))
    one.start()
    assert one.asked_to_stop() is None
    one.finish(PATIENCE_S)
    assert not any(path.exists() for path in old)


def test_it_leaves_the_gpu_and_the_cores_to_the_training(tmp_path: Path) -> None:
    tell = (
        "import os, sys, pathlib; e = os.environ; pathlib.Path(sys.argv[4], 'told').write_text("
        'f\'{e["CUDA_VISIBLE_DEVICES"]}|{e["OMP_NUM_THREADS"]}|{os.getsid(0)}\')'
    )
    one = watcher(tmp_path, script(tell))
    one.start()
    one.finish(PATIENCE_S)
    gpus, threads, session = (tmp_path / "data" / "told").read_text().split("|")
    assert (gpus, threads) == ("", "1")
    assert int(session) != os.getsid(0), "a Ctrl-C for the training would end it too"
