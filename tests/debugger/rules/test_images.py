"""CheckInputImages: pictures that are not centred on zero."""

import numpy as np
import pytest

from imageclf.debugger.rules.images import CheckInputImages
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.rules.finding import Finding
from tests.debugger.rules.steps import as_statistics, findings, raw, step, told


def pictures(*means: float, batches: int = 50, nhwc: bool = False) -> list[SavedStep]:
    """Steps of 10 pictures whose channels have these means."""
    spread = np.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
    images = np.asarray(means).reshape(1, -1, 1, 1) + spread.repeat(10, axis=0)
    images = images.transpose(0, 2, 3, 1) if nhwc else images
    return [step(number, raw("ResNet_input_0", images, "inputs")) for number in range(batches)]


def judge(run: list[SavedStep], **given: str) -> list[Finding]:
    return findings(CheckInputImages.from_strings(given), run)


@pytest.mark.parametrize(("mean", "ill"), [(0.199, False), (0.201, True), (-0.201, True)])
def test_a_channel_may_lie_a_fifth_off_zero(mean: float, ill: bool) -> None:
    assert bool(judge(pictures(0.0, mean, 0.0))) is ill


@pytest.mark.parametrize(("batches", "ill"), [(49, False), (50, True)])
def test_nothing_is_said_before_500_pictures_were_seen(batches: int, ill: bool) -> None:
    rule = CheckInputImages()
    assert bool(findings(rule, pictures(9.0, batches=batches))) is ill
    assert rule.missing() == ""


def test_the_channel_and_its_mean_are_told() -> None:
    (found,) = judge(pictures(0.0, 0.0, 127.5))
    assert (found.step, found.tensor) == (49, "ResNet_input_0")
    assert found.value == pytest.approx(127.5)
    assert found.threshold == 0.2
    assert "channel 2 of ResNet_input_0 is 127.5" in found.found
    assert found.details["channel_means"] == pytest.approx([0.0, 0.0, 127.5])


def test_statistics_and_pictures_of_either_layout_give_the_same_findings() -> None:
    run = pictures(0.0, 1.0, 0.5)
    rule = CheckInputImages()
    reduced = as_statistics(run, rule.needs())
    expected = judge(run)
    assert expected
    assert findings(rule, reduced) == expected
    assert judge(pictures(0.0, 1.0, 0.5, nhwc=True), channel="3") == expected


def test_channels_that_come_last_need_the_pictures_themselves() -> None:
    assert CheckInputImages.from_strings({"channel": "3"}).needs() == {"inputs": {"raw"}}
    run = [step(0, told("ResNet_input_0", "inputs", channel_means=[9.0], count=900))]
    rule = CheckInputImages.from_strings({"channel": "3"})
    assert not findings(rule, run)
    assert rule.missing()


def test_larger_batches_weigh_more() -> None:
    def batch(number: int, mean: float, count: int) -> SavedStep:
        return step(number, told("in", "inputs", channel_means=[mean], count=count))

    assert not judge([batch(0, 0.0, 900), batch(1, 1.0, 100)])
    assert judge([batch(0, 0.0, 100), batch(1, 1.0, 900)])


def test_only_what_the_pattern_finds_is_looked_at_where_one_is_given() -> None:
    run = pictures(9.0)
    assert not judge(run, regex="other")
    assert judge(run, regex="ResNet_input")


def test_what_is_no_batch_of_pictures_is_passed_over() -> None:
    run = [step(0, raw("inputs_0", np.full(900, 9.0), "inputs"), mode=Mode.TRAIN)]
    rule = CheckInputImages()
    assert not findings(rule, run)
    assert "inputs" in rule.missing()
