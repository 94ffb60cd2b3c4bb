import math

import numpy as np
import pytest

from imageclf.debugger import names
from imageclf.debugger.report.drawing import pictures_of
from imageclf.debugger.report.picture import Picture
from imageclf.debugger.report.reading import Reader
from imageclf.debugger.rules.catalogue import RULES
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.rules.finding import Finding
from tests.debugger.report.sample import (
    LAYERS,
    finding,
    gradients,
    loss,
    sick_run,
    state,
    steps,
    training,
)


def drawn(
    run: list[SavedStep], *findings: Finding, classes: tuple[str, ...] = (), **parameters: str
) -> list[Picture]:
    judged = state(findings[0].rule, *findings, parameters=parameters)
    reader = Reader(run, [one.step for one in findings])
    later = pictures_of(reader, judged, classes)
    reader.read()
    return later()


def of_values(name: str, collection: str, values: Values) -> Saved:
    return Saved(name, frozenset({collection}), shape=values.shape, load=lambda: values)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_the_catalogue_is_drawn_from_any_run_without_fail(rule: str) -> None:
    for run in ([], training(), sick_run(6)):
        for tensor in ("", "gone", LAYERS[0], names.LOSS_TENSOR):
            drawn(run, finding(rule, 10, tensor))


def test_a_layer_map_shows_what_was_found_among_the_layers_of_its_kind() -> None:
    run = gradients(lambda _layer, _step: 1e-3)
    (picture,) = drawn(run, finding("VanishingGradient", 50, f"gradient/{LAYERS[3]}"))
    assert picture.kind == "map"
    assert [row.short for row in picture.content.rows if row.marked] == ["layer1.1.conv2"]
    assert len(picture.content.rows) == len(LAYERS)


def test_gradients_saved_from_the_last_layer_to_the_first_stand_in_the_order_of_the_weights() -> (
    None
):
    def saved(number: int) -> list[Saved]:
        weights = [of_values(f"{name}.weight", names.WEIGHTS, np.ones(2)) for name in "cab"]
        shown = ["gradient/b.weight", "gradient/a.bias", "gradient/a.weight", "gradient/c.weight"]
        return [*weights, *(of_values(name, names.GRADIENTS, np.ones(2)) for name in shown)]

    (picture,) = drawn(steps(3, saved), finding("VanishingGradient", 10, "gradient/a.weight"))
    assert [row.short for row in picture.content.rows] == [
        "c.weight",
        "a.bias",
        "a.weight",
        "b.weight",
    ]


def test_a_tensor_that_exploded_is_marked_though_its_mean_was_saved_as_a_number() -> None:
    def saved(number: int) -> list[Saved]:
        bad = {"abs_mean": np.asarray(5.0), "nans": np.asarray(float(number == 20))}
        return [Saved("g", frozenset({names.GRADIENTS}), saved_statistics=bad)]

    (picture,) = drawn(steps(5, saved), finding("ExplodingTensor", 20, "g"))
    assert ("level-9", "NaN or infinite") in picture.content.key


def test_dead_units_are_counted_by_the_threshold_that_was_asked_for() -> None:
    activity = np.array([0.0, 0.02, 0.5, 0.5])

    def saved(number: int) -> list[Saved]:
        known = {"activity": activity}
        return [Saved("r", frozenset({names.RELU_OUTPUT}), saved_statistics=known)]

    found = finding("DeadRelu", 10, "r")
    for threshold, share in (("1.0", "25 %"), ("5.0", "50 %")):
        (picture,) = drawn(steps(3, saved), found, threshold_inactivity=threshold)
        assert f"most {share} at step 0" in picture.content.drawing


def test_update_ratios_are_drawn_from_whole_weights_too() -> None:
    def saved(number: int) -> list[Saved]:
        return [of_values("w", names.WEIGHTS, np.full(4, 1.1**number))]

    (picture,) = drawn(steps(5, saved, every=1), finding("WeightUpdateRatio", 2, "w"))
    assert picture.heading.startswith("Update ratio")
    assert "w: least 0.1 at step" in picture.content.drawing


def test_losses_with_nan_and_zero_are_drawn_with_a_sentence_on_the_gaps() -> None:
    values = {0: 1e-4, 10: 900.0, 20: 0.0, 30: math.nan, 40: math.inf}
    run = steps(5, lambda n: [loss(values[n])])
    (picture,) = drawn(run, finding("LossNotDecreasing", 10))
    assert "found at 10" in picture.content
    assert picture.note == (
        "The training loss was not a finite number at 2 saved steps, first at 30."
    )


def test_a_stalled_run_shows_the_time_between_its_steps() -> None:
    headings = [one.heading for one in drawn(sick_run(), finding("StalledTrainingRule", 260))]
    assert headings == ["Seconds since the saved step before", "Loss by step"]


def test_classes_are_called_by_their_names_where_these_are_known() -> None:
    details = {"class_counts": {"0": 90, "1": 10, "2": 0}, "wrong": {"0": 1, "1": 8}}
    found = finding("ClassImbalance", details=details)
    (picture,) = drawn([], found, classes=("ants", "bees"))
    assert [(bar.name, bar.seen, bar.wrong) for bar in picture.content] == [
        ("ants", 90, 1 / 90),
        ("bees", 10, 0.8),
        ("class 2", 0, None),
    ]


def test_of_a_thousand_classes_those_that_tell_most_are_listed() -> None:
    counts = {str(n): 1000 - n for n in range(1000)}
    found = finding("ClassImbalance", details={"class_counts": counts, "wrong": {"500": 400}})
    (picture,) = drawn([], found)
    named = [bar.name for bar in picture.content]
    assert len(named) <= 60
    assert {"class 0", "class 500", "class 999"} <= set(named)
    assert "of 1,000 classes" in picture.note


def test_a_confusion_that_the_finding_does_not_tell_is_read_from_the_labels() -> None:
    labels = of_values("labels", names.LABELS, np.arange(90) % 30)
    scores = np.eye(30)[(np.arange(90) + (np.arange(90) == 7)) % 30]
    run = steps(2, lambda _: [labels, of_values("predictions", names.PREDICTIONS, scores)])
    (picture,) = drawn(run, finding("Confusion", 10, mode="EVAL"))
    assert picture.content["matrix"] is None
    assert [(one.label, one.predicted) for one in picture.content["frequent"]] == [
        ("class 7", "class 8")
    ]


@pytest.mark.parametrize("bad", [[[1, 2]], "no", [["a"]], [[1.5]], {"0": 1}])
def test_details_that_are_no_matrix_draw_nothing(bad: object) -> None:
    assert drawn([], finding("Confusion", details={"confusion": bad})) == []


@pytest.mark.parametrize(
    ("shape", "channel"), [((3, 3, 40, 30), 1), ((3, 40, 30, 3), 3), ((3, 1, 300, 200), 1)]
)
def test_the_first_pictures_of_a_batch_are_shown_whatever_their_layout(
    shape: tuple[int, ...], channel: int
) -> None:
    batch = np.random.default_rng(0).normal(0.5, 0.2, shape)
    batch[0, 0, 0, 0] = 9
    run = steps(3, lambda _: [of_values("x", names.INPUTS, batch)])
    found = finding("CheckInputImages", 10, "x", threshold=0.2)
    means, samples = drawn(run, found, channel=str(channel))
    assert len(means.names) == shape[channel]
    assert len(samples.content) == 3
    assert all(one.address.startswith("data:image/png;base64,") for one in samples.content)


def test_a_picture_with_a_value_that_is_no_number_is_shown_all_the_same() -> None:
    batch = np.full((1, 3, 8, 8), math.nan)
    batch[0, :, :4] = 0.5
    run = steps(3, lambda _: [of_values("x", names.INPUTS, batch)])
    (samples,) = drawn(run, finding("CheckInputImages", 10, "x"))
    assert (samples.content[0].low, samples.content[0].high) == (0.5, 0.5)


def test_inputs_of_which_only_means_were_saved_show_no_pictures() -> None:
    means = {"channel_means": np.array([0.5, 0.4, 0.3])}
    run = steps(
        3, lambda _: [Saved("x", frozenset({names.INPUTS}), saved_statistics=means)]
    )  # fmt: skip
    (picture,) = drawn(run, finding("CheckInputImages", 10, "x"))
    assert picture.names == ("channel 0", "channel 1", "channel 2")


def test_where_means_were_saved_the_sample_shows_the_pictures() -> None:
    means = Saved("x", frozenset({names.INPUTS}), saved_statistics={"channel_means": np.ones(3)})
    sample = of_values(names.INPUT_SAMPLE, names.INPUT_SAMPLE, np.ones((2, 3, 8, 8)))
    run = steps(3, lambda number: [means, sample] if not number else [means])
    channels, samples = drawn(run, finding("CheckInputImages", 10, "x"))
    assert channels.names == ("channel 0", "channel 1", "channel 2")
    assert len(samples.content) == 2


def test_a_rule_of_ones_own_gets_a_table_of_what_it_noted() -> None:
    (picture,) = drawn([], finding("Mine", details={"norm": 3.5, "why": "so", "list": [1]}))
    assert picture.content.rows == [(10.0, "norm", 3.5), (10.0, "why", "so")]


def test_fifty_layers_and_a_thousand_steps_of_every_kind_stay_small() -> None:
    chance = np.random.default_rng(0)
    layers = [f"layer{n}.weight" for n in range(50)]
    run = gradients(lambda _layer, _step: float(10 ** chance.uniform(-9, 0)), 1000, layers)
    pictures = drawn(run, finding("VanishingGradient", 500, "gradient/layer7.weight"))
    assert len(pictures[0].content.drawing) < 200_000
