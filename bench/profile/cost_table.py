"""The table of what the profiler costs."""

import argparse
from collections.abc import Mapping

GOAL = 0.01
"""Largest share of the throughput that system and phases may cost."""
GOAL_MB_AN_HOUR = 20


def table(options: argparse.Namespace, figures: Mapping[str, float], where: str) -> str:
    """The figures of `bench.profile.cost`, measured on the machine `where`."""
    one = figures
    megabytes = one["steps_mb_an_hour"] + one["samples_mb_an_hour"]
    accounted = one["clock_alone_us"] / 1e3 / one["step_ms"] + one["processes_share"]
    return "\n".join(
        [
            f"{options.architecture}, {options.image_size} px, batch {options.batch_size}, "
            f"{2 * options.rounds} rounds of {options.steps} steps, {where}",
            f"a step without profiler        {one['step_ms']:9.1f} ms",
            f"phases of the step             {one['clock_ms']:9.2f} ms {one['clock_share']:8.2%} "
            f"+- {one['error_share']:.2%}",
            f"(the clock alone, nothing between its marks: {one['clock_alone_us']:.0f} us a step)",
            f"sampling and rules, all they take            {one['processes_share']:7.2%}",
            f"profile=on costs                             {one['share']:7.2%}, {verdict(one)}",
            f"by the clock alone and the processes' time   {accounted:7.2%}",
            f"(held still in every other round, sampling and rules made "
            f"{one['processes_seen_share']:+.2%})",
            f"reading a picture {one['picture_ms']:.2f} ms, measuring it "
            f"{one['measuring_ms'] * 1e3:.1f} us",
            f"files {megabytes:.2f} MB an hour, of them steps {one['steps_mb_an_hour']:.2f} "
            f"(goal below {GOAL_MB_AN_HOUR})",
            f"kernels: {one['window_steps']:.0f} steps of {one['window_step_ms']:.0f} ms instead "
            f"of {one['outside_step_ms']:.0f}, {one['window_extra_s']:.1f} s more in all, "
            f"{one['window_mb']:.1f} MB",
        ]
    )


def verdict(figures: Mapping[str, float]) -> str:
    """Whether the goal is reached, if that can be told."""
    if figures["error_share"] > GOAL / 3:
        return "which says little: the machine was too busy"
    return f"{'within' if figures['share'] <= GOAL else 'above'} the goal of {GOAL:.0%}"
