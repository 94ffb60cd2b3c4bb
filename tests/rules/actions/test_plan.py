"""Which actions a text asks for."""

import pytest
from smdebug_rulesconfig import (  # type: ignore[import-untyped]
    SMS,
    ActionList,
    Email,
    StopTraining,
)

from imageclf.errors import SettingsError
from imageclf.rules.actions.emit import Emit
from imageclf.rules.actions.notify import ToAddress, ToTopic
from imageclf.rules.actions.plan import parse
from imageclf.rules.actions.stop import Stop
from imageclf.rules.actions.webhook import ToWebhook

TOPIC = "arn:aws:sns:us-east-1:123456789012:findings"


def test_actions_stand_between_commas_and_each_counts_once() -> None:
    text = f"stop, notify={TOPIC},notify=https://example.org/a?b=c, emit , stop,"
    assert parse(text) == (
        Stop(),
        ToTopic(TOPIC),
        ToWebhook("https://example.org/a?b=c"),
        Emit(),
    )
    assert parse("") == parse(" , ") == ()


def test_what_the_sdk_serialises_is_understood() -> None:
    actions = ActionList(StopTraining(), Email("ann@example.org"), SMS("+491701234567"))
    actions.update_training_job_prefix_if_not_specified("Insects-7")
    assert parse(actions.serialize()) == (
        Stop("Insects-7"),
        ToAddress("email", "ann@example.org"),
        ToAddress("sms", "+491701234567"),
    )
    assert parse(StopTraining("other").serialize()) == (Stop("other"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("halt", "'halt' is not an action as it is written; there are stop, notify="),
        ("stop=now", "'stop' is not an action as it is written"),
        ("notify=me", "'notify' is not an action as it is written"),
        ("notify=arn:aws:sqs:us-east-1:123456789012:a", "the ARN of a topic is arn:aws:sns:"),
        ("notify=http://example.org/", "give a topic's ARN or an https address"),
        ("notify=http://127.0.0.1.example.org/", "give a topic's ARN or an https address"),
        ("notify=file://localhost/etc/passwd", "give a topic's ARN or an https address"),
        ("[{", "action_json is not JSON"),
        ("[3]", "an action is an object with a name"),
        ('{"name": "restart"}', "asks for 'restart'; there are stoptraining"),
        ('{"name": "email"}', "email needs an endpoint"),
    ],
)
def test_what_is_no_action_is_refused_with_one_sentence(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told.replace("[", r"\[")):
        parse(text)
