"""Requests that arrived together, to their answers.

All their pictures are predicted together, a bounded number at a time. A fault of one request leaves
the others alone, and no request makes this raise: what the caller did wrong is a 4xx, anything else
a 500 whose cause stands in the log only.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imageclf.errors import ArtifactError, ImageError, RequestError
from imageclf.serving import answers
from imageclf.serving.answers import Model, Response, Result
from imageclf.serving.codecs.body import read_body
from imageclf.serving.codecs.media_types import media_type, negotiated
from imageclf.serving.codecs.question import Asked, Question, placed
from imageclf.serving.faults import as_request_error
from imageclf.serving.options import Options, read_attributes, read_options
from imageclf.serving.settings import ServeSettings

IMAGES_AT_ONCE = 16

_LOG = logging.getLogger(__name__)
_READY = Response(200, "text/plain", b"ready\n")
_INTERNAL = answers.refusal(
    500, "internal", "The model failed on this request; the log of the container says why."
)

Views = tuple[NDArray[np.uint8], ...]


class Classifier(Protocol):
    """What is needed of `imageclf.serving.predictor.Predictor`, which see."""

    name: str
    version: str
    classes: tuple[str, ...]

    def view(self, picture: bytes) -> Views: ...

    def probabilities(self, views: Sequence[Views]) -> NDArray[np.float32]: ...

    def warm_up(self) -> None: ...


@dataclass(frozen=True)
class Request:
    """A request as the caller sent it; `model` is the name that the answer shows."""

    body: bytes
    content_type: str = ""
    accept: str = ""
    attributes: str = ""
    model: str = ""


class _Job:
    """A request on its way; `response` is there as soon as it is decided."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.response: Response | None = None
        self.question = Question((), "one")
        self.options: list[Options | None] = []
        self.results: list[Result | None] = []

    def refuse(self, error: RequestError) -> None:
        self.response = answers.refusal(error.status, error.reason, str(error))

    def fault(self, place: int, error: RequestError) -> None:
        """One picture is of no use: of lines only that one, else the whole request."""
        if self.question.shape == "lines":
            self.results[place] = error
        elif self.question.shape == "several":
            self.refuse(placed(error, f"Picture {place + 1}"))
        else:
            self.refuse(error)


@dataclass(frozen=True)
class _Seen:
    """The views of one picture, and whose it is."""

    job: _Job
    place: int
    views: Views


class Responder:
    """Answers requests with a model."""

    def __init__(self, classifier: Classifier, settings: ServeSettings) -> None:
        self._classifier = classifier
        self._max_images = settings.max_images
        self._top_k = settings.top_k

    def answers(self, requests: Sequence[Request]) -> list[Response]:
        """The answer to each of `requests`; never raises on account of one."""
        jobs = [_Job(request) for request in requests]
        for job in jobs:
            with _caught(job):
                self._read(job)
        seen = self._seen(jobs)
        while chunk := list(islice(seen, IMAGES_AT_ONCE)):
            with _caught(*(one.job for one in chunk)):
                self._predict(chunk)
        return [self._finished(job) for job in jobs]

    def warm_up(self) -> Response:
        """Predict a made-up picture; `ready` when that went well."""
        job = _Job(Request(b""))
        with _caught(job):
            self._classifier.warm_up()
        return job.response or _READY

    def _read(self, job: _Job) -> None:
        request = job.request
        _wanted_type(request)
        attributes = read_attributes(request.attributes)
        read_options(attributes, self._top_k)
        job.question = read_body(request.body, request.content_type, self._max_images)
        job.results = [None] * len(job.question.asked)
        for place, asked in enumerate(job.question.asked):
            job.options.append(self._options(job, place, asked, attributes))

    def _options(
        self, job: _Job, place: int, asked: Asked | RequestError, attributes: Mapping[str, object]
    ) -> Options | None:
        if isinstance(asked, RequestError):
            job.fault(place, asked)
            return None
        try:
            return read_options({**attributes, **asked.options}, self._top_k)
        except RequestError as error:
            if job.question.shape != "lines":
                raise
            job.fault(place, error)
            return None

    def _seen(self, jobs: Sequence[_Job]) -> Iterator[_Seen]:
        """The views of all pictures, one by one, of requests that can still be answered."""
        for job in jobs:
            for place, asked in enumerate(job.question.asked):
                if job.response is not None:
                    break
                if isinstance(asked, Asked) and job.results[place] is None:
                    views = self._views(job, place, asked)
                    if views is not None:
                        yield _Seen(job, place, views)

    def _views(self, job: _Job, place: int, asked: Asked) -> Views | None:
        with _caught(job):
            try:
                return self._classifier.view(asked.picture)
            except ImageError as error:
                job.fault(place, as_request_error(error))
        return None

    def _predict(self, chunk: Sequence[_Seen]) -> None:
        probabilities_bk = self._classifier.probabilities([one.views for one in chunk])
        if not np.isfinite(probabilities_bk).all():
            raise ArtifactError(
                "The network answers with values that are no numbers; train the model again."
            )
        for one, probabilities_k in zip(chunk, probabilities_bk, strict=True):
            options = one.job.options[one.place]
            assert options is not None
            ranked = answers.ranked(probabilities_k, self._classifier.classes, options)
            one.job.results[one.place] = ranked

    def _finished(self, job: _Job) -> Response:
        if job.response is None:
            with _caught(job):
                job.response = self._success(job)
        assert job.response is not None
        return job.response

    def _success(self, job: _Job) -> Response:
        results = [one for one in job.results if one is not None]
        assert len(results) == len(job.question.asked)
        first = results[0]
        if isinstance(first, RequestError) and all(isinstance(x, RequestError) for x in results):
            return answers.refusal(RequestError.status, first.reason, f"Line 1: {first}")
        model = Model(job.request.model or self._classifier.name, self._classifier.version)
        return answers.success(results, job.question.shape, _wanted_type(job.request), model)


def _wanted_type(request: Request) -> str:
    """The type of the answer; lines are answered by lines unless something else is asked for."""
    in_lines = media_type(request.content_type) == answers.JSON_LINES
    return negotiated(request.accept, answers.OFFERED_FOR_LINES if in_lines else answers.OFFERED)


@contextmanager
def _caught(*jobs: _Job) -> Iterator[None]:
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
