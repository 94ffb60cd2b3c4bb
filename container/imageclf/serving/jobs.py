"""A request on its way to its answer, and what may go wrong there."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imageclf.errors import RequestError
from imageclf.serving import answers
from imageclf.serving.answers import Response, Result
from imageclf.serving.codecs.question import Question, placed
from imageclf.serving.options import Options

_LOG = logging.getLogger(__name__)
_INTERNAL = answers.refusal(
    500, "internal", "The model failed on this request; the log of the container says why."
)


@dataclass(frozen=True)
class Request:
    """A request as the caller sent it; `model` is the name that the answer shows."""

    body: bytes
    content_type: str = ""
    accept: str = ""
    attributes: str = ""
    model: str = ""


class Job:
    """A request on its way; `response` is there as soon as it is decided.

    `options` and `results` belong to the pictures of `question`, in their order.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.response: Response | None = None
        self.question = Question((), "one")
        self.options: list[Options | None] = []
        self.results: list[Result | None] = []

    def refuse(self, error: RequestError) -> None:
        """The whole request is of no use."""
        self.response = answers.refusal(error.status, error.reason, str(error))

    def fault(self, place: int, error: RequestError) -> None:
        """One picture is of no use: of lines only that one, else the whole request."""
        if self.question.shape == "lines":
            self.results[place] = error
        elif self.response is None:
            several = self.question.shape == "several"
            self.refuse(placed(error, f"Picture {place + 1}") if several else error)


@contextmanager
def caught(*jobs: Job) -> Iterator[None]:
    """Answer `jobs` with the fault that comes up inside: the edge of what a request can break."""
    try:
        yield
    except RequestError as error:
        for job in jobs:
            job.refuse(error)
    except Exception:  # noqa: BLE001  whatever it is, the other requests shall have their answers
        _LOG.exception("A request failed.")
        for job in jobs:
            job.response = job.response or _INTERNAL
