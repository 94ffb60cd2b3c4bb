"""The rules of a job, evaluated while it runs: a process for each, on this machine.

Such a process is `python -m imageclf analyze`, which reads the tensors or the profile that the job
saves. It gets what a job of its own would get on AWS: the endpoint's address, the training job's
name, a log.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.logs import PROCESSING_JOBS
from local_test.cloud.machines import environment, marks
from local_test.cloud.machines.log_pump import LogPump
from local_test.cloud.operations import Document
from local_test.cloud.training import channels, rules
from local_test.cloud.training.faults import FAULTS, explain
from local_test.cloud.training.mirror import Mirror
from local_test.cloud.training.transitions import KIND

_PATIENCE_S = 120.0
_GRACE_S = 10.0
_LOOK_EVERY_S = 0.1
_MOST_BYTES = 1 << 20
_NICE = 10
_WRONG_SETTINGS = 2


@dataclass
class _Evaluation:
    """One rule: its process, and what it wrote last."""

    kind: rules.Kind
    configuration: Mapping[str, Any]
    folder: Path
    process: "subprocess.Popen[bytes]"
    pump: LogPump
    seen: bytes = b""
    left: bool = False

    @property
    def name(self) -> str:
        return str(self.configuration["RuleConfigurationName"])


class Evaluations:
    """The rules of one attempt at a job.

    Args:
        folder: of their own, not of the job's.
        watched: where the job saves what the rules of each kind look at.
    """

    def __init__(
        self, cloud: Cloud, job: Document, folder: Path, watched: Mapping[rules.Kind, Path]
    ) -> None:
        self._cloud = cloud
        self._job = job
        self._job_name: str = job["TrainingJobName"]
        self._folder = folder
        self._watched = watched
        self._running: list[_Evaluation] = []
        self._known: set[tuple[rules.Kind, str]] = set()

    def start(self, job: Document) -> None:
        """Start those whose status is not the last one and that were not started before.

        One that cannot be started is an Error.
        """
        for kind, configuration in rules.to_evaluate(job):
            name = configuration["RuleConfigurationName"]
            if (kind, name) in self._known:
                continue
            self._known.add((kind, name))
            folder = self._folder / str(len(self._known))
            try:
                self._running.append(self._start(folder, kind, configuration))
            except (channels.ChannelError, OSError) as error:
                self._set(kind, name, rules.ERROR, f"The rule cannot be evaluated: {error}")

    def leave(self, kind: rules.Kind) -> None:
        """Let the rules of one kind conclude on what they have seen."""
        for one in self._running:
            if one.kind is kind and not one.left:
                one.left = True
                one.process.terminate()

    def look(self) -> None:
        """Note what has changed."""
        for one in list(self._running):
            if one.process.poll() is not None:
                self._close(one)
            else:
                one.pump.pump()
                self._note(one)

    def finish(self, go_on: Callable[[], bool]) -> None:
        """Wait until all are done, as long as `go_on`; what is not done then is stopped.

        Their output is in S3 afterwards, and their statuses are the last ones.
        """
        deadline_s = time.monotonic() + _PATIENCE_S
        while self._running and go_on() and time.monotonic() < deadline_s:
            time.sleep(_LOOK_EVERY_S)
            self.look()
        self._terminate()
        self.look()

    def abandon(self) -> None:
        """End all of them; they begin anew with the job's next attempt."""
        self._terminate()
        for one in self._running:
            one.pump.close()
        self._running.clear()

    def _start(
        self, folder: Path, kind: rules.Kind, configuration: Mapping[str, Any]
    ) -> _Evaluation:
        output, log = folder / "output", folder / "log"
        output.mkdir(parents=True)
        rules_file = folder / "rules.json"
        rules_file.write_text(json.dumps([dict(configuration)]), encoding="utf-8")
        command = [sys.executable, "-m", "imageclf", "analyze", str(self._watched[kind]), "--live"]
        command += ["--rules-file", str(rules_file), "--output", str(output)]
        command += self._module(folder, configuration)
        if kind is rules.PROFILER and not rules.makes_page(configuration):
            command.append("--no-pages")
        with log.open("ab") as opened:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=opened,
                stderr=opened,
            )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        return _Evaluation(kind, configuration, output, process, self._pump(configuration, log))

    def _pump(self, configuration: Mapping[str, Any], log: Path) -> LogPump:
        stream = rules.job_name(self._job, configuration["RuleConfigurationName"])
        at_ms = int(self._job["CreationTime"] * 1000)
        return LogPump(self._cloud.logs, PROCESSING_JOBS, f"{stream}/algo-1-{at_ms}", log)

    def _module(self, folder: Path, configuration: Mapping[str, Any]) -> list[str]:
        """The arguments for a rule of the user's own, whose file is brought from S3."""
        parameters = configuration["RuleParameters"]
        if rules.SOURCE not in parameters:
            return []
        channels.fetch(self._cloud, {"S3Uri": parameters[rules.SOURCE]}, folder / "source")
        files = sorted((folder / "source").glob("*.py"))
        if len(files) != 1:
            raise channels.ChannelError(
                f"{parameters[rules.SOURCE]} holds {len(files)} Python files; give one."
            )
        return ["--module", f"{files[0]}:{parameters[rules.RULE_TO_INVOKE]}"]

    def _environment(self) -> dict[str, str]:
        settings = self._cloud.settings
        owner = {marks.OWNER: os.environ[marks.OWNER]} if marks.OWNER in os.environ else {}
        return {
            **environment.inherited(),
            **environment.client(settings),
            "TRAINING_JOB_NAME": self._job_name,
            "TRAINING_JOB_ARN": self._job["TrainingJobArn"],
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONUNBUFFERED": "1",
            **owner,
        }

    def _terminate(self) -> None:
        """SIGTERM, on which they judge what is there; SIGKILL to those that stay."""
        alive = [one.process for one in self._running if one.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline_s = time.monotonic() + _GRACE_S
        for process in alive:
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _close(self, one: _Evaluation) -> None:
        """The last status of a rule whose process has ended, and its output to S3."""
        self._running.remove(one)
        one.pump.close()
        self._note(one)
        job = self._cloud.store.find(KIND, self._job_name) or {}
        left = {(kind, each["RuleConfigurationName"]) for kind, each in rules.to_evaluate(job)}
        if (one.kind, one.name) in left:
            self._set(one.kind, one.name, *_unfinished(one))
        address = rules.output(self._job, one.kind, one.configuration)
        try:
            Mirror(self._cloud, address, one.folder, one.folder.parent).push()
        except FAULTS as error:
            details = f"The rule's output cannot be put into {address}: {explain(error)}"
            self._set(one.kind, one.name, rules.ERROR, details)

    def _note(self, one: _Evaluation) -> None:
        """Carry over what the process wrote, when that is new."""
        content = _read(one.folder / one.kind.files.status)
        if not content or content == one.seen:
            return
        one.seen = content
        with suppress(ValueError, KeyError, TypeError, IndexError):
            step = _step(_read(one.folder / one.kind.files.findings))
            status, details, at_s = rules.told(json.loads(content)[0], one.name, step)
            self._set(one.kind, one.name, status, details, at_s=at_s)

    def _set(
        self,
        kind: rules.Kind,
        name: str,
        status: str,
        details: str,
        *,
        at_s: float | None = None,
    ) -> None:
        changed_s = time.time() if at_s is None else at_s

        def change(job: Document) -> None:
            rules.change(job, kind, name, status=status, details=details, at_s=changed_s)

        self._cloud.store.change(KIND, self._job_name, change)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""


def _step(findings: bytes) -> int | None:
    """The step of the first finding, once its line is whole."""
    line, end, _ = findings.partition(b"\n")
    return int(json.loads(line)["step"]) if end else None


def _unfinished(one: _Evaluation) -> tuple[str, str]:
    """Status and details of a rule whose process did not write its last status."""
    code = one.process.returncode
    if code in {-signal.SIGTERM, -signal.SIGKILL}:
        return rules.STOPPED, rules.TOO_EARLY
    log = _read(one.folder.with_name("log")).decode("utf-8", "replace")
    said = [line for line in log.splitlines() if line.strip()] or ["it said nothing."]
    told = said[-1].removeprefix("error: ")
    return rules.ERROR, told if code == _WRONG_SETTINGS else f"Exit code {code}: {told}"
