"""The table of what the debugger's hook costs."""

import argparse

from bench import debug


def test_the_same_step_of_the_same_round_is_compared() -> None:
    rounds = {
        "without hook": [[10.0] * 10, [20.0] * 10],  # the machine grew slower meanwhile
        "our hook": [[13.0, *[10.5] * 9], [23.0, *[20.5] * 9]],
        "smdebug's hook": [[70.0, *[10.0] * 9], [80.0, *[20.0] * 9]],
    }

    figures = debug._figures(rounds, {"our hook": 351_000.0})
    figures["our hook"]["rules_share"] = 0.0075

    assert figures["our hook"]["saving_ms"] == 3
    assert figures["our hook"]["other_ms"] == 0.5
    assert round(figures["our hook"]["share"], 6) == 0.05  # 7.5 ms more in ten steps of 15 ms
    assert figures["our hook"]["bytes"] == 351_000
    options = argparse.Namespace(
        architecture="resnet50", image_size=224, batch_size=16, interval=10, rounds=2
    )
    *_, ours, _, rules, verdict = debug._table(options, figures).splitlines()
    assert ours.split()[3:] == ["3.0", "0.5", "5.0%", "351"]
    assert rules == "The process that evaluates the rules took 0.75% of one core."
    assert verdict == "A saving step costs 20.0 times more with smdebug's hook."


def test_what_is_saved_is_what_the_standard_rules_read() -> None:
    needs = debug._needs()

    assert {"gradients", "relu_output", "losses", "labels", "predictions"} <= needs.keys()
    assert "raw" not in needs["gradients"] | needs["relu_output"]
