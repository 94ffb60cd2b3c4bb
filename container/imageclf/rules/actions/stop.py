"""`stop`: ends the training, from inside by a file, from outside through SageMaker.

From inside the training ends by itself, with its best model and the reason. From outside it is
StopTrainingJob, as SageMaker's own action sends it: the container has two minutes to end.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imageclf.errors import ActionError
from imageclf.rules.actions import aws
from imageclf.rules.actions.base import Action, Event

_RUNNING = "InProgress"


@dataclass(frozen=True)
class Stop(Action):
    """Stop the training.

    Args:
        prefix: begins the name of the job that is meant, when it is not the one that is watched.
    """

    prefix: str = ""

    def do(self, event: Event) -> str:
        name = event.job.name
        is_own = not name or name.startswith(self.prefix)
        if event.stop_file is not None and is_own:
            return _ask_by_file(event.stop_file, event)
        if not name and not self.prefix:
            raise ActionError(
                "The training was not stopped: neither its stop file nor its job is known; run the "
                "rules beside the training, or set TRAINING_JOB_NAME."
            )
        return _stop_job(name if is_own else self._the_one(event), event)

    def _the_one(self, event: Event) -> str:
        """The one running job whose name begins with the prefix; none and several are faults."""
        with aws.asking("The training was not stopped"):
            pages = aws.client("sagemaker", event.job.region).get_paginator("list_training_jobs")
            found = [
                job["TrainingJobName"]
                for page in pages.paginate(NameContains=self.prefix, StatusEquals=_RUNNING)
                for job in page["TrainingJobSummaries"]
                if job["TrainingJobName"].startswith(self.prefix)
            ]
        if len(found) != 1:
            raise ActionError(
                f"No training was stopped: {len(found)} running jobs have names that begin with "
                f"{self.prefix}; give a prefix that only one has."
            )
        return str(found[0])


def _ask_by_file(path: Path, event: Event) -> str:
    """Write the file whole; the first rule that asks gives the reason."""
    if path.exists():
        return "The training was asked to stop before; it ends after its present step."
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(
            json.dumps({"rule": event.rule, "reason": event.finding.found}) + "\n", encoding="utf-8"
        )
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise ActionError(
            f"The training could not be asked to stop: {path} cannot be written "
            f"({error.strerror}); make room, or stop it by hand."
        ) from error
    return "The training was asked to stop; it ends after its present step, with its best model."


def _stop_job(name: str, event: Event) -> str:
    """Stop it through SageMaker; one that ends already is as good as stopped."""
    with aws.asking(f"Training job {name} was not stopped"):
        from botocore.exceptions import ClientError  # noqa: PLC0415

        sagemaker = aws.client("sagemaker", event.job.region)
        try:
            sagemaker.stop_training_job(TrainingJobName=name)
        except ClientError:
            job = sagemaker.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] == _RUNNING:
                raise
            return f"Training job {name} had ended already."
    return f"Training job {name} was told to stop."
