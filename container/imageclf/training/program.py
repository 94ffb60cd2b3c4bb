"""The program that each training process runs; what it ends with, and what it leaves when it fails.

`output/failure` holds one sentence that says the cause; a fault of the program itself has its
traceback below.
"""

import errno
import logging
import os
import sys
import traceback
from collections.abc import Mapping

import torch

from imageclf.contract import JOB_NAME_VARIABLE, Tree, write_failure
from imageclf.errors import ImageclfError
from imageclf.training import outcome
from imageclf.training.job import Job
from imageclf.training.processes import World
from imageclf.training.stop import EXIT_CODE, StopRequested, StopSignal

log = logging.getLogger(__name__)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the job of the tree that `environment` names; returns the exit code."""
    world = World.from_environment(environment)
    _log_to_stdout(world)
    name = environment.get(JOB_NAME_VARIABLE, "")
    code = _run(Tree.from_environment(environment), world, name)
    if world.local_rank == 0:
        outcome.write(environment, code)
    stopped_under_torchrun = code == EXIT_CODE and world.size > 1
    return 0 if stopped_under_torchrun else code


def _run(tree: Tree, world: World, name: str) -> int:
    stop = StopSignal()
    try:
        stop.install()
        Job(tree, world, stop, name).run()
    except StopRequested:
        log.info("stopped; started again with the same checkpoints, the training goes on from them")
        return EXIT_CODE
    except ImageclfError as error:
        return _fail(tree, str(error), error.exit_code)
    except (torch.OutOfMemoryError, MemoryError) as error:
        return _fail(tree, _out_of_memory(error), 1)
    except OSError as error:
        return _fail(tree, _disk(error), 1)
    except Exception as error:  # noqa: BLE001  (the last resort: the cause must reach the user)
        cause = f"The program failed with {type(error).__name__}: {error}"
        return _fail(tree, f"{cause}\n{traceback.format_exc()}", 1)
    world.leave()
    return 0


def _fail(tree: Tree, message: str, code: int) -> int:
    log.error("error: %s", message)
    try:
        write_failure(tree, message)
    except OSError as error:
        log.error("the failure file could not be written: %s", error)
    return code


def _out_of_memory(error: BaseException) -> str:
    where = "GPU" if isinstance(error, torch.OutOfMemoryError) else "machine"
    return f"The {where} has too little memory: lower batch-size or image-size ({error})."


def _disk(error: OSError) -> str:
    where = f" at {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"The disk is full{where}: give the job a larger volume, or make room."
    return f"A file could not be read or written{where}: {error.strerror or error}.\n" + (
        traceback.format_exc()
    )


def _log_to_stdout(world: World) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    ours = logging.getLogger("imageclf")
    ours.handlers = [handler]
    ours.setLevel(logging.INFO if world.leads else logging.WARNING)
    ours.propagate = False
