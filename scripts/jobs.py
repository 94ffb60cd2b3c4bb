"""One training job on the terminal: its steps, its log as it comes, its figures at the end."""

from typing import Any

from imageclf.errors import LaunchError
from scripts import cli, place, prices, progress
from scripts.cli import Call
from scripts.progress import Description, LogTail, Steps

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def arn(call: Call, name: str) -> str:
    """The ARN of a training job."""
    region = call.aws.region
    front = f"arn:{place.partition(region)}:sagemaker:{region}:{call.aws.account}"
    return f"{front}:training-job/{name}"


def follow(call: Call, name: str) -> int:
    """Show a job until it ends; Ctrl-C ends the showing only.

    Raises:
        LaunchError: the job failed, or was stopped; the sentence has its reason.
    """
    try:
        seen = _watched(call, name)
    except KeyboardInterrupt:
        print(
            f"\nThe job goes on. Watch it: scripts/train.sh --follow {name}\n"
            f"Stop it:               scripts/train.sh --stop {name}"
        )
        return cli.INTERRUPTED
    if seen["TrainingJobStatus"] == "Completed":
        call.state.remember(training_job=name, model_data=_artifact(seen))
        print("\n".join(_ended(call, seen)))
        return 0
    raise LaunchError(_why(name, seen))


def _watched(call: Call, name: str) -> Description:
    sagemaker = call.aws.client("sagemaker")
    tail = LogTail(call.aws.client("logs"), LOG_GROUP, f"{name}/")
    steps = Steps(lambda text: print(text, flush=True))

    def look(seen: Description) -> None:
        several = seen["ResourceConfig"].get("InstanceCount", 1) > 1
        for host, line in tail.read():
            print(f"{host} | {line}" if several else line, flush=True)
        steps(seen)

    seen = progress.watch(
        lambda: sagemaker.describe_training_job(TrainingJobName=name),
        progress.status_is_over("TrainingJobStatus"),
        look,
        call.aws.poll_s,
    )
    look(seen)  # lines that reached the log after the job's end
    return seen


def _ended(call: Call, seen: Description) -> list[str]:
    rows = [(one["MetricName"], f"{one['Value']:.6g}") for one in _metrics(seen)]
    rows.append(("time", _time(seen)))
    rows.append(("cost", _cost(call, seen)))
    rows.append(("model", _artifact(seen)))
    rows.append(("report", "scripts/report.sh"))
    rows.append(("next", "scripts/deploy.sh"))
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _metrics(seen: Description) -> list[dict[str, Any]]:
    return list(seen.get("FinalMetricDataList", []))


def _artifact(seen: Description) -> str:
    return str(seen.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""))


def _time(seen: Description) -> str:
    trained_s = seen.get("TrainingTimeInSeconds", 0)
    billable_s = seen.get("BillableTimeInSeconds", trained_s)
    saved = f", spot saved {1 - billable_s / trained_s:.0%}" if billable_s < trained_s else ""
    return f"{trained_s} s, {billable_s} s billable{saved}"


def cost_here(call: Call, told: str) -> str:
    """The words on a cost, with what spot and a local endpoint change in it."""
    told += "; less on spot" if call.settings.train.spot else ""
    return call.charged(told)


def _cost(call: Call, seen: Description) -> str:
    resources = seen["ResourceConfig"]
    told = prices.for_seconds(
        seen.get("BillableTimeInSeconds", 0),
        resources.get("InstanceType", ""),
        resources.get("InstanceCount", 1),
        call.aws.region,
        call.settings.prices,
    )
    return call.charged(told)


def _why(name: str, seen: Description) -> str:
    if seen["TrainingJobStatus"] == "Stopped":
        how = seen.get("SecondaryStatus", "Stopped")
        return f"{name} was stopped ({how}); go on with: scripts/train.sh --resume {name}"
    return f"{name} failed: {seen.get('FailureReason', 'SageMaker gives no reason.').strip()}"
