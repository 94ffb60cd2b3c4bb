import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from rich.console import Console

from scripts import plot, trials
from scripts.trials import Trial

GOOD = Trial("a-001", "Completed", {"lr": "0.0234567", "optimizer": "adamw"}, 0.9, 31.0)
FAIR = Trial("a-002", "Stopped", {"lr": "0.1", "optimizer": "sgd"}, 0.5, 12.0)
BAD = Trial("a-003", "Failed", {"lr": "1e-4", "optimizer": "sgd"}, reason="No room.\nMore.")
ALL = [BAD, FAIR, GOOD]


def test_the_best_comes_first_and_what_has_no_objective_last() -> None:
    assert trials.ranked(ALL, "Maximize") == [GOOD, FAIR, BAD]
    assert trials.ranked(ALL, "Minimize") == [FAIR, GOOD, BAD]


def test_the_table_has_every_value_in_a_column_of_its_own() -> None:
    console = Console(width=120, record=True, file=None)
    with console.capture() as captured:
        console.print(trials.table([GOOD, BAD], "validation:top1", GOOD.name))
    header, first, second = (line.split() for line in captured.get().splitlines())
    assert header == ["training", "status", "lr", "optimizer", "validation:top1", "seconds"]
    assert first == ["a-001", "Completed", "0.02346", "adamw", "0.9000", "31"]
    assert second == ["a-003", "Failed", "0.0001", "sgd"]


def test_a_line_of_a_log_has_values_objective_and_reason() -> None:
    told = trials.line(GOOD, "validation:top1")
    assert told == "a-001 Completed lr=0.02346 optimizer=adamw validation:top1=0.9"
    assert trials.line(BAD, "validation:top1").endswith("(No room.)")


def test_the_picture_has_a_panel_for_each_value_and_marks_the_best() -> None:
    drawn = plot.svg(ALL, "validation:top1", GOOD.name)
    root = ElementTree.fromstring(drawn)  # noqa: S314  (drawn a line above)
    circles = [one for one in root.iter() if one.tag.endswith("circle")]
    assert len(circles) == 4  # two trainings with an objective, two values each
    assert [one.get("class") for one in circles].count("point best") == 2
    heights = {one.get("class"): float(one.get("cy", "0")) for one in circles}
    assert heights["point best"] < heights["point"]
    assert "prefers-color-scheme: dark" in drawn


@pytest.mark.parametrize("shown", [[], [BAD], [GOOD], [Trial("x", "Completed", {}, 0.5)]])
def test_the_picture_stands_however_little_there_is(shown: list[Trial]) -> None:
    drawn = plot.svg(shown, "validation:top1", None)
    ElementTree.fromstring(drawn)  # noqa: S314
    assert not re.search("nan|inf", drawn)


def test_what_a_value_is_called_cannot_become_markup() -> None:
    hostile = Trial("<b>", "Completed", {"architecture": '"><script>alert(1)</script>'}, 0.5)
    assert "<script>" not in plot.svg([hostile], "validation:top1", None)


def test_marks_of_the_picture_never_stand_on_each_other() -> None:
    rates = [0.0012, 0.00123, 0.00124, 0.0039, 0.0084]
    close = [Trial(f"a-{rate}", "Completed", {"lr": repr(rate)}, rate) for rate in rates]
    drawn = ElementTree.fromstring(plot.svg(close, "validation:top1", None))  # noqa: S314  our own
    marks = [
        one
        for one in drawn.iter("{http://www.w3.org/2000/svg}text")
        if one.get("class") == "tick" and one.get("text-anchor") != "end"
    ]
    places = sorted(float(one.get("x", "nan")) for one in marks)
    assert places
    assert all(right - left > 40 for left, right in pairwise(places))
