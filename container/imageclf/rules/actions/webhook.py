"""`notify=https://...`: a message as JSON to a web address, such as a chat's incoming webhook.

The address may hold a secret, so only its host is ever told. A redirection is not followed: it
could lead the message elsewhere.
"""

import ipaddress
import math
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from imageclf.errors import ActionError, SettingsError
from imageclf.rules.actions.base import Action, Event
from imageclf.rules.actions.notify import body

_CONNECT_S = 5.0
_READ_S = 10.0
_TRIES = 2
_PAUSE_S = 1.0


@dataclass(frozen=True)
class ToWebhook(Action):
    """POST what was found as JSON.

    Raises:
        SettingsError: the address is not https, nor http on this machine.
    """

    address: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if not parts.hostname or not (parts.scheme == "https" or self._is_here):
            raise SettingsError(
                f"notify is {parts.scheme}://{parts.hostname or ''}; give a topic's ARN or an "
                "https address (http only on this machine)."
            )

    @property
    def _host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def _is_here(self) -> bool:
        return urlsplit(self.address).scheme == "http" and _is_loopback(self._host)

    def do(self, event: Event) -> str:
        fault = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_S)
            code, fault = self._post(message(event))
            if not fault:
                return f"A message went to {self._host}."
            if code and code < 500:
                break
        raise ActionError(f"No message went to {self._host}: {fault}; see to the webhook.")

    def _post(self, content: dict[str, Any]) -> tuple[int, str]:
        """The status (0: no answer) and what is wrong, if anything."""
        import requests  # noqa: PLC0415  (a watching process seldom needs it)

        with requests.Session() as session:
            session.trust_env = not self._is_here
            try:
                reply = session.post(
                    self.address,
                    json=content,
                    timeout=(_CONNECT_S, _READ_S),
                    allow_redirects=False,
                    stream=True,  # whatever it answers, its head is enough
                )
            except requests.Timeout:
                return 0, "it does not answer in time"
            except requests.RequestException as error:
                return 0, f"it cannot be reached ({type(error).__name__})"
        if reply.is_redirect:
            return reply.status_code, f"it redirects ({reply.status_code}), which is not followed"
        return reply.status_code, "" if reply.ok else f"it answers {reply.status_code}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def message(event: Event) -> dict[str, Any]:
    """What is sent: `text` for people (chats show it), the rest for programs."""
    return {
        "text": body(event),
        "job": event.job.name,
        "job_arn": event.job.arn,
        "rule": event.rule,
        "status": "IssuesFound",
        "finding": _as_json(event.finding.as_json()),
    }


def _as_json(value: Any) -> Any:
    """NaN and infinity, which JSON does not know, as words."""
    if isinstance(value, dict):
        return {name: _as_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
