"""`scripts/tune.sh`: search for hyperparameters; the best ones in a file for `train.sh --from`."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from imageclf import config
from imageclf.errors import LaunchError
from scripts import (
    cli,
    hyperparameters,
    jobs,
    naming,
    place,
    plot,
    prices,
    progress,
    receipt,
    sdk,
    train,
    trials,
)
from scripts.cli import Call
from scripts.progress import Description
from scripts.receipt import Made
from scripts.requests import spaces, tuning
from scripts.requests.training import Request

_LAST = "last"
_RUNNING = {"InProgress", "Stopping"}


def main(arguments: Sequence[str] | None = None) -> int:
    """One call; its exit code."""
    return cli.run(_parser(), _tune, arguments)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("tune", "Search for hyperparameters; name=value fixes one for all trainings.")
    cli.waiting(made)
    made.add_argument("parts", nargs="*", metavar="NAME=VALUE", help="the same for all trainings")
    made.add_argument("--out", type=Path, metavar="FILE", help="where the best ones are written")
    instead = ", instead of starting one; without a name the last one"
    for flag, told in (("--follow", "watch a search that runs"), ("--stop", "stop it")):
        made.add_argument(flag, nargs="?", const=_LAST, metavar="SEARCH", help=told + instead)
    cli.setting(made, "--space", "tune.space", f"{', '.join(spaces.PRESETS)}, or your own")
    cli.setting(made, "--jobs", "tune.jobs", "trainings at most")
    cli.setting(made, "--parallel", "tune.parallel", "trainings at once")
    cli.setting(made, "--strategy", "tune.strategy", "Bayesian, Random, Hyperband, Grid")
    cli.setting(made, "--objective", "tune.objective", "validation:top1, validation:loss, ...")
    cli.setting(made, "--early-stopping", "tune.early_stopping", "Auto, Off")
    cli.setting(made, "--warm-start", "tune.warm_start", "an earlier search to learn from")
    cli.setting(made, "--seed", "tune.seed", "the same seed begins with the same trainings")
    cli.setting(made, "--data", "train.data", "s3:// prefix; else what prepare.sh uploaded last")
    cli.setting(made, "--image", "image", "address of the image")
    cli.setting(made, "--instance-type", "train.instance_type", "such as ml.g5.xlarge")
    cli.setting(made, "--instances", "train.instances", "how many train one model together")
    cli.setting(made, "--spot", "train.spot", "on spare capacity", yes_no=True)
    return made


def _tune(call: Call) -> int:
    options = call.options
    if options.stop:
        return _stop(call)
    if options.follow:
        return follow(call, _named(call, options.follow))
    request = _request(call)
    if call.dry:
        print(receipt.requests([("CreateHyperParameterTuningJob", request)]))
        return 0
    sdk.start_tuning(call.aws, request)
    name = request["HyperParameterTuningJobName"]
    call.state.remember(tuning_job=name)
    undo = [f"scripts/tune.sh --stop {name}"]
    told = receipt.lines([_made(call, name)], _cost(call, request), undo)
    print("\n".join(told), flush=True)
    if not options.wait:
        print(f"It runs; watch it with: scripts/tune.sh --follow {name}")
        return 0
    return follow(call, name)


def _request(call: Call) -> Request:
    values = hyperparameters.gather(call.settings.hyperparameters, None, call.options.parts)
    fixed = {config.kebab(part.partition("=")[0]) for part in call.options.parts}
    return tuning.create_tuning_job(
        call.settings, call.place, values, train.data(call), at=naming.now(), fixed=fixed
    )


def follow(call: Call, name: str) -> int:
    """Show a search until it ends, then its best training; Ctrl-C ends the showing only.

    Raises:
        LaunchError: no training has reached the objective.
    """
    try:
        seen = _watched(call, name)
    except KeyboardInterrupt:
        print(
            f"\nThe search goes on. Watch it: scripts/tune.sh --follow {name}\n"
            f"Stop it:                  scripts/tune.sh --stop {name}"
        )
        return cli.INTERRUPTED
    return _ended(call, seen)


def _watched(call: Call, name: str) -> Description:
    """Watch with a table that is drawn anew on a terminal, with lines elsewhere."""
    sagemaker = call.aws.client("sagemaker")
    console = Console()
    said: dict[str, str] = {}
    with ExitStack() as stack:
        live = (
            stack.enter_context(Live(console=console, transient=True))
            if console.is_terminal
            else None
        )

        def look(seen: Description) -> None:
            found, objective = trials.read(sagemaker, name), _objective(seen)["MetricName"]
            if live is not None:
                live.update(trials.table(found, objective, _best_name(seen)), refresh=True)
                return
            for trial in found:
                if said.get(trial.name) != trial.status:
                    said[trial.name] = trial.status
                    print(trials.line(trial, objective), flush=True)

        return progress.watch(
            lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
            lambda seen: seen["HyperParameterTuningJobStatus"] not in _RUNNING,
            look,
            call.aws.poll_s,
        )


def _ended(call: Call, seen: Description) -> int:
    name, objective = seen["HyperParameterTuningJobName"], _objective(seen)
    ranked = trials.ranked(trials.read(call.aws.client("sagemaker"), name), objective["Type"])
    best = _best_name(seen)
    _console().print(trials.table(ranked, objective["MetricName"], best))
    picture = call.state.folder / f"{name}.svg"
    call.state.folder.mkdir(parents=True, exist_ok=True)
    picture.write_text(plot.svg(ranked, objective["MetricName"], best), encoding="utf-8")
    if best is None or seen["HyperParameterTuningJobStatus"] == "Failed":
        reason = seen.get("FailureReason") or next((t.reason for t in ranked if t.reason), "")
        raise LaunchError(
            f"{name} is {seen['HyperParameterTuningJobStatus']} without a best training: "
            f"{reason or 'no training reached ' + objective['MetricName']}"
        )
    file = _write_best(call, seen, best)
    call.state.remember(tuning_job=name, training_job=best, best=str(file))
    print(f"best     {best}\nwritten  {file}\npicture  {picture}")
    print(f"next     scripts/train.sh --from best, or scripts/deploy.sh --job {best}")
    return 0


def _console() -> Console:
    """As wide as the table where it is no terminal, so that a log has no broken lines."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _write_best(call: Call, seen: Description, best: str) -> Path:
    """The best training's hyperparameters, those that all share included."""
    tuned = seen["BestTrainingJob"].get("TunedHyperParameters", {})
    fixed = seen["TrainingJobDefinition"].get("StaticHyperParameters", {})
    values = {
        key: value.strip('"')
        for key, value in {**fixed, **tuned}.items()
        if not key.startswith("_tuning_")
    }
    content = {
        "tuning_job": seen["HyperParameterTuningJobName"],
        "training_job": best,
        "objective": seen["BestTrainingJob"].get("FinalHyperParameterTuningJobObjectiveMetric", {}),
        "hyperparameters": dict(sorted(values.items())),
    }
    file: Path = call.options.out or call.state.folder / "best.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return file


def _best_name(seen: Description) -> str | None:
    name: str | None = seen.get("BestTrainingJob", {}).get("TrainingJobName")
    return name


def _objective(seen: Description) -> dict[str, Any]:
    asked: dict[str, Any] = seen["HyperParameterTuningJobConfig"][
        "HyperParameterTuningJobObjective"
    ]
    return asked


def _named(call: Call, name: str) -> str:
    return name if name != _LAST else call.state.need("tuning_job", "name one")


def _stop(call: Call) -> int:
    name = _named(call, call.options.stop)
    request = {"HyperParameterTuningJobName": name}
    if call.dry:
        print(receipt.requests([("StopHyperParameterTuningJob", request)]))
        return 0
    call.aws.client("sagemaker").stop_hyper_parameter_tuning_job(**request)
    print(f"{name} is being stopped, with the trainings that run.")
    return 0


def _made(call: Call, name: str) -> Made:
    region = call.aws.region
    front = f"arn:{place.partition(region)}:sagemaker:{region}:{call.aws.account}"
    arn = f"{front}:hyper-parameter-tuning-job/{name}"
    return Made("search", name, arn, call.aws.console(f"/hyper-tuning-jobs/{name}"))


def _cost(call: Call, request: Request) -> str:
    settings = call.settings
    at_once = request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    count = at_once * settings.train.instances
    told = prices.hourly(settings.train.instance_type, count, call.aws.region, settings.prices)
    return jobs.cost_here(call, told)


if __name__ == "__main__":
    sys.exit(main())
