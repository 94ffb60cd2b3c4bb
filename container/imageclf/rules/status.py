"""Keeps how the rules stand and what they found as files, as `files.Files` names them."""

import errno
import json
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from imageclf.rules.engine import RuleState
from imageclf.rules.files import DEBUGGER, Files
from imageclf.rules.finding import Finding

MAX_DETAILS_CHARACTERS = 1024
"""Longest StatusDetails of SageMaker's API."""


def as_json(state: RuleState) -> dict[str, str]:
    """One entry of DebugRuleEvaluationStatuses, as DescribeTrainingJob has it."""
    changed = datetime.fromtimestamp(state.changed_at, UTC)
    return {
        "RuleConfigurationName": state.configuration.name,
        "RuleEvaluationJobArn": "",
        "RuleEvaluationStatus": state.status.value,
        "StatusDetails": state.details[:MAX_DETAILS_CHARACTERS],
        "LastModifiedTime": changed.isoformat(timespec="milliseconds"),
    }


class StatusFiles:
    """The two files in `folder`, which is made; what an earlier evaluation left is replaced.

    A disk that is full, or a folder that is gone, must not end the evaluation: `failure` says what
    is wrong, and is empty again once writing works.
    """

    def __init__(self, folder: Path, names: Files = DEBUGGER) -> None:
        self.failure = ""
        self._names = names
        self._folder = folder
        self._written = ""
        self._findings: list[str] = []
        self._begun = False

    def add(self, finding: Finding) -> None:
        """Keep a finding for the next `write`."""
        self._findings.append(json.dumps(finite(finding.as_json())) + "\n")

    def write(self, states: Sequence[RuleState]) -> None:
        """Bring both files up to date; costs nothing when nothing has changed."""
        try:
            self._write_findings()
            self._write_statuses(json.dumps([as_json(state) for state in states], indent=1))
        except OSError as error:
            self.failure = f"{self._folder} cannot be written ({error.strerror})."
        else:
            self.failure = ""

    def _write_findings(self) -> None:
        if self._begun and not self._findings:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        data = "".join(self._findings).encode()
        with (self._folder / self._names.findings).open(
            "ab" if self._begun else "wb", buffering=0
        ) as file:
            size = file.tell()
            if file.write(data) < len(data):
                os.ftruncate(file.fileno(), size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._begun, self._findings = True, []

    def _write_statuses(self, text: str) -> None:
        if text == self._written:
            return
        path = self._folder / self._names.status
        whole = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            whole.write_text(text)
            whole.replace(path)
        except OSError:
            whole.unlink(missing_ok=True)
            raise
        self._written = text


def finite(value: Any) -> Any:
    """`value` as JSON can hold it, which has no NaN and no infinity: `null` stands for them."""
    if isinstance(value, np.generic | np.ndarray):
        return finite(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
