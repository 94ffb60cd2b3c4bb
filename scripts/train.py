"""`scripts/train.sh`: one training job, on demand or on spot, on one instance or several."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imageclf.errors import LaunchError, SettingsError
from scripts import cli, hyperparameters, jobs, naming, prices, receipt, sdk
from scripts.cli import Call
from scripts.receipt import Made
from scripts.requests import training
from scripts.requests.training import Request

_LAST = "last"
_BEST = "best"


def main(arguments: Sequence[str] | None = None) -> int:
    """One call; its exit code."""
    return cli.run(_parser(), _train, arguments)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("train", "Train in the account. Hyperparameters: epochs=3 lr=0.001 ...")
    cli.waiting(made)
    made.add_argument("parts", nargs="*", metavar="NAME=VALUE", help="hyperparameters")
    made.add_argument(
        "--from", dest="from_file", metavar="FILE", help="take those of tune.sh; `best`: the last's"
    )
    _last(made, "--resume", "go on from the checkpoints of a job that was stopped or failed")
    _last(made, "--follow", "watch a job that runs, instead of starting one")
    _last(made, "--stop", "stop a job that runs, instead of starting one")
    cli.setting(made, "--data", "train.data", "s3:// prefix; else what prepare.sh uploaded last")
    cli.setting(made, "--pretrained", "train.pretrained", "s3:// prefix with weights")
    cli.setting(made, "--image", "image", "address of the image")
    cli.setting(made, "--instance-type", "train.instance_type", "such as ml.g5.xlarge")
    cli.setting(made, "--instances", "train.instances", "how many train together")
    cli.setting(made, "--volume-gb", "train.volume_gb", "disk of each instance")
    cli.setting(made, "--max-run-minutes", "train.max_run_minutes", "stop it after so long")
    cli.setting(made, "--max-wait-minutes", "train.max_wait_minutes", "spot: run and wait so long")
    cli.setting(made, "--input-mode", "train.input_mode", "File, or FastFile")
    cli.setting(made, "--spot", "train.spot", "on spare capacity", yes_no=True)
    cli.setting(made, "--checkpoints", "train.checkpoints", "keep them in S3", yes_no=True)
    return made


def _last(made: argparse.ArgumentParser, flag: str, told: str) -> None:
    told += "; without a name the last one"
    made.add_argument(flag, nargs="?", const=_LAST, metavar="JOB", help=told)


def _train(call: Call) -> int:
    options = call.options
    if options.stop:
        return _stop(call)
    if options.follow:
        return jobs.follow(call, _named(call, options.follow))
    request = _request(call)
    if call.dry:
        print(receipt.requests([("CreateTrainingJob", request)]))
        return 0
    sdk.start_training(call.aws, request)
    name = request["TrainingJobName"]
    call.state.remember(training_job=name)
    print("\n".join(receipt.lines([_made(call, request)], _cost(call), _undo(name))), flush=True)
    if not options.wait:
        print(f"It runs; watch it with: scripts/train.sh --follow {name}")
        return 0
    return jobs.follow(call, name)


def _request(call: Call) -> Request:
    options = call.options
    if options.resume:
        return _resumed(call)
    values = hyperparameters.gather(call.settings.hyperparameters, _file(call), options.parts)
    return training.create_training_job(
        call.settings, call.place, values, data(call), at=naming.now()
    )


def _file(call: Call) -> Path | None:
    named = call.options.from_file
    if named == _BEST:
        named = call.state.need("best", "search with scripts/tune.sh, or name a file")
    return Path(named) if named else None


def data(call: Call) -> str:
    """Where the pictures are: as set, or as `prepare.sh` noted; assumed in a dry run."""
    if call.settings.train.data:
        return call.settings.train.data
    if call.dry:
        return call.state.last("data") or call.place.uri("data", "pictures")
    return call.state.need("data", "upload pictures with scripts/prepare.sh, or name them: --data")


def _resumed(call: Call) -> Request:
    """A new job with an earlier one's hyperparameters, data and checkpoints."""
    options = call.options
    if call.dry or options.from_file:
        raise SettingsError("--resume reads an earlier job; leave out --dry-run and --from.")
    name = _named(call, options.resume)
    earlier = call.aws.client("sagemaker").describe_training_job(TrainingJobName=name)
    checkpoints = earlier.get("CheckpointConfig", {}).get("S3Uri")
    if not checkpoints:
        raise SettingsError(f"{name} kept no checkpoints; start anew, without --resume.")
    values = hyperparameters.gather(earlier.get("HyperParameters", {}), None, options.parts)
    return training.create_training_job(
        call.settings,
        call.place,
        values,
        _data_of(earlier),
        at=naming.now(),
        checkpoints=checkpoints,
    )


def _data_of(job: dict[str, Any]) -> str:
    for channel in job["InputDataConfig"]:
        if channel["ChannelName"] == training.CHANNEL:
            return str(channel["DataSource"]["S3DataSource"]["S3Uri"])
    raise LaunchError(
        f"{job['TrainingJobName']} has no channel {training.CHANNEL}: train.sh did not start it."
    )


def _named(call: Call, name: str) -> str:
    if name != _LAST:
        return name
    return call.state.need("training_job", "name one")


def _stop(call: Call) -> int:
    name = _named(call, call.options.stop)
    if call.dry:
        print(receipt.requests([("StopTrainingJob", {"TrainingJobName": name})]))
        return 0
    call.aws.client("sagemaker").stop_training_job(TrainingJobName=name)
    print(f"{name} is being stopped; go on with: scripts/train.sh --resume {name}")
    return 0


def _made(call: Call, request: Request) -> Made:
    name = request["TrainingJobName"]
    return Made("job", name, jobs.arn(call, name), call.aws.console(f"/jobs/{name}"))


def _cost(call: Call) -> str:
    train = call.settings.train
    told = prices.hourly(
        train.instance_type, train.instances, call.aws.region, call.settings.prices
    )
    return jobs.cost_here(call, told)


def _undo(name: str) -> list[str]:
    return [f"scripts/train.sh --stop {name}"]


if __name__ == "__main__":
    sys.exit(main())
