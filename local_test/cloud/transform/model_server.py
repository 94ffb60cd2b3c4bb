"""The container of a transform job: a model that is served for as long as the job runs."""

import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3

from local_test.cloud import logs, machines
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import artifacts
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.hosting.deployment import STARTUP_TIMEOUT_S
from local_test.cloud.job_run import JobFailedError, Run, end_instances
from local_test.cloud.machines.log_pump import LogPump
from local_test.cloud.machines.machine import Container
from local_test.cloud.machines.ports import free_port
from local_test.cloud.settings import HOST
from local_test.cloud.transform.plan import Plan

_PING_TIMEOUT_S = 2.0
_LOOK_EVERY_S = 0.05
_FIRST_PAUSE_S = 0.25
_CONNECTIONS = 256
_SHOWN_CHARACTERS = 300
_OK, _TOO_MANY, _FAULT = 200, 429, 500


class RequestFailedError(Exception):
    """The container did not give an answer that counts; the message begins as AWS's reasons do."""


class ModelServer:
    """One instance that serves the model of `run`'s job; to be closed."""

    def __init__(self, run: Run, model: ModelContainer, folder: Path) -> None:
        self._run = run
        self.id = f"i-{uuid.uuid4().hex[:17]}"
        self.folder = folder / self.id
        container = _container(run, model, self.folder)
        try:
            artifacts.provide(run.cloud, model, container.ml / "model")
        except ApiError as error:
            raise JobFailedError(f"ClientError: {error.message}") from error
        self._pump = LogPump(
            run.cloud.logs, logs.TRANSFORM_JOBS, f"{run.name}/{self.id}", container.log
        )
        self._instance = machines.start(run.cloud.settings, container)
        self._pump.start()
        self._connections = urllib3.HTTPConnectionPool(
            HOST, container.port, maxsize=_CONNECTIONS, retries=False
        )

    def wait_ready(self) -> None:
        """Wait until `/ping` says 200.

        Raises:
            JobFailedError: the container ended, or took too long.
            StoppedError: the job was stopped.
        """
        deadline_s = time.monotonic() + STARTUP_TIMEOUT_S
        while not self._answers_ping():
            code = self._instance.exit_code()
            if code is not None or time.monotonic() > deadline_s:
                raise JobFailedError(
                    "AlgorithmError: The primary container did not pass the ping health check"
                    + ("" if code is None else f", it ended with exit code {code}")
                    + ". See job logs for more information"
                )
            self._run.wait(_LOOK_EVERY_S)

    def parameters(self) -> Mapping[str, Any]:
        """What the container offers at `/execution-parameters`, if it does."""
        try:
            answer = self._connections.request(
                "GET", "/execution-parameters", timeout=_PING_TIMEOUT_S
            )
            offered = json.loads(answer.data) if answer.status == _OK else {}
        except (urllib3.exceptions.HTTPError, ValueError):
            return {}
        return offered if isinstance(offered, dict) else {}

    def ask(self, plan: Plan, body: bytes) -> bytes:
        """The container's answer to one request, which is sent again when it fails.

        Raises:
            RequestFailedError: it was refused, or failed each time.
            StoppedError: the job was stopped.
            JobFailedError: the container has ended.
        """
        for attempt in range(plan.retries + 1):
            self._run.check()
            status, answer = self._send(plan, body)
            if status == _OK:
                return answer
            if 0 < status < _FAULT and status != _TOO_MANY:
                break
            if (code := self._instance.exit_code()) is not None:
                raise JobFailedError(
                    f"AlgorithmError: The container ended with exit code {code} while it was "
                    "asked. See job logs for more information"
                )
            if attempt < plan.retries:
                self._run.wait(_FIRST_PAUSE_S * 2**attempt)
        raise RequestFailedError(_reason(status, answer))

    def close(self) -> None:
        """SIGTERM, and SIGKILL after the grace; the log is kept."""
        end_instances([self._instance], self._run.cloud.settings.stop_grace_s)
        self._connections.close()
        self._pump.stop()

    def _answers_ping(self) -> bool:
        try:
            answer = self._connections.request("GET", "/ping", timeout=_PING_TIMEOUT_S)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == _OK

    def _send(self, plan: Plan, body: bytes) -> tuple[int, bytes]:
        """Status and body; status 0 when there was no answer."""
        timeout = urllib3.Timeout(connect=_PING_TIMEOUT_S, read=plan.timeout_s)
        try:
            answer = self._connections.request(
                "POST", "/invocations", body=body, headers=dict(plan.headers), timeout=timeout
            )
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error).encode()
        return answer.status, answer.data


def _reason(status: int, answer: bytes) -> str:
    whose = "ClientError" if _OK <= status < _FAULT else "AlgorithmError"
    said = answer[:_SHOWN_CHARACTERS].decode("utf-8", errors="replace").strip()
    if not status:
        return f"{whose}: no answer: {said}"
    return f"{whose}: {status}: {said}"


def _container(run: Run, model: ModelContainer, folder: Path) -> Container:
    job = run.job
    batch = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": job.get("MaxPayloadInMB"),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": job.get("MaxConcurrentTransforms"),
        "SAGEMAKER_BATCH_STRATEGY": job.get("BatchStrategy"),
    }
    known = {name: str(value) for name, value in batch.items() if value is not None}
    return Container(
        name=f"{run.name}-{folder.name}-{os.getpid()}",
        image=model.image,
        arguments=("serve",),
        environment=known | model.environment | job.get("Environment", {}),
        ml=folder / "ml",
        log=folder / "log",
        read_only=("model",),
        port=free_port(),
    )
