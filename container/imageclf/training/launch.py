"""How the training processes of one host are started, watched and stopped."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from sagemaker_training.process import ProcessRunner

from imageclf.training import outcome

MASTER_PORT_VARIABLE = "MASTER_PORT"
_MASTER_PORT = "7777"
_TORCHRUN = Path(__file__).parent / "start" / "several.py"


@dataclass(frozen=True)
class Plan:
    """Which processes run where."""

    hosts: Sequence[str]
    current_host: str
    processes: int

    @property
    def distributed(self) -> bool:
        return len(self.hosts) * self.processes > 1

    def command(self, program: str) -> list[str]:
        """The command that starts this host's processes."""
        if not self.distributed:
            return [sys.executable, program]
        launcher = [sys.executable, str(_TORCHRUN)]
        return [*launcher, f"--nproc_per_node={self.processes}", *self._meeting(), program]

    def _meeting(self) -> list[str]:
        hosts = sorted(self.hosts)
        if len(hosts) == 1:
            return ["--standalone"]
        return [
            f"--nnodes={len(hosts)}",
            f"--node_rank={hosts.index(self.current_host)}",
            f"--master_addr={hosts[0]}",
            f"--master_port={os.environ.get(MASTER_PORT_VARIABLE, _MASTER_PORT)}",
        ]


class StopForwarder:
    """Hands SIGTERM and SIGINT on to the training processes, also when it comes before them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._child: subprocess.Popen[bytes] | None = None
        self._received = False

    def install(self) -> None:
        """Listen from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def watch(self, child: subprocess.Popen[bytes]) -> None:
        """Hand signals to `child`, the ones that came before too."""
        self._child = child
        if self._received:
            self._forward()

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        first, self._received = not self._received, True
        if first and self._child is not None:
            self._forward()

    def _forward(self) -> None:
        """torchrun would kill its processes 30 s after a signal, so they get it themselves."""
        assert self._child is not None
        try:
            top = psutil.Process(self._child.pid)
            programs = top.children() if self._plan.distributed else []
            for process in programs or [top]:
                process.send_signal(signal.SIGTERM)
        except psutil.NoSuchProcess:
            return


class TrainingRunner(ProcessRunner):  # type: ignore[misc]
    """What `sagemaker_training.entry_point.run` runs; `code` is how it ended.

    Our own, because the toolkit's runners put hyperparameters on a shell's command line, take no
    signal and hide the exit code. The program reads `/opt/ml/input/config` itself.
    """

    def __init__(self, plan: Plan, forwarder: StopForwarder, program: Path) -> None:
        super().__init__(program.name, [], {}, plan.processes)
        self.code = 1
        self._plan = plan
        self._forwarder = forwarder
        self._program = program

    def run(self, wait: bool = True, capture_error: bool = False) -> Any:  # noqa: ARG002, FBT
        """Start the processes and wait for their end."""
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "outcome"
            environment = {**os.environ, outcome.OUTCOME_VARIABLE: str(told)}
            child = subprocess.Popen(self._plan.command(str(self._program)), env=environment)
            self._forwarder.watch(child)
            self.code = outcome.read(told, child.wait())
        return child
