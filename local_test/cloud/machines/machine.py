"""What runs one instance of a job or of an endpoint, whatever it runs in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Handle = dict[str, Any]
"""What finds an instance again after a restart; JSON."""


class UnusableImageError(Exception):
    """The image of a request cannot be run here; the message says why and what to do."""


@dataclass(frozen=True)
class Container:
    """One container to start.

    Attributes:
        name: unique among all that run.
        image: as the request names it.
        arguments: what the image's entry point is given: `("train",)`, `("serve",)`.
        entrypoint: in place of the image's own, where the request has one.
        environment: added to what the image has.
        ml: the folder that is /opt/ml inside.
        read_only: folders below `ml` (relative) that must not be written to.
        log: the file that standard output and error are appended to.
        host: what the instance calls itself (`algo-1`); it and `hosts` resolve inside.
        port: of a server, inside and outside the same; None for a job.
    """

    name: str
    image: str
    arguments: tuple[str, ...]
    ml: Path
    log: Path
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()
    host: str = "localhost"
    hosts: tuple[str, ...] = ()
    port: int | None = None


class Instance(Protocol):
    """A container that was started, perhaps by an earlier process."""

    handle: Handle

    def exit_code(self) -> int | None:
        """None while it runs; 128 + signal for a death by signal; at most once a second of cost."""
        ...

    def send(self, signal_name: str) -> bool:
        """Pass on TERM or KILL; whether it arrived."""
        ...
