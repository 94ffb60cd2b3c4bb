"""What a debug report is made of: the saved steps of a run, and how each rule stands.

The report needs no more of the reader and of the engine than is said here.
"""

from collections.abc import Sequence
from typing import Protocol

from imageclf.debugger.saved import SavedStep
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.finding import Finding, Status


class SavedRun(Protocol):
    """A run whose tensors were saved; `steps` gives all of them, in order.

    `notes` are sentences on what is odd about it; `left_out` counts what could not be read, of
    what was read so far.
    """

    def steps(self) -> Sequence[SavedStep]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    @property
    def left_out(self) -> int: ...


class State(Protocol):
    """How the evaluation of one rule stands.

    `details` is one sentence; `left_out` counts the findings that are not among `findings`.
    """

    @property
    def configuration(self) -> RuleConfiguration: ...

    @property
    def status(self) -> Status: ...

    @property
    def details(self) -> str: ...

    @property
    def findings(self) -> Sequence[Finding]: ...

    @property
    def looked(self) -> int: ...

    @property
    def left_out(self) -> int: ...
