"""The instances of one attempt of a job: started together, followed, ended together."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from imageclf.contract import FAILURE_REASON_CHARACTERS, Tree
from local_test.cloud import machines
from local_test.cloud.cloud import Cloud
from local_test.cloud.logs import TRAINING_JOBS
from local_test.cloud.machines.log_pump import LogPump, OnLine
from local_test.cloud.machines.machine import Container, Instance
from local_test.cloud.operations import Document
from local_test.cloud.training import confined
from local_test.cloud.training.watch import Why

_POLL_S = 0.02
_ASK_AGAIN_S = 10.0
_DEAD_WITHIN_S = 10.0


class Instances:
    """What runs, by host."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._running: dict[str, Instance] = {}
        self._pumps: dict[str, LogPump] = {}
        self._trees: dict[str, Tree] = {}
        self._last_line: dict[str, str] = {}
        self._failed: dict[str, int] = {}

    def start(self, cloud: Cloud, container: Container, stream: str, on_line: OnLine) -> None:
        """Start one; its log goes to the stream, and line by line to `on_line`.

        Raises:
            UnusableImageError: the image cannot be run here.
            OSError: no process can be started, or the disk is full.
        """
        host = container.host

        def note(at_s: float, line: str) -> None:
            self._last_line[host] = line or self._last_line.get(host, "")
            on_line(at_s, line)

        self._trees[host] = Tree(container.ml)
        self._pumps[host] = LogPump(cloud.logs, TRAINING_JOBS, stream, container.log, note)
        self._running[host] = machines.start(cloud.settings, container)

    def follow(self, why: Callable[[], Why | None], tick: Callable[[], None]) -> Why:
        """Wait for the end: of all, or of one that failed, or because `why` gives a reason.

        Returns when nothing runs any more and the logs are passed on. `tick` is called often.
        """
        reason: Why | None = None
        while reason is None:
            codes = self._codes()
            if all(code is not None for code in codes) or any(codes):
                reason = Why.ENDED
                self._failed = {
                    host: code for host, code in zip(self._running, codes, strict=True) if code
                }
            else:
                reason = why()
                self._wait(tick)
        self._end(tick)
        return reason

    def failure(self) -> str | None:
        """What went wrong on the first host that failed, in AWS's words; None if all is well."""
        for host, code in self._failed.items():
            return f"AlgorithmError: {self._told(host)}, exit code: {code}"
        return None

    def close(self) -> None:
        """Kill what still runs, and pass on what was logged."""
        for instance in self._running.values():
            instance.send("KILL")
        for pump in self._pumps.values():
            pump.close()

    def _told(self, host: str) -> str:
        """The program's own words, or else the last thing that it said."""
        tree = self._trees[host]
        failure = confined.read_text(tree.failure, tree.root, FAILURE_REASON_CHARACTERS)
        return failure.strip() or self._last_line.get(host, "")

    def _codes(self) -> list[int | None]:
        return [instance.exit_code() for instance in self._running.values()]

    def _end(self, tick: Callable[[], None]) -> None:
        """SIGTERM, the grace, SIGKILL, for those that still run."""
        begun_s = time.monotonic()
        ask_at_s = dict.fromkeys(self._running, begun_s)
        while None in self._codes():
            since_s = time.monotonic() - begun_s
            if since_s > self._grace_s + _DEAD_WITHIN_S:
                break  # nothing can be done about a process that the kernel does not let go
            for host, instance in self._running.items():
                if since_s > self._grace_s:
                    instance.send("KILL")
                elif time.monotonic() >= ask_at_s[host] and instance.send("TERM"):
                    ask_at_s[host] = time.monotonic() + _ASK_AGAIN_S
            self._wait(tick)
        self.close()

    def _wait(self, tick: Callable[[], None]) -> None:
        for pump in self._pumps.values():
            pump.pump()
        tick()
        time.sleep(_POLL_S)


def container(
    job: Document, host: str, hosts: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> Container:
    """What runs on `host`, as the request has it; `folder` is the instance's own."""
    algorithm = job["AlgorithmSpecification"]
    own = tuple(algorithm.get("ContainerEntrypoint", ()))
    given = tuple(algorithm.get("ContainerArguments", ()))
    return Container(
        name=f"{job['TrainingJobName']}-{host}",
        image=algorithm["TrainingImage"],
        entrypoint=own,
        arguments=given or (() if own else ("train",)),
        environment=environment,
        ml=folder / "ml",
        log=folder / "log",
        read_only=tuple(
            f"input/data/{one['ChannelName']}"
            for one in job.get("InputDataConfig", ())
            if (one.get("InputMode") or algorithm.get("TrainingInputMode")) == "FastFile"
        ),
        host=host,
        hosts=hosts,
    )
