"""The exit code of the training program, handed past `torchrun`, which hides it.

The launcher names a file in the environment; the first process of each host writes its code there.
"""

from collections.abc import Mapping
from pathlib import Path

OUTCOME_VARIABLE = "IMAGECLF_OUTCOME"


def write(environment: Mapping[str, str], code: int) -> None:
    """Tell the launcher, if one waits for it."""
    if OUTCOME_VARIABLE in environment:
        Path(environment[OUTCOME_VARIABLE]).write_text(str(code))


def read(path: Path, launcher_code: int) -> int:
    """The program's code; else the launcher's, of a killed one 128 + signal, as a shell has it."""
    fallback = 128 - launcher_code if launcher_code < 0 else launcher_code
    try:
        return int(path.read_text()) or fallback
    except (OSError, ValueError):
        return fallback
