"""What was made last, so that one launcher takes up what another one made.

One small JSON file for each place (an account's region, or a local endpoint) below a folder that
git ignores: `train.sh` finds the data of `prepare.sh`, `deploy.sh` the model of `train.sh`.
"""

import fcntl
import json
import re
from collections.abc import Mapping
from pathlib import Path

from imageclf.errors import SettingsError

ROOT = Path(__file__).parent.parent


class State:
    """The notes on one place.

    Args:
        folder: `state` of the settings; relative to the project's root.
        place: the account and region, or the address of a local endpoint.
    """

    def __init__(self, folder: str, place: str) -> None:
        self.folder = ROOT / folder / re.sub(r"[^A-Za-z0-9.-]+", "-", place)
        self._file = self.folder / "last.json"

    def all(self) -> dict[str, str]:
        """Everything that is noted; a file that cannot be read is as good as none."""
        try:
            content = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def last(self, what: str) -> str | None:
        """The note on `what` (`data`, `training_job`, `model_data`, `endpoint`, ...)."""
        return self.all().get(what)

    def need(self, what: str, hint: str) -> str:
        """The note on `what`.

        Raises:
            SettingsError: there is none; the sentence ends with `hint`, what to do.
        """
        found = self.last(what)
        if found is None:
            raise SettingsError(f"No {what.replace('_', ' ')} is noted for this place; {hint}.")
        return found

    def remember(self, **notes: str | None) -> None:
        """Note several things; None forgets one. Other launchers' notes stay.

        Raises:
            SettingsError: the folder cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._write({**self.all(), **notes})
        except OSError as error:
            raise SettingsError(
                f"{self.folder} cannot be written to ({error.strerror}); make room, or name "
                "another folder in `state`."
            ) from error

    def _write(self, notes: Mapping[str, str | None]) -> None:
        kept = {name: value for name, value in sorted(notes.items()) if value is not None}
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        part.replace(self._file)
