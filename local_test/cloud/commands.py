"""The commands that start, stop and ask an endpoint which runs in a process of its own."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from imageclf.errors import SettingsError
from local_test.cloud.holder import Holder, holder
from local_test.cloud.settings import PREFIX, CloudSettings
from local_test.cloud.store import Document, MissingError, Store

REPOSITORY = Path(__file__).parents[2]
SDK_CONFIG = "sagemaker.yaml"
"""Below the root: what SageMaker's Python SDK reads its defaults from."""

_START_S = 120.0
_LOOK_EVERY_S = 0.05
_UNWANTED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def start(settings: CloudSettings) -> int:
    """Start the endpoint in the background and say how to use it; returns an exit code.

    Raises:
        SettingsError: it does not start; the message is the process's own.
    """
    found = holder(settings.root)
    if found is not None:
        print(f"A local cloud runs already; it answers at {found.address}.")
    else:
        found = _start(settings)
        print(f"The local cloud answers at {found.address} and keeps all it has in", end=" ")
        print(f"{_short(settings.root)}.")
    script = _short(REPOSITORY / "local_test" / "cloud.sh")
    print("To use it, type this in each shell; AWS clients and scripts/ then speak to it:")
    print(f'    eval "$({_prefix(settings)}{script} env)"')
    print(f"`{_prefix(settings)}{script} stop` stops it, with all that runs in it.")
    return 0


def _start(settings: CloudSettings) -> Holder:
    log = settings.root / "log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            begin = output.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "local_test.cloud", "serve"],
                cwd=REPOSITORY,
                env=os.environ | settings.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise SettingsError(
            f"{settings.root} cannot be written to ({error.strerror}); choose another folder with "
            "LOCAL_CLOUD_ROOT."
        ) from error
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = holder(settings.root)
        if found is not None and found.pid == process.pid:
            return found
        if process.poll() is not None:
            raise SettingsError(_last_line(log, begin))
        time.sleep(_LOOK_EVERY_S)
    process.kill()
    raise SettingsError(f"The local cloud did not answer within {_START_S:g} s; look into {log}.")


def _last_line(log: Path, begin: int) -> str:
    lines = log.read_bytes()[begin:].decode(errors="replace").splitlines()
    return lines[-1] if lines else f"The local cloud ended at once; look into {log}."


def stop(settings: CloudSettings) -> int:
    """Stop the endpoint and all that runs in it, and wait until that is done."""
    found = holder(settings.root)
    if found is None:
        print("No local cloud runs.")
        return 0
    if running := _running(Store(settings.root)):
        print(f"Stopping {', '.join(running)}; that may take {settings.stop_grace_s:g} s.")
    os.kill(found.pid, signal.SIGTERM)
    while holder(settings.root) == found:
        time.sleep(_LOOK_EVERY_S)
    print(f"Stopped the local cloud that answered at {found.address}.")
    return 0


def status(settings: CloudSettings) -> int:
    """Say whether it runs, and what runs in it; the exit code is 3 when it does not."""
    found = holder(settings.root)
    if found is None:
        print(f"No local cloud runs on {_short(settings.root)}.")
        return 3
    print(f"The local cloud answers at {found.address} (process {found.pid}).")
    for line in _running(Store(settings.root)):
        print(f"    {line}")
    return 0


def _running(store: Store) -> list[str]:
    kinds = {
        "training-job": "TrainingJob",
        "hyper-parameter-tuning-job": "HyperParameterTuningJob",
        "processing-job": "ProcessingJob",
        "transform-job": "TransformJob",
        "endpoint": "Endpoint",
    }
    over = {"Completed", "Failed", "Stopped"}
    return [
        f"{kind.replace('-', ' ')} {document[f'{field}Name']}: {document[f'{field}Status']}"
        for kind, field in kinds.items()
        for document in store.all(kind)
        if document.get(f"{field}Status") not in over
    ]


def env(settings: CloudSettings, environment: Mapping[str, str] = os.environ) -> int:
    """Print what a shell must evaluate so that AWS clients speak to the endpoint.

    Raises:
        SettingsError: none runs.
    """
    found = _found(settings)
    for name in _UNWANTED:
        if name in environment:
            print(f"unset {name}")
    for name, value in client_environment(settings, found.address).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def client_environment(settings: CloudSettings, address: str) -> dict[str, str]:
    """The variables that make AWS clients and SageMaker's SDKs speak to the endpoint."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings.root / SDK_CONFIG),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }


def interrupt(settings: CloudSettings, job: str) -> int:
    """Take the instances of a spot job away now, as AWS does when it needs them.

    Raises:
        SettingsError: no endpoint runs; there is no such job, it is over, or no spot job.
    """
    _found(settings)
    try:
        Store(settings.root).change("training-job", job, _reclaim)
    except MissingError as error:
        raise SettingsError(f"There is no training job {job}.") from error
    print(f"{job} is being interrupted.")
    return 0


def _found(settings: CloudSettings) -> Holder:
    found = holder(settings.root)
    if found is None:
        raise SettingsError(
            f"No local cloud runs on {_short(settings.root)}; start it with `make local-cloud`."
        )
    return found


def _reclaim(document: Document) -> None:
    name, state = document["TrainingJobName"], document["TrainingJobStatus"]
    if not document.get("EnableManagedSpotTraining"):
        raise SettingsError(f"{name} is no spot job (EnableManagedSpotTraining), so it stays.")
    if state != "InProgress":
        raise SettingsError(f"{name} is {state}; only a job in progress can be interrupted.")
    document["_interrupt"] = True


def _prefix(settings: CloudSettings) -> str:
    """What stands before a command so that it finds this endpoint, not the usual one."""
    if settings.root == CloudSettings().root:
        return ""
    return f"{PREFIX}ROOT={shlex.quote(str(settings.root))} "


def _short(path: Path) -> str:
    """`path` as it is written from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
