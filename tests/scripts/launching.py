"""Launchers as a user starts them: the shell script as a process, or its program in this one.

Neither sees an account of whoever runs the tests; notes lie in a folder of the test.
"""

import io
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE_S = 120.0

Done = subprocess.CompletedProcess[str]

_NO_ENVIRONMENT: Mapping[str, str] = {}


def launch(
    script: str,
    *arguments: str | Path,
    folder: Path,
    environment: Mapping[str, str] = _NO_ENVIRONMENT,
) -> Done:
    """Run `scripts/<script>.sh` from `folder`.

    `environment` is that of a cloud server; without one there are no credentials.
    """
    return subprocess.run(
        [SCRIPTS / f"{script}.sh", *arguments],
        cwd=folder,
        env=_environment(folder, environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def call(
    main: Callable[[Sequence[str]], int],
    *arguments: str | Path,
    folder: Path,
    environment: Mapping[str, str] = _NO_ENVIRONMENT,
) -> Done:
    """As `launch`, without a process: `main` is that of the launcher's module."""
    given = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, _environment(folder, environment), clear=True),
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main(given)
    return Done(given, code, out.getvalue(), err.getvalue())


def _environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "IMAGECLF_", "SAGEMAKER_"))
    }
    own = {
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        "IMAGECLF_LAUNCH_STATE": str(folder / "state"),
    }
    return {**kept, **own, **more}
