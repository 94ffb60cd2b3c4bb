"""`make local-train`: one training job on this machine, under a mirror of /opt/ml.

It finds the data, checks the hyperparameters, makes the run's folder, starts the image or a plain
process, waits, and packs the model as SageMaker would.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from fetching.folders import locked
from imageclf import config
from imageclf.errors import ImageclfError, SettingsError
from local_test import jobs, run_folder, settings, sources, summary
from local_test.folders import caller, give
from local_test.package import pack_model
from local_test.run_folder import Run
from local_test.settings import Settings
from local_test.supervise import supervise

HERE = Path(__file__).parent
_INTERRUPTED = 130


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    *,
    command: Sequence[str] = jobs.COMMAND,
    home: Path = HERE,
) -> int:
    """One local run; its exit code is that of the training.

    `command` is the training program of a plain process; data and runs lie below `home`.
    """
    try:
        return _train(settings.read(arguments, environment), environment, command, home)
    except ImageclfError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on from here.", file=sys.stderr)
        return _INTERRUPTED


def _train(
    wanted: Settings, environment: Mapping[str, str], command: Sequence[str], home: Path
) -> int:
    owner = caller(environment)
    make_job, runs_in = jobs.choose(wanted.runner, wanted.image, owner, command)
    try:
        run = _resumed(wanted, home) if wanted.resume else _new(wanted, home)
    finally:
        for folder in (home / "data", home / "run"):
            if folder.exists():
                give(folder, owner)
    print(f"{runs_in}; {run.data} -> {os.path.relpath(run.folder)}", flush=True)
    code = _supervised(make_job(run), run)
    if code in {0, summary.STOPPED} and any(run.tree.model.iterdir()):
        pack_model(run.tree.model, run.archive)
    give(run.folder, owner)
    for line in summary.lines(run, code):
        print(line, file=sys.stdout if code == 0 else sys.stderr)
    return code


def _supervised(job: jobs.Job, run: Run) -> int:
    try:
        with locked(run.folder / "run", wait=False):
            for earlier in (run.tree.failure, run.archive):
                earlier.unlink(missing_ok=True)
            return supervise(job)
    except BlockingIOError as error:
        raise SettingsError(
            f"{run.folder} is being trained by another process; wait for it or stop it."
        ) from error


def _new(wanted: Settings, home: Path) -> Run:
    config.parse(wanted.hyperparameters)  # before anything is downloaded
    source = sources.find(wanted.data, home / "data")
    values = {**source.hyperparameters, **wanted.hyperparameters}
    config.parse(values)
    return run_folder.create(home / "run", source.name, source.folder, values, datetime.now())


def _resumed(wanted: Settings, home: Path) -> Run:
    run = run_folder.latest(home / "run")
    if wanted.data and sources.find(wanted.data, home / "data").folder != run.data:
        raise SettingsError(
            f"The latest run learns from {run.data}; leave out DATA to resume it, or RESUME to "
            "start anew."
        )
    values = {**run.hyperparameters(), **wanted.hyperparameters}
    config.parse(values)
    run_folder.write_config(run, values)
    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
