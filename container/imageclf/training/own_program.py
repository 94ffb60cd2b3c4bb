"""A program of the user's own in place of ours: SageMaker's script mode.

SDKs write the hyperparameters `sagemaker_program` and `sagemaker_submit_directory` for their
`entry_point` and `source_dir`. sagemaker-training fetches the program, installs what its
requirements.txt names and sets `SM_*`; the other hyperparameters are its arguments. It is one
process on each host, and `imageclf` can be imported in it.
"""

import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from sagemaker_training.process import ProcessRunner

from imageclf.errors import SettingsError
from imageclf.training.launch import StopForwarder

if TYPE_CHECKING:
    from sagemaker_training.environment import Environment

PARAMETER = "sagemaker_program"


def is_asked_for(hyperparameters: Mapping[str, Any]) -> bool:
    """Whether the hyperparameters of a job name a program."""
    return PARAMETER in hyperparameters


def run(env: "Environment", forwarder: StopForwarder) -> int:
    """Fetch the program and run it to its end; its exit code, 128 + signal for a death by signal.

    Raises:
        SettingsError: it cannot be fetched, or is not in what was fetched.
    """
    # Importing the toolkit reads SAGEMAKER_BASE_DIR and makes folders.
    from sagemaker_training import entry_point, environment, errors  # noqa: PLC0415

    name, source = env.user_entry_point, env.module_dir
    runner = _Runner(Path(environment.code_dir), name, env.to_cmd_args(), forwarder)
    try:
        entry_point.run(source, name, runner.arguments, env.to_env_vars(), runner_type=runner)
    except (BotoCoreError, ClientError, OSError, tarfile.TarError) as error:
        raise SettingsError(
            f"The program {name} cannot be fetched from {source} ({error}); see whether it is "
            "there and the job's role may read it."
        ) from error
    except errors.ClientError as error:
        raise SettingsError(f"The program {name} cannot be installed: {error}") from error
    return runner.code


class _Runner(ProcessRunner):  # type: ignore[misc]
    """What `entry_point.run` runs at last; the toolkit's own take no signal and hide the code."""

    def __init__(
        self, folder: Path, name: str, arguments: list[str], forwarder: StopForwarder
    ) -> None:
        super().__init__(name, arguments, {}, 1)
        self.arguments = arguments
        self.code = 1
        self._folder = folder
        self._name = name
        self._forwarder = forwarder

    def run(self, wait: bool = True, capture_error: bool = False) -> None:  # noqa: ARG002
        if not (self._folder / self._name).is_file():
            raise SettingsError(
                f"There is no {self._name} in the source that was sent; name a file of it as "
                "entry_point."
            )
        is_python = self._name.endswith(".py")
        start = [sys.executable, self._name] if is_python else [f"./{self._name}"]
        child = subprocess.Popen([*start, *self.arguments], cwd=self._folder)
        self._forwarder.watch(child)
        code = child.wait()
        self.code = code if code >= 0 else 128 - code
