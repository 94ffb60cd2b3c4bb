import json

from scripts import receipt
from scripts.receipt import Made


def test_what_was_made_its_cost_and_what_undoes_it_stand_below_one_another() -> None:
    made = [Made("job", "a-job", "arn:aws:job/a-job"), Made("model", "m", page="https://console")]
    assert receipt.lines(made, "1.41 USD an hour", ["scripts/train.sh --stop a-job"]) == [
        "job    a-job",
        "       arn:aws:job/a-job",
        "model  m",
        "       https://console",
        "cost   1.41 USD an hour",
        "undo   scripts/train.sh --stop a-job",
    ]


def test_one_request_is_printed_as_an_object_and_several_as_a_list() -> None:
    one = ("CreateModel", {"ModelName": "m"})
    expected = {"Operation": "CreateModel", "Request": {"ModelName": "m"}}
    assert json.loads(receipt.requests([one])) == expected
    assert json.loads(receipt.requests([one, one])) == [expected, expected]
