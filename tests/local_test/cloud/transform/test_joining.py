"""Records are filtered before they are sent, and joined with the answers afterwards."""

import json

import pytest

from local_test.cloud.transform.joining import JoinError, Joining


def test_columns_of_csv_are_left_out_and_the_answer_is_put_behind_the_row() -> None:
    joining = Joining.of(
        {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}, "text/csv"
    )
    records = [b'"a, b",1,2', b"c,3,4\r"]
    assert joining.sent(records) == [b"1,2", b"3,4"]
    assert joining.kept(records, b"0.5\n0.7\n") == b'"a, b",0.5\nc,0.7'


def test_a_json_object_gets_the_answer_as_one_more_field() -> None:
    joining = Joining.of({"InputFilter": "$.x", "JoinSource": "Input"}, "application/jsonlines")
    records = [b'{"id": 1, "x": [1]}']
    assert joining.sent(records) == [b"[1]"]
    assert json.loads(joining.kept(records, b'{"p": 2}')) == {
        "id": 1,
        "x": [1],
        "SageMakerOutput": {"p": 2},
    }


def test_json_that_is_no_object_stands_beside_the_answer() -> None:
    joining = Joining.of({"JoinSource": "Input"}, "application/json; charset=utf-8")
    assert json.loads(joining.kept([b"[1]"], b"2\n")) == {
        "SageMakerInput": [1],
        "SageMakerOutput": 2,
    }


def test_without_data_processing_bytes_stay_as_they_are() -> None:
    joining = Joining.of({}, "image/jpeg")
    assert joining.sent([b"\xff\xd8"]) == [b"\xff\xd8"]
    assert joining.kept([b"\xff\xd8"], b"\x00") == b"\x00"


@pytest.mark.parametrize(
    ("record", "answer"), [(b"not json", b"1"), (b"{}", b"not json"), (b'{"a": 1}', b"{}\n{}")]
)
def test_what_cannot_be_joined_says_why(record: bytes, answer: bytes) -> None:
    joining = Joining.of({"JoinSource": "Input"}, "application/json")
    with pytest.raises(JoinError):
        joining.kept([record], answer)


def test_a_container_that_answers_fewer_lines_than_records_is_noticed() -> None:
    joining = Joining.of({"JoinSource": "Input"}, "text/csv")
    with pytest.raises(JoinError, match="1 lines for 2 records"):
        joining.kept([b"1", b"2"], b"0.5")
