"""Requests that arrived together, to their answers.

All their pictures are predicted together, a bounded number at a time. A fault of one request leaves
the others alone, and no request makes this raise: what the caller did wrong is a 4xx, anything else
a 500 whose cause stands in the log only.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imageclf.errors import ArtifactError, ImageError, RequestError
from imageclf.serving import answers
from imageclf.serving.answers import Model, Response
from imageclf.serving.codecs.body import read_body
from imageclf.serving.codecs.media_types import media_type, negotiated
from imageclf.serving.codecs.question import Asked
from imageclf.serving.faults import as_request_error
from imageclf.serving.jobs import Job, Request, caught
from imageclf.serving.options import Options, read_attributes, read_options
from imageclf.serving.settings import ServeSettings

IMAGES_AT_ONCE = 16

_READY = Response(200, "text/plain", b"ready\n")

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
class _Picture:
    """One picture, and whose it is."""

    job: Job
    place: int
    encoded: bytes
    options: Options


class Responder:
    """Answers requests with a model.

    Args:
        threads: pictures that are decoded at once.
    """

    def __init__(self, classifier: Classifier, settings: ServeSettings, threads: int = 1) -> None:
        self._classifier = classifier
        self._max_images = settings.max_images
        self._top_k = settings.top_k
        # It makes its threads when they are first needed, so a fork may come before.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def answers(self, requests: Sequence[Request]) -> list[Response]:
        """The answer to each of `requests`; never raises on account of one."""
        jobs = [Job(request) for request in requests]
        for job in jobs:
            with caught(job):
                self._read(job)
        pictures = [picture for job in jobs for picture in _pictures(job)]
        for start in range(0, len(pictures), IMAGES_AT_ONCE):
            self._predict(pictures[start : start + IMAGES_AT_ONCE])
        return [self._finished(job) for job in jobs]

    def warm_up(self) -> Response:
        """Predict a made-up picture; `ready` when that went well."""
        job = Job(Request(b""))
        with caught(job):
            self._classifier.warm_up()
        return job.response or _READY

    def _read(self, job: Job) -> None:
        request = job.request
        _wanted_type(request)
        attributes = read_attributes(request.attributes)
        read_options(attributes, self._top_k)
        job.question = read_body(request.body, request.content_type, self._max_images)
        job.results = [None] * len(job.question.asked)
        for place, asked in enumerate(job.question.asked):
            job.options.append(self._options(job, place, asked, attributes))

    def _options(
        self, job: Job, place: int, asked: Asked | RequestError, attributes: Mapping[str, object]
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

    def _predict(self, pictures: Sequence[_Picture]) -> None:
        """Put the results of `pictures` into their jobs."""
        usable = self._seen(pictures)
        if not usable:
            return
        with caught(*(picture.job for picture, _ in usable)):
            probabilities_bk = self._classifier.probabilities([views for _, views in usable])
            _check(probabilities_bk)
            for (picture, _), probabilities_k in zip(usable, probabilities_bk, strict=True):
                picture.job.results[picture.place] = answers.ranked(
                    probabilities_k, self._classifier.classes, picture.options
                )

    def _seen(self, pictures: Sequence[_Picture]) -> list[tuple[_Picture, Views]]:
        """What the network sees of `pictures`, of jobs that can still be answered."""
        seen = []
        # Faults are told here, in order, and not in the threads: the first one counts.
        for picture, views in zip(pictures, self._all_views(pictures), strict=True):
            if isinstance(views, RequestError):
                picture.job.fault(picture.place, views)
            elif views is not None:
                seen.append((picture, views))
        return [(picture, views) for picture, views in seen if picture.job.response is None]

    def _all_views(self, pictures: Sequence[_Picture]) -> Iterable[Views | RequestError | None]:
        if len(pictures) > 1:
            try:
                return self._pool.map(self._views, pictures)
            except RuntimeError:  # a process that is to end has no pool, and requests to answer
                pass
        return map(self._views, pictures)

    def _views(self, picture: _Picture) -> Views | RequestError | None:
        """The views of one picture, or its fault; None when they would be of no use."""
        views: Views | RequestError | None = None
        if picture.job.response is None:
            with caught(picture.job):
                try:
                    views = self._classifier.view(picture.encoded)
                except ImageError as error:
                    views = as_request_error(error)
        return views

    def _finished(self, job: Job) -> Response:
        if job.response is None:
            with caught(job):
                job.response = self._success(job)
        assert job.response is not None
        return job.response

    def _success(self, job: Job) -> Response:
        results = [one for one in job.results if one is not None]
        assert len(results) == len(job.question.asked)
        first = results[0]
        if isinstance(first, RequestError) and all(isinstance(x, RequestError) for x in results):
            return answers.refusal(RequestError.status, first.reason, f"Line 1: {first}")
        model = Model(job.request.model or self._classifier.name, self._classifier.version)
        return answers.success(results, job.question.shape, _wanted_type(job.request), model)


def _pictures(job: Job) -> list[_Picture]:
    """The pictures of a job that can still be answered."""
    if job.response is not None:
        return []
    return [
        _Picture(job, place, asked.picture, options)
        for place, (asked, options) in enumerate(zip(job.question.asked, job.options, strict=True))
        if isinstance(asked, Asked) and options is not None
    ]


def _wanted_type(request: Request) -> str:
    """The type of the answer; lines are answered by lines unless something else is asked for."""
    in_lines = media_type(request.content_type) == answers.JSON_LINES
    return negotiated(request.accept, answers.OFFERED_FOR_LINES if in_lines else answers.OFFERED)


def _check(probabilities_bk: NDArray[np.float32]) -> None:
    if not np.isfinite(probabilities_bk).all():
        raise ArtifactError(
            "The network answers with values that are no numbers; train the model again."
        )
