import math
from xml.etree import ElementTree

import pytest

from imageclf.report.plots import HEIGHT, WIDTH, Series, line_chart, nice_ticks, reliability_diagram

SVG = ElementTree.Element


def parse(drawing: str) -> SVG:
    return ElementTree.fromstring(drawing)  # noqa: S314


def texts(drawing: SVG) -> list[str]:
    return [element.text or "" for element in drawing.iter("text")]


def commands(drawing: SVG, order: int = 1) -> str:
    path = drawing.find(f"g[@class='series-{order}']/path")
    assert path is not None
    return path.attrib["d"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.5, 1]),
        (0.6, 1, [0.6, 0.7, 0.8, 0.9, 1]),
        (0, 0.0011, [0, 0.0005, 0.001]),
        (-3, 5, [-2, 0, 2, 4]),
        (0, 7e6, [0, 2e6, 4e6, 6e6]),
    ],
)
def test_ticks_are_round_values(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_epochs_are_never_marked_in_fractions() -> None:
    drawing = parse(line_chart("t", [Series("a", [1, 2], [500, 600])], x_label="epoch"))
    assert [text for text in texts(drawing) if text in {"1", "2", "1.5"}] == ["1", "2"]


def test_a_value_that_is_not_a_number_leaves_a_gap() -> None:
    series = Series("loss", [1, 2, 3, 4, 5], [3.0, 2.0, math.nan, 1.0, 0.5])
    drawing = parse(line_chart("loss", [series], x_label="epoch"))
    assert commands(drawing).count("M") == 2
    assert "nan" not in line_chart("loss", [series], x_label="epoch")
    assert len(list(drawing.iter("circle"))) == 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_where_nothing_can_be_drawn_there_is_no_plot(value: float) -> None:
    assert line_chart("loss", [Series("loss", [1, 2], [value] * 2)], x_label="epoch") == ""
    assert line_chart("loss", [Series("loss", [], [])], x_label="epoch") == ""


@pytest.mark.parametrize(
    "ys",
    [[0.0, 0.0], [5.0], [-5.0, -5.0], [1e-320, 0.0], [1e38, 1.0], [1e-12, 2.0], [1e299, 1e-300]],
)
@pytest.mark.parametrize("scale", ["linear", "auto"])
def test_every_point_lies_on_the_drawing(ys: list[float], scale: str) -> None:
    series = Series("loss", list(range(1, len(ys) + 1)), ys)
    drawing = parse(line_chart("loss", [series], x_label="epoch", scale=scale))
    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in drawing.iter("circle")]
    assert len(dots) == len(ys)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in dots)


def test_a_loss_that_ran_away_is_drawn_by_decades() -> None:
    series = Series("loss", [1, 2, 3], [0.5, 4.0, 90_000.0])
    drawing = parse(line_chart("loss", [series], x_label="epoch", scale="auto"))
    assert {"0.1", "10", "1,000", "100,000"} <= set(texts(drawing))
    heights = [float(dot.attrib["cy"]) for dot in drawing.iter("circle")]
    assert heights[0] - heights[1] > 10  # told apart, though 90,000 is on the same axis


def test_a_loss_beyond_all_bounds_has_an_axis_that_can_be_read() -> None:
    drawing = parse(
        line_chart("t", [Series("a", [1, 2], [2.0, 1e21])], x_label="step", scale="auto")
    )
    assert "1e21" in texts(drawing) or "1e20" in texts(drawing)
    assert max(map(len, texts(drawing))) <= len("100,000")


def test_ten_thousand_epochs_stay_small_and_keep_the_last() -> None:
    series = Series("loss", list(range(10_000)), [1 / (1 + x) for x in range(10_000)])
    drawing = line_chart("loss", [series], x_label="epoch")
    assert len(drawing) < 15_000
    assert commands(parse(drawing)).endswith(f"L{WIDTH - 18:.1f} {HEIGHT - 36:.1f}")


def test_the_one_peak_and_the_one_gap_of_a_long_line_are_seen() -> None:
    ys = [1.0] * 10_000
    ys[4321], ys[7777] = 50.0, math.nan
    path = commands(parse(line_chart("t", [Series("loss", range(10_000), ys)], x_label="step")))
    assert path.count("M") == 2
    heights = [float(point.split(" ")[1].removesuffix("h0")) for point in path[1:].split("L")[:-1]
               if "M" not in point]  # fmt: skip
    assert min(heights) < 30 < max(heights)


def test_levels_are_drawn_across_and_lie_on_the_drawing() -> None:
    drawing = parse(
        line_chart("t", [Series("a", [1, 2], [0.1, 0.2])], x_label="step", levels=(-0.5, 0.5))
    )
    levels = [path.attrib["d"] for path in drawing.iter("path") if path.get("class") == "mark"]
    assert len(levels) == 2
    assert all(18 < float(one.split(" ")[1].partition("H")[0]) < HEIGHT - 36 for one in levels)


def test_names_in_a_plot_are_escaped() -> None:
    series = Series("<b>&", [1], [1])
    drawing = line_chart('"<script>', [series], x_label="<i>", mark=(1, "<u>"))
    parsed = parse(drawing)
    assert parsed.attrib["aria-label"] == '"<script>'
    assert {"<i>", "<u>"} <= set(texts(parsed))


def test_a_reliability_diagram_leaves_empty_bins_out() -> None:
    bins = [(0.9, 0.8, 40), (0.6, 0.7, 10), (math.nan, math.nan, 0)]
    dots = list(parse(reliability_diagram("t", bins)).iter("circle"))
    assert len(dots) == 2
    assert float(dots[0].attrib["r"]) > float(dots[1].attrib["r"])
    assert reliability_diagram("t", bins[2:]) == ""
