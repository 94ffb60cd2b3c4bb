"""The states of a training job as AWS shows them: status, secondary status, their history.

All functions change a document in place, inside `Store.change`.
"""

import time
from typing import Any

from local_test.cloud.training import rules

Document = dict[str, Any]

KIND = "training-job"

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
STOPPING = "Stopping"

_MESSAGES = {
    "Starting": "Starting the training job",
    "Pending": "Training job waiting for capacity",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Interrupted": "The Spot instances were interrupted",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
}

_FAILURE_REASON_CHARACTERS = 1024

SPOT_SHARE = 0.3
"""Of its time, what a spot job is billed for: AWS folds the discount into the billable seconds.

The discount is the market's; 70 % is an ordinary one.
"""


def begin(document: Document) -> None:
    """The first state of a new job."""
    document["TrainingJobStatus"] = "InProgress"
    document["SecondaryStatusTransitions"] = []
    _enter(document, "Starting")


def is_over(document: Document) -> bool:
    """Whether nothing of the job will change any more."""
    return document["TrainingJobStatus"] in TERMINAL


def is_stopping(document: Document) -> bool:
    """Whether somebody asked for its stop, and it is not over yet."""
    return bool(document["TrainingJobStatus"] == STOPPING)


def proceed(document: Document, secondary: str, message: str | None = None) -> None:
    """Go on to the next secondary status, unless the job is being stopped."""
    if document["TrainingJobStatus"] == "InProgress":
        _enter(document, secondary, message)


def ask_to_stop(document: Document) -> None:
    """Remember that the job is to stop."""
    document["TrainingJobStatus"] = STOPPING
    _enter(document, STOPPING)


def end(
    document: Document, status: str, secondary: str | None = None, reason: str | None = None
) -> None:
    """The last state: `status` is one of `TERMINAL`; a job that is over stays as it is."""
    if is_over(document):
        return
    _enter(document, secondary or status)
    now_s = document["LastModifiedTime"]
    document["SecondaryStatusTransitions"][-1]["EndTime"] = now_s
    document["TrainingJobStatus"] = status
    rules.end(document, now_s)
    if reason is not None:
        document["FailureReason"] = reason[:_FAILURE_REASON_CHARACTERS]
    if "TrainingStartTime" in document:
        _settle(document, now_s)


def _settle(document: Document, now_s: float) -> None:
    """The times that a job is paid by: neither is ever 0, for clients divide by them."""
    document["TrainingEndTime"] = now_s
    document["TrainingTimeInSeconds"] = max(1, round(now_s - document["TrainingStartTime"]))
    used_s = document["TrainingTimeInSeconds"] - document.get("_idle_s", 0.0)
    share = SPOT_SHARE if document.get("EnableManagedSpotTraining") else 1.0
    document["BillableTimeInSeconds"] = max(1, round(used_s * share))


def _enter(document: Document, secondary: str, message: str | None = None) -> None:
    now_s = time.time()
    history = document["SecondaryStatusTransitions"]
    told = message or _MESSAGES[secondary]
    if history and history[-1]["Status"] == secondary:
        history[-1]["StatusMessage"] = told
    else:
        if history:
            history[-1].setdefault("EndTime", now_s)
        history.append({"Status": secondary, "StartTime": now_s, "StatusMessage": told})
    document["SecondaryStatus"] = secondary
    document["LastModifiedTime"] = now_s
