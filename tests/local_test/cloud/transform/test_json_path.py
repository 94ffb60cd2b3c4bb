"""The JSONPaths of AWS's documentation pick what it says that they pick."""

from typing import Any

import pytest

from local_test.cloud.transform.json_path import PathError, parse, select

RECORD = {"id": 7, "features": [1, 2, 3], "a": {"b": "c", "d e": 1}}
ROW = ["x", 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("expression", "value", "picked"),
    [
        ("$", RECORD, RECORD),
        ("$.features", RECORD, [1, 2, 3]),
        ("$['id','features']", RECORD, {"id": 7, "features": [1, 2, 3]}),
        ("$.a.b", RECORD, "c"),
        ("$['a']['d e']", RECORD, 1),
        ("$.features[0]", RECORD, 1),
        ("$.features[-1]", RECORD, 3),
        ("$.features[*]", RECORD, [1, 2, 3]),
        ("$.a.*", RECORD, ["c", 1]),
        ("$[1:]", ROW, [1, 2, 3, 4, 5, 6]),
        ("$[:-1]", ROW, ["x", 1, 2, 3, 4, 5]),
        ("$[0,5:]", ROW, ["x", 5, 6]),
        ("$[0, -1]", ROW, ["x", 6]),
        ("$.a.['b','d e']", RECORD, {"b": "c", "d e": 1}),
    ],
)
def test_an_expression_picks_what_aws_documents(expression: str, value: Any, picked: Any) -> None:
    assert select(parse(expression), value) == picked


@pytest.mark.parametrize("expression", ["features", "$..id", "$[?(@.a)]", "$.", "$[1", "$['a'"])
def test_what_batch_transform_does_not_know_is_refused(expression: str) -> None:
    with pytest.raises(PathError):
        parse(expression)


@pytest.mark.parametrize("expression", ["$.none", "$[0]", "$.features[3]", "$.id[0]", "$.id.*"])
def test_an_expression_that_finds_nothing_says_so(expression: str) -> None:
    with pytest.raises(PathError):
        select(parse(expression), RECORD)
