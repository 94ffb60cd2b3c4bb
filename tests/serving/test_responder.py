import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imageclf.serving.answers import Response
from imageclf.serving.jobs import Request
from imageclf.serving.predictor import Predictor
from imageclf.serving.responder import IMAGES_AT_ONCE, Responder, Views
from imageclf.serving.settings import ServeSettings
from tests.data.pictures import png_header
from tests.serving.requests_of_all_kinds import (
    FORM,
    JPEG,
    PNG,
    RIGHT,
    TEXT,
    as_form,
    as_json,
    as_lines,
)

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "requests.md").read_text()

SETTINGS = ServeSettings.from_environment({"IMAGECLF_MAX_IMAGES": "20"})


class FakePredictor:
    """Stands in for a predictor that does what no sound model does."""

    name, version = "fake", "0"
    classes: tuple[str, ...] = ("Ants", "Bees")

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability
        self.batches: list[int] = []

    def view(self, picture: bytes) -> Views:
        if picture == b"surprise":
            raise ZeroDivisionError
        return ()

    def probabilities(self, views: Sequence[Views]) -> NDArray[np.float32]:
        self.batches.append(len(views))
        if self.probability > 1:
            raise RuntimeError("secret detail")
        return np.full((len(views), 2), self.probability, np.float32)

    def warm_up(self) -> None:
        self.probabilities([()])


@pytest.fixture(scope="module")
def responder(predictor: Predictor) -> Responder:
    return Responder(predictor, SETTINGS)


def content(response: Response) -> Any:
    return json.loads(response.body)


def error(response: Response) -> tuple[int, str]:
    assert content(response).keys() == {"error", "message"}
    return response.status, content(response)["error"]


@pytest.mark.parametrize("request_", RIGHT, ids=lambda one: one.content_type or "none")
def test_every_type_is_answered(responder: Responder, request_: Request) -> None:
    (response,) = responder.answers([request_])
    assert response.status == 200, response.body


def test_the_answer_is_what_the_predictor_says(responder: Responder, predictor: Predictor) -> None:
    (response,) = responder.answers([Request(JPEG)])
    (expected_k,) = predictor.probabilities([predictor.view(JPEG)])
    answer = content(response)
    assert answer["model"] == {"name": "insects", "version": predictor.version}
    assert len(answer["predictions"]) == 3
    for one in answer["predictions"]:
        index = predictor.classes.index(one["class"])
        assert one["probability"] == pytest.approx(expected_k[index], abs=1e-6)
    assert sum(one["probability"] for one in answer["predictions"]) == pytest.approx(1, abs=2e-6)


def test_every_way_to_send_a_picture_gives_the_same_answer(responder: Responder) -> None:
    (expected,) = responder.answers([Request(JPEG, "image/jpeg", attributes="top_k=2")])
    others = [
        Request(JPEG, "", "", '{"top_k": 2}'),
        Request(as_json({"image": TEXT, "top_k": 2}), "application/json"),
        Request(as_json({"b64": TEXT}), "application/json", attributes="top-k=2"),
        Request(as_json({"image": TEXT, "top_k": 2}), "application/json", attributes="top_k=1"),
        Request(as_form(JPEG, top_k="2"), FORM),
    ]
    assert responder.answers(others) == [expected] * len(others)


def test_the_name_of_the_model_is_the_one_that_was_called(responder: Responder) -> None:
    (response,) = responder.answers([Request(JPEG, model="breeds")])
    assert content(response)["model"]["name"] == "breeds"


def test_lines_are_answered_by_lines_unless_json_is_asked_for(responder: Responder) -> None:
    body = as_lines(TEXT, "AAAA", TEXT)
    lines, listed, rows = responder.answers(
        [
            Request(body, "application/x-jsonlines"),
            Request(body, "application/x-jsonlines", "application/json"),
            Request(body, "application/x-jsonlines", "text/csv"),
        ]
    )
    first, second, third = (json.loads(line) for line in lines.body.split(b"\n"))
    assert first == third
    assert first["predictions"]
    assert second["error"] == "not-an-image"
    assert content(listed)["results"][1] == second
    assert list(csv.reader(rows.body.decode().split("\n")))[1] == ["error", "not-an-image"]


def test_each_line_may_have_its_own_options(responder: Responder) -> None:
    body = b"\n".join(as_json({"image": TEXT, "top_k": top_k}) for top_k in (1, 0, 2))
    (response,) = responder.answers([Request(body, "application/jsonl", attributes="top_k=3")])
    lines = [json.loads(line) for line in response.body.split(b"\n")]
    assert [len(line.get("predictions", [])) for line in lines] == [1, 0, 2]
    assert lines[1]["error"] == "bad-option"


def test_lines_that_are_all_bad_are_the_callers_fault(responder: Responder) -> None:
    (response,) = responder.answers([Request(b"{}\n{}\n", "application/jsonlines")])
    assert error(response) == (400, "bad-json")


@pytest.mark.parametrize(
    ("request_", "status", "word"),
    [
        (Request(b"no picture"), 400, "not-an-image"),
        (Request(b""), 400, "empty"),
        (Request(JPEG[:-200], "image/jpeg"), 400, "truncated"),
        (Request(PNG[:60]), 400, "truncated"),
        (Request(png_header(2000, 2000)), 413, "too-many-pixels"),
        (Request(JPEG, "text/csv"), 415, "unsupported-type"),
        (Request(JPEG, "application/x-npy"), 415, "unsupported-type"),
        (Request(JPEG, accept="image/*"), 406, "not-acceptable"),
        (Request(JPEG, attributes="top_k=0"), 400, "bad-option"),
        (Request(JPEG, attributes="topk=1"), 400, "bad-option"),
        (Request(as_lines(TEXT), "application/jsonlines", "", "topk=1"), 400, "bad-option"),
        (Request(b"{", "application/json"), 400, "bad-json"),
        (Request(as_json({"image": "?"}), "application/json"), 400, "bad-base64"),
        (Request(as_json({"image": ""}), "application/json"), 400, "empty"),
        (Request(as_json({"image": "s3://a/b"}), "application/json"), 400, "url-refused"),
        (Request(as_json({"images": [TEXT] * 21}), "application/json"), 413, "too-many-images"),
        (Request(JPEG, FORM), 400, "bad-multipart"),
        (Request(as_form(JPEG, colour="red"), FORM), 400, "bad-option"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_fault_of_the_caller_has_a_status_and_a_word(
    responder: Responder, request_: Request, status: int, word: str
) -> None:
    (response,) = responder.answers([request_])
    assert error(response) == (status, word)
    assert response.content_type == "application/json"
    assert f"`{word}`" in DOCUMENTED


def test_of_several_pictures_the_first_broken_one_is_named(responder: Responder) -> None:
    body = as_json({"images": [TEXT, TEXT, "AAAA", TEXT, ""]})
    (response,) = responder.answers([Request(body, "application/json")])
    assert error(response) == (400, "not-an-image")
    assert content(response)["message"].startswith("Picture 3: ")


def test_one_bad_request_of_a_batch_leaves_its_neighbours_alone(responder: Responder) -> None:
    bad = [Request(b"no picture"), Request(JPEG, "text/csv"), Request(JPEG[:300])]
    batch = [RIGHT[0], bad[0], RIGHT[7], bad[1], bad[2], RIGHT[0]]
    together = responder.answers(batch)
    alone = [responder.answers([one])[0] for one in batch]
    assert [one.status for one in together] == [200, 400, 200, 415, 400, 200]
    assert together == alone


def test_pictures_of_all_requests_are_predicted_together_in_bounded_numbers() -> None:
    fake = FakePredictor()
    many = Request(as_json({"images": [TEXT] * 15}), "application/json")
    assert all(one.status == 200 for one in Responder(fake, SETTINGS).answers([many] * 3))
    assert fake.batches == [IMAGES_AT_ONCE, IMAGES_AT_ONCE, 45 - 2 * IMAGES_AT_ONCE]


def test_decoding_in_threads_changes_no_answer(predictor: Predictor, responder: Responder) -> None:
    batch = [*RIGHT, Request(b"no picture"), *RIGHT]
    assert Responder(predictor, SETTINGS, threads=4).answers(batch) == responder.answers(batch)


def test_a_fault_of_the_model_is_a_500_whose_cause_is_in_the_log_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Responder(FakePredictor(probability=2), SETTINGS)
    responses = broken.answers([Request(JPEG), Request(JPEG, "text/csv")])
    assert [error(one) for one in responses] == [(500, "internal"), (415, "unsupported-type")]
    assert b"secret" not in responses[0].body
    assert "secret detail" in caplog.text
    assert error(broken.warm_up()) == (500, "internal")


def test_a_network_that_answers_with_nan_is_a_fault_of_the_model() -> None:
    (response,) = Responder(FakePredictor(float("nan")), SETTINGS).answers([Request(JPEG)])
    assert error(response) == (500, "internal")


def test_a_surprise_with_one_picture_concerns_its_request_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.CRITICAL):
        responses = Responder(FakePredictor(), SETTINGS).answers(
            [Request(b"surprise"), Request(JPEG)]
        )
    assert [one.status for one in responses] == [500, 200]


def test_warming_up_predicts_and_says_ready(responder: Responder) -> None:
    response = responder.warm_up()
    assert (response.status, response.body.strip()) == (200, b"ready")
