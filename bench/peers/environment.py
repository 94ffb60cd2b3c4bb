"""The Python environment of the peers, made when it is missing or its requirements changed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-peers"
PYTHON = FOLDER / "bin" / "python"

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_STAMP = FOLDER / ".requirements"


def ready() -> None:
    """Make the environment, unless it is there; takes a minute or more.

    Raises:
        subprocess.CalledProcessError: the packages could not be installed; pip said why.
    """
    wanted = _REQUIREMENTS.read_text()
    if _STAMP.is_file() and _STAMP.read_text() == wanted:
        return
    print(f"Installing the peers into {FOLDER.name}; the first time takes minutes.", flush=True)
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([PYTHON, *install, "--requirement", _REQUIREMENTS], check=True)
    _STAMP.write_text(wanted)
