"""Which actions a text asks for: `stop, notify=arn:aws:sns:..., notify=https://..., emit`."""

import re

from imageclf.errors import SettingsError
from imageclf.rules.actions import serialised
from imageclf.rules.actions.base import Action, Event, Job
from imageclf.rules.actions.emit import Emit
from imageclf.rules.actions.notify import ToAddress, ToTopic
from imageclf.rules.actions.stop import Stop
from imageclf.rules.actions.webhook import ToWebhook

__all__ = ["Action", "Event", "Job", "parse"]

_KNOWN = "there are stop, notify=TOPIC, notify=https://ADDRESS, email=ADDRESS, sms=NUMBER and emit"
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


def parse(text: str) -> tuple[Action, ...]:
    """The actions in order, each once; none when the text is empty.

    Args:
        text: parts between commas, or the JSON of `smdebug_rulesconfig` (its `action_json`). A
            comma in an address is written %2C.

    Raises:
        SettingsError: a part is no action.
    """
    stripped = text.strip()
    if stripped.startswith(("[", "{")):
        found = serialised.parse(stripped)
    else:
        found = [_action(part) for part in map(str.strip, stripped.split(",")) if part]
    return tuple(dict.fromkeys(found))


def _action(part: str) -> Action:
    name, _, value = part.partition("=")
    match name.strip().lower(), value.strip():
        case "stop", "":
            return Stop()
        case "emit", "":
            return Emit()
        case "notify", address if address.startswith("arn:"):
            return _topic(address)
        case "notify", address if "://" in address:
            return ToWebhook(address)
        case "email" | "sms" as protocol, address if address:
            return ToAddress(protocol, address)
    raise SettingsError(f"{name!r} is not an action as it is written; {_KNOWN}.")


def _topic(arn: str) -> Action:
    if not _TOPIC.fullmatch(arn):
        raise SettingsError(
            f"notify is {arn}; the ARN of a topic is arn:aws:sns:REGION:ACCOUNT:NAME."
        )
    return ToTopic(arn)
