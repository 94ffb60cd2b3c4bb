"""`IMAGE train`: what SageMaker starts, as process 1 of the container.

sagemaker-training prepares the environment (`SM_*`, the resolution of host names); the processes
are started by `imageclf.training.launch`. The toolkit's own `train` command ends here too, by
`SAGEMAKER_TRAINING_MODULE=imageclf.training.entry:main`.
"""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from imageclf import driver
from imageclf.config import Hyperparameters, parse
from imageclf.contract import Resources, Tree, write_failure
from imageclf.debugger.hook import settings as debug_settings
from imageclf.errors import ImageclfError, SettingsError
from imageclf.profiler import settings as profile_settings
from imageclf.training import own_program
from imageclf.training.launch import Plan, StopForwarder, TrainingRunner

if TYPE_CHECKING:
    from sagemaker_training.environment import Environment

PROGRAM = Path(__file__).parent / "start" / "train_program.py"

_KILLED = 137


def main() -> None:
    """Run the training and end the process as it ended; for the toolkit's `train` command."""
    code = train()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the toolkit would put its own message and code in place of ours


def train() -> int:
    """Run the training of this host; returns its exit code.

    0 is success, 143 a stop in good order, else `output/failure` says why.
    """
    tree = Tree.from_environment()
    tree.failure.unlink(missing_ok=True)  # of an earlier run in the same tree
    try:
        print(driver.enter(), flush=True)  # noqa: T201  (the log is set up by the toolkit, later)
        _require_config(tree)
        resources = Resources.from_tree(tree)
        if own_program.is_asked_for(tree.read_config("hyperparameters")):
            return _run_own(tree, resources)
        given = parse(tree.read_config("hyperparameters"))
        debug_settings.read(tree, given)  # its faults are told before torch is loaded
        profile_settings.read(tree, given)
    except ImageclfError as error:
        return _fail(tree, str(error), error.exit_code)
    plan = Plan(resources.hosts, resources.current_host, _processes(given))
    code = _run(plan)
    if code == _KILLED:
        return _fail(
            tree,
            "The training process was killed (signal 9), most often because memory ran out; "
            "lower batch-size or workers, or choose a larger instance.",
            code,
        )
    return code


def _require_config(tree: Tree) -> None:
    if not tree.config.is_dir():
        raise SettingsError(
            f"{tree.config} does not exist; mount a folder with input/config and input/data at "
            f"{tree.root}, as SageMaker does, or use `make local-train`."
        )
    for name in ("hyperparameters", "inputdataconfig", "resourceconfig"):
        if not (tree.config / f"{name}.json").is_file():
            raise SettingsError(
                f"{tree.config / name}.json does not exist; SageMaker writes it, and by hand {{}} "
                "is enough (for resourceconfig also current_host and hosts)."
            )


def _run_own(tree: Tree, resources: Resources) -> int:
    """Run a program of the user's own, one process on this host."""
    for folder in (tree.model, tree.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    env, forwarder = _prepared(Plan((resources.current_host,), resources.current_host, 1))
    code = own_program.run(env, forwarder)
    if code:
        return _fail(tree, f"{env.user_entry_point} ended with exit code {code}.", code)
    return code


def _run(plan: Plan) -> int:
    env, forwarder = _prepared(plan)
    from sagemaker_training import entry_point  # noqa: PLC0415  (as below)

    runner = TrainingRunner(plan, forwarder, PROGRAM)
    entry_point.run(
        uri=str(PROGRAM.parent),
        user_entry_point=PROGRAM.name,
        args=[],
        env_vars=env.to_env_vars(),
        runner_type=runner,
    )
    return runner.code


def _prepared(plan: Plan) -> "tuple[Environment, StopForwarder]":
    """Listen to signals from now on, and read what the platform tells."""
    forwarder = StopForwarder(plan)
    forwarder.install()
    # Importing the toolkit reads SAGEMAKER_BASE_DIR and makes folders.
    from sagemaker_training import environment, logging_config  # noqa: PLC0415

    logging_config.configure_logger(logging.WARNING)
    env = environment.Environment()
    _choose_network(env.network_interface_name, plan)
    return env, forwarder


def _processes(given: Hyperparameters) -> int:
    """Processes on each host: as asked, else one for each GPU, else one."""
    if given.processes is not None:
        return given.processes
    if given.device == "cpu":
        return 1
    from sagemaker_training import environment  # noqa: PLC0415

    return max(1, int(environment.num_gpus()))


def _choose_network(interface: str, plan: Plan) -> None:
    """Let processes on several hosts talk over the interface that the platform names."""
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // plan.processes)))
    if interface in psutil.net_if_addrs():
        os.environ.setdefault("NCCL_SOCKET_IFNAME", interface)
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)


def _fail(tree: Tree, message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)  # noqa: T201  (as above)
    try:
        write_failure(tree, message)
    except OSError as error:
        print(f"{tree.failure} could not be written: {error}", file=sys.stderr)  # noqa: T201
    return code
