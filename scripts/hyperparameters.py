"""The hyperparameters of a call: the settings', then a file's, then those of the command line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imageclf import config
from imageclf.errors import SettingsError
from scripts import settings
from scripts.requests.spaces import text


def gather(
    of_settings: Mapping[str, Any], file: Path | None, parts: Sequence[str]
) -> dict[str, str]:
    """What is sent, by the name a user writes; checked as in training.

    Args:
        of_settings: `[hyperparameters]`.
        file: that `tune.sh` wrote, or a JSON object of names and values.
        parts: `name=value` each.

    Raises:
        SettingsError: one sentence for each fault.
    """
    found: dict[str, str] = {}
    for values in (
        of_settings,
        read(file) if file else {},
        settings.pairs_of(parts, "The command"),
    ):
        found.update({config.kebab(name): text(value) for name, value in values.items()})
    config.parse(found)
    return found


def read(file: Path) -> dict[str, Any]:
    """The hyperparameters in a JSON file.

    Raises:
        SettingsError: it cannot be read, or holds none.
    """
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read ({error.strerror}); name a file that tune.sh wrote."
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"{file} is not valid JSON ({error}); name a file that tune.sh wrote."
        ) from error
    values = content.get("hyperparameters", content) if isinstance(content, dict) else None
    if not isinstance(values, dict) or any(isinstance(one, dict | list) for one in values.values()):
        raise SettingsError(
            f"{file} holds no hyperparameters; name a file that tune.sh wrote, or an object of "
            "names and values."
        )
    return values
