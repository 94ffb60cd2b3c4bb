"""Actions as a client of the managed service sends them: `action_json` among a rule's parameters.

It is what `smdebug_rulesconfig` writes for StopTraining(), Email() and SMS(): JSON whose quotation
marks are escaped once more, for the service used to read it out of a string.
"""

import json
from collections.abc import Mapping
from typing import Any

from imageclf.errors import SettingsError
from imageclf.rules.actions.base import Action
from imageclf.rules.actions.notify import ToAddress
from imageclf.rules.actions.stop import Stop

PARAMETER = "action_json"


def parse(text: str) -> list[Action]:
    """The actions, in order.

    Raises:
        SettingsError: the text is no such JSON, or names an action that there is not.
    """
    try:
        found = json.loads(text.replace('\\"', '"'))
    except ValueError as error:
        raise SettingsError(
            f"{PARAMETER} is not JSON ({error}); give what StopTraining(), Email() or SMS() write."
        ) from error
    return [_action(one) for one in (found if isinstance(found, list) else [found])]


def _action(given: Any) -> Action:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise SettingsError(f"{PARAMETER} has {given!r}; an action is an object with a name.")
    match given["name"].lower():
        case "stoptraining":
            return Stop(str(given.get("training_job_prefix", "")))
        case "email" | "sms" as protocol if given.get("endpoint"):
            return ToAddress(protocol, str(given["endpoint"]))
        case "email" | "sms":
            raise SettingsError(f"{PARAMETER}: {given['name']} needs an endpoint, its address.")
    raise SettingsError(
        f"{PARAMETER} asks for {given['name']!r}; there are stoptraining, email and sms."
    )
