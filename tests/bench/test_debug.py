"""The table of what the debugger's hook costs."""

import argparse

from bench import debug


def test_blocks_of_the_same_round_are_compared() -> None:
    blocks = {
        "without hook": [[10.0] * 10, [20.0] * 10],  # the machine grew slower meanwhile
        "our hook": [[13.0, *[10.0] * 9], [26.0, *[20.0] * 9]],
        "smdebug's hook": [[70.0, *[10.0] * 9], [140.0, *[20.0] * 9]],
    }

    figures = debug._figures(blocks, {"our hook": 351_000.0})

    assert figures["our hook"]["extra_ms"] == 4.5
    assert round(figures["our hook"]["share"], 6) == 0.03
    assert figures["our hook"]["bytes"] == 351_000
    options = argparse.Namespace(
        architecture="resnet50", image_size=224, batch_size=16, interval=10, rounds=2
    )
    lines = debug._table(options, figures).splitlines()
    assert lines[-1] == "A saving step costs 20.0 times more with smdebug's hook."
    assert lines[4].split()[3:] == ["4.5", "3.0%", "351"]


def test_what_is_saved_is_what_the_standard_rules_read() -> None:
    needs = debug._needs()

    assert {"gradients", "relu_output", "losses", "labels", "predictions"} <= needs.keys()
    assert "raw" not in needs["gradients"] | needs["relu_output"]
