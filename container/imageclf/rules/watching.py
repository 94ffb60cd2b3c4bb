"""The process that evaluates the rules while a training runs: started, asked, ended.

It is a program like `python -m imageclf.debugger.live`, in a session of its own, so that a Ctrl-C
for the training does not end it before it has seen the last step. It ends by itself when the
training dies. What it says reaches the training by files; nothing it does, or fails to do, can harm
the training.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from imageclf import artifact
from imageclf.rules import asked
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.files import STOP_FILE, Files
from imageclf.rules.finding import Status

log = logging.getLogger(__name__)

_TERM_PATIENCE_S = 5.0

Statuses = list[dict[str, Any]]
"""What the file of statuses holds: an object for each rule."""


@dataclass(frozen=True)
class Program:
    """What evaluates rules of one kind, and the files that it writes."""

    command: tuple[str, ...]
    files: Files

    @classmethod
    def of_module(cls, name: str, files: Files) -> Self:
        """A module that is run by this very Python."""
        return cls((sys.executable, "-m", name), files)


@dataclass(frozen=True)
class Asked:
    """A rule asked the training to end."""

    rule: str
    reason: str

    def __str__(self) -> str:
        return f"ended by rule {self.rule}: {self.reason}"


class Watcher:
    """The process that watches one training.

    Args:
        watched: where the training writes what the rules look at.
        output: folder of statuses, findings and report, `output/data`.
        rules: what is evaluated.
    """

    def __init__(
        self,
        program: Program,
        watched: Path,
        output: Path,
        rules: Sequence[RuleConfiguration],
    ) -> None:
        self._program = program
        self._files = program.files
        self._watched = watched
        self._output = output
        self._rules = rules
        self._stop_file = output.parent / STOP_FILE
        self._process: subprocess.Popen[bytes] | None = None
        self._statuses: Statuses | None = None

    def start(self) -> None:
        """Start it; a failure to start becomes the status of all rules."""
        with contextlib.suppress(OSError):
            self._clear()
        rules_file = self._output.parent / self._files.rules
        try:
            self._output.mkdir(parents=True, exist_ok=True)
            artifact.write_json(rules_file, asked.as_list(self._rules))
            self._process = subprocess.Popen(
                [*self._program.command, *self._arguments(rules_file)],
                env=_quiet(os.environ),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            log.warning("the rules are not evaluated: %s", error)

    def asked_to_stop(self) -> Asked | None:
        """What a rule said when it asked the training to end; None while none has."""
        try:
            content = self._stop_file.read_bytes()
        except OSError:
            return None
        return _stop_request(content)

    def finish(self, patience_s: float, fault: str = "") -> Statuses:
        """Wait until it has seen all, at most `patience_s`, and say how the rules stand.

        A second call says the same again.

        Args:
            fault: why not everything was recorded, one sentence; empty when all was.
        """
        if self._statuses is None:
            cause = self._end(patience_s)
            self._statuses = self._read()
            if fault:
                self._amend(fault, {status.value for status in Status} - {Status.ISSUES.value})
            elif cause:
                self._amend(cause, {Status.IN_PROGRESS.value, Status.NO_ISSUES.value})
            _tell(self._statuses)
        return self._statuses

    def _arguments(self, rules_file: Path) -> list[str]:
        told = {
            "--watched": self._watched,
            "--output": self._output,
            "--stop-file": self._stop_file,
            "--rules": rules_file,
            "--parent": os.getpid(),
        }
        return [str(part) for pair in told.items() for part in pair]

    def _clear(self) -> None:
        """Remove what an earlier training in the same tree was told."""
        self._stop_file.unlink(missing_ok=True)
        for name in (self._files.status, self._files.findings, self._files.report):
            (self._output / name).unlink(missing_ok=True)

    def _end(self, patience_s: float) -> str:
        """Wait for it, then ask it to end, then end it; why it did not end well, or nothing."""
        if self._process is None:
            return "The process that evaluates the rules could not be started."
        process = self._process
        with contextlib.suppress(OSError):  # the training is over: nothing has to be left to it
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0))
        try:
            code = process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.terminate()
            cause = f"The rules were not done {patience_s:g} s after the training."
            try:
                process.wait(_TERM_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return cause
        return f"The process that evaluates the rules ended with code {code}." if code else ""

    def _read(self) -> Statuses:
        """The statuses as they were written; of each rule one, whatever the file holds."""
        try:
            content = json.loads((self._output / self._files.status).read_bytes())
        except (OSError, ValueError):
            content = []
        written = content if isinstance(content, list) else []
        known = {one.get("RuleConfigurationName"): one for one in written if isinstance(one, dict)}
        return [_unknown(rule.name) | known.get(rule.name, {}) for rule in self._rules]

    def _amend(self, sentence: str, unsure: Collection[str]) -> None:
        """Let no rule say that all is well, or miss something, when not all was seen."""
        assert self._statuses is not None
        for one in self._statuses:
            if one["RuleEvaluationStatus"] in unsure:
                one.update(_changed(Status.ERROR, sentence))
        try:
            artifact.write_json(self._output / self._files.status, self._statuses)
        except OSError as error:
            log.warning("the rules' statuses could not be written: %s", error)


def _quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """No GPU and one thread: all of the machine is the training's."""
    return {**environment, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def _stop_request(content: bytes) -> Asked:
    try:
        said = json.loads(content)
        return Asked(str(said["rule"]), str(said["reason"]))
    except (ValueError, TypeError, KeyError):
        return Asked("unknown", "the stop file does not say why.")


def _unknown(name: str) -> dict[str, Any]:
    start = {"RuleConfigurationName": name, "RuleEvaluationJobArn": ""}
    return start | _changed(Status.IN_PROGRESS, "")


def _changed(status: Status, details: str) -> dict[str, str]:
    return {
        "RuleEvaluationStatus": status.value,
        "StatusDetails": details,
        "LastModifiedTime": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _tell(statuses: Statuses) -> None:
    """A line for all rules of which the same is to be said."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in statuses:
        if one["RuleEvaluationStatus"] != Status.NO_ISSUES.value:
            said = (str(one["RuleEvaluationStatus"]), str(one["StatusDetails"]))
            names.setdefault(said, []).append(str(one["RuleConfigurationName"]))
    for (status, details), rules in names.items():
        word = "rule" if len(rules) == 1 else "rules"
        log.info("%s %s: %s: %s", word, ", ".join(rules), status, details)
