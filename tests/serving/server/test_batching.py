import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.data.pictures import encoded, gradient
from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.running import running

PNG = encoded(gradient(), "PNG")


def test_requests_that_come_together_get_their_own_answers(root: Path) -> None:
    with running(root, IMAGECLF_BATCH_SIZE="4", IMAGECLF_BATCH_WAIT_MS="50") as server:
        bodies = [JPEG, b"no picture", PNG, JPEG] * 5
        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(server.post, bodies))
        alone = {body: server.post(body)[2] for body in (JPEG, PNG)}
    assert [status for status, _, _ in answers] == [200, 400, 200, 200] * 5
    for body, (status, _, content) in zip(bodies, answers, strict=True):
        if status == 200:
            first, same = json.loads(content), json.loads(alone[body])
            assert [one["class"] for one in first["predictions"]] == [
                one["class"] for one in same["predictions"]
            ]
