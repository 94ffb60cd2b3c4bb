"""The processes of tuning jobs: started, started again when they died, and ended."""

import time
from collections.abc import Iterable
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.machines import runners
from local_test.cloud.store import MissingError
from local_test.cloud.training import jobs
from local_test.cloud.tuning import lock
from local_test.cloud.tuning.trials import KIND, Trials

Document = dict[str, Any]

MODULE = "local_test.cloud.tuning"
UNDERWAY = ("InProgress", "Stopping")
_MOST_RESTARTS = 5
_END_S = 15.0
_LOOK_EVERY_S = 0.1


def start(cloud: Cloud, name: str) -> None:
    """Start the tuner of a tuning job that has none.

    Raises:
        ApiError: no process can be started.
    """
    _restart(cloud, name, counted=False)


def ensure(cloud: Cloud, document: Document) -> None:
    """Start a tuner that died again; after too many deaths the tuning job has failed."""
    if document["HyperParameterTuningJobStatus"] not in UNDERWAY or _has_tuner(cloud, document):
        return
    _restart(cloud, document["HyperParameterTuningJobName"], counted=True)


def resume(cloud: Cloud) -> None:
    """Start the tuners of all tuning jobs that run, after a restart of the endpoint."""
    for document in _underway(cloud):
        if not _has_tuner(cloud, document):
            start(cloud, document["HyperParameterTuningJobName"])


def end(cloud: Cloud) -> None:
    """Stop all tuning jobs, and wait until their training jobs have ended."""
    for document in _underway(cloud):
        ensure(cloud, document)
        request_stop(cloud, document["HyperParameterTuningJobName"])
    deadline = time.monotonic() + cloud.settings.stop_grace_s + _END_S
    while _underway(cloud) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)


def request_stop(cloud: Cloud, name: str) -> None:
    """Let the tuner of `name` stop its training jobs, and then itself.

    Raises:
        MissingError: the tuning job was deleted meanwhile.
    """

    def change(document: Document) -> None:
        if document["HyperParameterTuningJobStatus"] == "InProgress":
            document["HyperParameterTuningJobStatus"] = "Stopping"
            document["LastModifiedTime"] = time.time()

    cloud.store.change(KIND, name, change)


def _underway(cloud: Cloud) -> list[Document]:
    return [
        document
        for document in cloud.store.all(KIND)
        if document["HyperParameterTuningJobStatus"] in UNDERWAY
    ]


def _has_tuner(cloud: Cloud, document: Document) -> bool:
    """Whether a process sees to the tuning job.

    The lock has the last word: numbers and times of processes can mislead after the clock was set.
    """
    known = document.get("_tuner")
    if known is not None and runners.is_running(known):
        return True
    return lock.is_held(cloud, document["HyperParameterTuningJobName"])


def _restart(cloud: Cloud, name: str, *, counted: bool) -> None:
    def change(document: Document) -> None:
        if document["HyperParameterTuningJobStatus"] not in UNDERWAY or _has_tuner(cloud, document):
            return  # Another request was faster.
        restarts = int(document.get("_restarts", 0)) + counted
        if restarts > _MOST_RESTARTS:
            _give_up(document)
        else:
            document["_restarts"] = restarts
            document["_tuner"] = runners.start_runner(cloud, MODULE, name)

    try:
        document = cloud.store.change(KIND, name, change)
    except MissingError:
        return
    except OSError as error:
        raise ApiError(
            "InternalFailure", f"The process of the tuning job cannot be started: {error}.", 500
        ) from error
    if document["HyperParameterTuningJobStatus"] == "Failed":
        _stop(cloud, (trial.name for trial in Trials(cloud.store, name).all() if trial.created))


def _give_up(document: Document) -> None:
    name = document["HyperParameterTuningJobName"]
    document["HyperParameterTuningJobStatus"] = "Failed"
    document["HyperParameterTuningEndTime"] = document["LastModifiedTime"] = time.time()
    document["FailureReason"] = (
        f"InternalServerError: The process of the tuning job died {_MOST_RESTARTS + 1} times; "
        f"see runners/tuning-{name}.log below the root of the local cloud."
    )


def _stop(cloud: Cloud, names: Iterable[str]) -> None:
    for name in names:
        try:
            jobs.stop(cloud, name)
        except ApiError:
            continue  # It has ended.
