import math

from bench.serving.figures import Figures
from bench.serving.table import table
from tests.bench.test_figures import cell


def figures() -> dict[str, Figures]:
    return {
        "raw": Figures({1: cell(20, 20)}, [2.0], [], [400.0], 50),
        "imageclf": Figures({1: cell(21, 21), 32: cell(*[530.0] * 60)}, [5.0], [500], [600], 50),
        "mms@1x2": Figures({1: cell(40), 32: cell(*[1000.0] * 30, lost=2)}, [9.0], [1], [2], 49),
        "fastapi@1x2": Figures(failure="it ended with code 1"),
    }


def lines(**changes: float) -> list[str]:
    extra = changes.get("extra_worker_mib", 100.0)
    return table("what was run", figures(), (1, 32), 50, extra).splitlines()


def test_each_measure_is_a_block_with_a_row_a_contender() -> None:
    text = lines()
    start = text.index("requests/s at clients         1       32")
    assert text[0] == "what was run"
    assert [row.split() for row in text[start + 1 : start + 5]] == [
        ["raw", "2.0", "-"],
        ["imageclf", "2.0", "60.0"],
        ["mms@1x2", "1.0", "30.0"],
        ["fastapi@1x2", "-", "-"],
    ]


def test_errors_right_answers_and_failures_are_shown() -> None:
    text = "\n".join(lines())
    assert "mms@1x2                     0        2" in text
    assert "50/50" in text
    assert "fastapi@1x2 failed: it ended with code 1" in text


def test_ours_is_held_against_the_aims() -> None:
    text = lines()
    assert text[-5:] == [
        "imageclf - raw, p50 at 1 client: +1.00 ms (aim: at most 1.5)",
        "imageclf / best peer, requests/s at clients: 1: 2.00 (mms@1x2), 32: 2.00 (mms@1x2) "
        "(aim: at least 1.5)",
        "imageclf, 32 clients: p99 0.99 times clients / rate (aim: at most 1.3), 0 errors "
        "(aim: none)",
        "imageclf, start to ready: 5.0 s (aim: at most 8)",
        "imageclf, memory of one more worker: 105 MB (aim: below 150)",
    ]


def test_without_ours_nothing_is_compared() -> None:
    alone = {"mms@1x2": figures()["mms@1x2"]}
    assert "aim" not in table("what was run", alone, (1, 32), 50, math.nan)
