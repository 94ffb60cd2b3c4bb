import csv
import json

import numpy as np
import pytest

from imageclf.errors import RequestError
from imageclf.serving import answers
from imageclf.serving.answers import CSV, JSON, JSON_LINES, Model
from imageclf.serving.codecs.question import Shape
from imageclf.serving.options import Options

CLASSES = ("Ants", 'Bees, "wild"', "Füchse")
MODEL = Model("insects", "0123456789ab")
NAMED = {"name": "insects", "version": "0123456789ab"}


def ranked(*probabilities: float, top_k: int = 5, threshold: float = 0.0) -> answers.Ranked:
    options = Options(top_k=top_k, threshold=threshold)
    return answers.ranked(np.array(probabilities, np.float32), CLASSES, options)


FIRST, SECOND = ranked(0.2, 0.7, 0.1, top_k=2), ranked(0.1, 0.1, 0.8, top_k=1)
AS_JSON = [
    {
        "predictions": [
            {"class": 'Bees, "wild"', "probability": 0.7},
            {"class": "Ants", "probability": 0.2},
        ]
    },
    {"predictions": [{"class": "Füchse", "probability": 0.8}]},
]
BROKEN = RequestError("truncated", "The picture is cut off.")


def test_the_most_probable_come_first_and_of_equals_the_first() -> None:
    assert ranked(0.25, 0.5, 0.25) == [(CLASSES[1], 0.5), ("Ants", 0.25), ("Füchse", 0.25)]
    assert ranked(0.25, 0.5, 0.25, top_k=2) == [(CLASSES[1], 0.5), ("Ants", 0.25)]


def test_a_threshold_is_met_by_what_the_caller_is_shown() -> None:
    assert ranked(0.7, 0.2, 0.1, threshold=0.7) == [("Ants", 0.7)]
    assert ranked(0.7, 0.2, 0.1, threshold=0.71) == []


def test_probabilities_have_six_digits() -> None:
    assert ranked(0.123456789, 0.8765432, 0.0)[1] == ("Ants", 0.123457)


def test_json_of_one_picture() -> None:
    response = answers.success([FIRST], "one", JSON, MODEL)
    assert (response.status, response.content_type) == (200, JSON)
    assert json.loads(response.body) == AS_JSON[0] | {"model": NAMED}
    assert "Füchse" in answers.success([SECOND], "one", JSON, MODEL).body.decode()


def test_json_of_several_pictures_names_the_model_once() -> None:
    response = answers.success([FIRST, SECOND], "several", JSON, MODEL)
    assert json.loads(response.body) == {"results": AS_JSON, "model": NAMED}
    alone = answers.success([FIRST], "several", JSON, MODEL)
    assert json.loads(alone.body) == {"results": AS_JSON[:1], "model": NAMED}


@pytest.mark.parametrize("shape", ["several", "lines"])
def test_a_line_for_each_picture_names_the_model_itself(shape: Shape) -> None:
    response = answers.success([FIRST, BROKEN, SECOND], shape, JSON_LINES, MODEL)
    lines = [json.loads(line) for line in response.body.decode().split("\n")]
    assert lines == [
        AS_JSON[0] | {"model": NAMED},
        {"error": "truncated", "message": "The picture is cut off."},
        AS_JSON[1] | {"model": NAMED},
    ]


def test_csv_is_quoted_where_a_name_needs_it() -> None:
    response = answers.success(
        [FIRST, ranked(1, 0, 0, threshold=1), BROKEN, []], "lines", CSV, MODEL
    )
    rows = list(csv.reader(response.body.decode().split("\n")))
    assert rows == [
        ['Bees, "wild"', "0.7", "Ants", "0.2"],
        ["Ants", "1.0"],
        ["error", "truncated"],
        [],
    ]


def test_a_refusal_is_json_of_an_error_and_a_message() -> None:
    response = answers.refusal(413, "too-large", "Too large: 💥 \ud800.")
    assert (response.status, response.content_type) == (413, JSON)
    assert json.loads(response.body)["error"] == "too-large"
