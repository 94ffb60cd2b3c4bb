"""What a tuning job keeps of its parents: read once, when it is created."""

from collections.abc import Mapping
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import validation
from local_test.cloud.tuning import checks, definitions, summaries, warm_start
from local_test.cloud.tuning.definitions import Definition
from local_test.cloud.tuning.observations import Observation
from local_test.cloud.tuning.trials import KIND, Trials

Document = dict[str, Any]

_KIND = "tuning-parents"


def keep(
    cloud: Cloud, name: str, arguments: Mapping[str, Any], child: Definition, jobs: int
) -> None:
    """Write down what the parents of the new tuning job `name` found.

    Args:
        jobs: training jobs of the new one; those of the parents count against the same limit.

    Raises:
        ApiError: a parent is not there, or may not be one.
    """
    parents = [
        _found(cloud, parent.get("HyperParameterTuningJobName", ""), child)
        for parent in arguments["WarmStartConfig"]["ParentHyperParameterTuningJobs"]
    ]
    checks.check_number(jobs + sum(parent["trials"] for parent in parents))
    forget(cloud, name)
    cloud.store.create(_KIND, name, {"parents": parents})


def forget(cloud: Cloud, name: str) -> None:
    """Remove what was written down for a tuning job."""
    cloud.store.delete(_KIND, name)


def observations(cloud: Cloud, name: str, child: Definition, kind: str) -> list[Observation]:
    """What the parents of the tuning job `name` say about its search.

    Args:
        kind: WarmStartType; empty without warm start.
    """
    kept = cloud.store.find(_KIND, name) or {"parents": []}
    transfer = kind == "TransferLearning"
    return [
        one
        for parent in kept["parents"]
        for one in warm_start.observations(child, parent["jobs"], transfer=transfer)
    ]


def best(cloud: Cloud, name: str, maximize: bool) -> Document | None:
    """The best training job of all parents of the tuning job `name`."""
    kept = cloud.store.find(_KIND, name) or {"parents": []}
    return summaries.best_of([parent["best"] for parent in kept["parents"]], maximize)


def _found(cloud: Cloud, name: str, child: Definition) -> Document:
    document = cloud.store.find(KIND, name)
    if document is None:
        raise validation(
            f"The parent tuning job {name} could not be found. Give the name of one that is there."
        )
    found = definitions.read(document)
    warm_start.check_parent(child, name, document["HyperParameterTuningJobStatus"], found)
    trials = Trials(cloud.store, name).all()
    jobs = [
        ({**found[0].static, **trial.values}, trial.objective)
        for trial in trials
        if trial.objective is not None
    ]
    best_job = summaries.best(trials, child.maximize)
    own_best = best_job and {**best_job, "TuningJobName": name}
    return {"trials": len(trials), "jobs": jobs, "best": own_best}
