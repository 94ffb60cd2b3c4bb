import json
import random
from collections.abc import Sequence

import pytest
from mms.context import Context, RequestProcessor

from imageclf.serving.handler import Handler
from imageclf.serving.jobs import Request
from imageclf.serving.predictor import Predictor
from imageclf.serving.responder import Responder
from imageclf.serving.settings import ServeSettings
from tests.serving.requests_of_all_kinds import JPEG, RIGHT, garbled

GARBLED = 2000
Answer = tuple[int, str, bytes]


@pytest.fixture(scope="module")
def handler(predictor: Predictor) -> Handler:
    """A handler whose model was loaded by other means than a parent process."""
    handler = Handler()
    handler._responder = Responder(predictor, ServeSettings.from_environment({}))
    return handler


def headers(request: Request) -> dict[str, str]:
    """As the gateway writes them."""
    return {
        "Content-Type": "application/octet-stream",
        "X-Imageclf-Content-Type": request.content_type,
        "x-imageclf-accept": request.accept,
        "x-imageclf-attributes": request.attributes,
        "x-imageclf-model": request.model,
    }


def answered(
    handler: Handler, bodies: Sequence[bytes], given: Sequence[dict[str, str]]
) -> list[Answer]:
    """What multi-model-server would send back, through its own context."""
    context = Context("key", "/nowhere", None, len(bodies), None, "1")
    context.request_processor = [RequestProcessor(dict(one)) for one in given]
    data = [{"body": bytearray(body)} if body else {} for body in bodies]
    contents = handler.handle(data, context)
    assert len(contents) == len(bodies)
    return [
        (context.get_response_status(index)[0], context.get_response_content_type(index), content)
        for index, content in enumerate(contents)
    ]


def test_a_batch_is_answered_in_its_order(handler: Handler) -> None:
    batch = [*RIGHT, Request(b""), Request(b"no picture")]
    answers = answered(handler, [one.body for one in batch], [headers(one) for one in batch])
    assert [status for status, _, _ in answers] == [200] * len(RIGHT) + [400, 400]
    assert answers[2][1] == "text/csv"
    assert json.loads(answers[-2][2])["error"] == "empty"
    assert json.loads(answers[-1][2])["error"] == "not-an-image"


def test_a_picture_needs_no_headers(handler: Handler) -> None:
    assert answered(handler, [JPEG], [{}])[0][0] == 200


def test_warming_up_goes_beside_requests(handler: Handler) -> None:
    given = [headers(Request(JPEG)), {"x-imageclf-warm-up": "1"}, headers(Request(b"-"))]
    answers = answered(handler, [JPEG, b"", b"-"], given)
    assert [status for status, _, _ in answers] == [200, 200, 400]
    assert answers[1][1:] == ("text/plain", b"ready\n")


def test_no_garbled_request_is_a_fault_of_ours(handler: Handler) -> None:
    draw = random.Random(1)
    statuses: dict[int, int] = {}
    left = GARBLED
    while left:
        batch = [garbled(draw) for _ in range(min(left, draw.choice((1, 1, 3, 8))))]
        left -= len(batch)
        answers = answered(handler, [one.body for one in batch], [headers(one) for one in batch])
        for (status, _, content), request in zip(answers, batch, strict=True):
            assert status in {200, 400, 406, 413, 415}, request
            if status != 200:
                assert json.loads(content).keys() == {"error", "message"}
                assert len(content) < 2000
            statuses[status] = statuses.get(status, 0) + 1
    assert min(statuses[200], statuses[400], statuses[406], statuses[415]) > GARBLED / 100
