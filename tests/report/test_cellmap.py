import math
from xml.etree import ElementTree

import numpy as np
import pytest

from imageclf.report.cellmap import MAX_COLUMNS, MAX_ROWS, CellMap, cell_map
from imageclf.report.row_names import shortened
from imageclf.report.shades import NOT_FINITE, SHADES, ZERO, Scale, log_scale

NAN, INF = math.nan, math.inf


def made(values: list[list[float]], **how: object) -> CellMap:
    matrix = np.array(values, dtype=float)
    names = [f"net_layer{row}.weight" for row in range(matrix.shape[0])]
    steps = [10 * column for column in range(matrix.shape[1])]
    return cell_map("t", names, steps, matrix, **how)  # type: ignore[arg-type]


def paths(one: CellMap) -> dict[str, str]:
    drawing = ElementTree.fromstring(one.drawing)  # noqa: S314
    return {path.attrib["class"]: path.attrib["d"] for path in drawing.iter("path")}


def cells(strokes: str) -> int:
    """How many cells a path of horizontal strokes covers."""
    return sum(int(part.partition("h")[2]) for part in strokes.split("M")[1:])


def test_each_decade_has_a_shade_of_its_own_and_the_key_names_the_ends() -> None:
    one = made([[3e-8, 3e-7, 3e-6, 3e-5, 3e-4, 3e-3, 3e-2, 3e-1]])
    assert (one.low, one.high) == ("1e-8", "1")
    assert paths(one) == {f"level-{n}": f"M{n - 1} 0h1" for n in range(1, 9)} | {"outline": ""}


def test_neighbours_of_one_shade_are_one_stroke() -> None:
    assert paths(made([[1, 1, 1, 1e-3]]))["level-8"] == "M0 0h3"


def test_zero_what_is_not_finite_and_what_was_not_saved_are_told_apart() -> None:
    one = made([[0.5, 0.0, INF, NAN]])
    assert paths(one)[f"level-{ZERO}"] == "M1 0h1"
    assert paths(one)[f"level-{NOT_FINITE}"] == "M2 0h1"
    assert [text for _, text in one.key] == ["zero", "NaN or infinite", "not saved"]


def test_found_cells_are_outlined_and_their_rows_named() -> None:
    one = made([[1, 1], [1, 1]], marked={("net_layer1.weight", 10), ("gone", 10)})
    assert paths(one)["outline"] == "M1 1h1M1 2h1M1 1v1M2 1v1"
    assert [(row.short, row.marked) for row in one.rows] == [("layer0", False), ("layer1", True)]


@pytest.mark.parametrize("value", [NAN, INF, 0.0, 1e308, 1e-308, -1.0])
def test_a_map_of_one_strange_value_is_drawn(value: float) -> None:
    one = made([[value]])
    assert "nan" not in one.drawing
    assert one.rows[0].name == "net_layer0.weight"


def test_the_one_odd_cell_of_a_thousand_steps_and_hundreds_of_layers_is_seen() -> None:
    values = np.full((500, 1000), 1e-3)
    values[321, 777] = 1e-9
    values[123, 55] = INF
    values[7, 7] = 0.0
    one = made(values.tolist())
    drawn = paths(one)
    assert [cells(drawn[f"level-{level}"]) for level in (1, NOT_FINITE, ZERO)] == [1, 1, 1]
    assert one.drawn == MAX_ROWS
    assert sum(cells(d) for kind, d in drawn.items() if kind != "outline") == MAX_ROWS * MAX_COLUMNS


def test_noise_over_fifty_layers_and_a_thousand_steps_stays_below_a_fifth_of_a_megabyte() -> None:
    noise = 10 ** np.random.default_rng(0).uniform(-8, 0, (50, 1000))
    assert len(made(noise.tolist()).drawing) < 200_000


def test_only_rows_with_room_are_named_but_those_that_were_found_always() -> None:
    one = made([[1.0]] * 100, marked={("net_layer57.weight", 0)})
    assert len(one.rows) < 50
    assert "layer57" in [row.short for row in one.rows]
    assert [row.top for row in one.rows] == sorted(row.top for row in one.rows)


def test_a_row_tells_its_range_to_who_points_at_it() -> None:
    assert "net_layer0.weight: least 0.01 at step 10, most 1 at step 0, 1 not finite" in made(
        [[1, 0.01, INF]]
    ).drawing  # fmt: skip


def test_names_are_shortened_by_what_they_share_but_never_to_nothing() -> None:
    assert shortened(["gradient/Net_a.weight", "gradient/Net_b.weight"]) == ["a", "b"]
    assert shortened(["conv1.weight", "conv1.bias"]) == ["conv1.weight", "conv1.bias"]
    assert shortened(["a", "a"]) == ["a", "a"]
    assert shortened(["net_", "net_x"]) == ["net_", "x"]
    assert shortened(["only/one"]) == ["only/one"]


def test_markup_in_names_is_escaped() -> None:
    drawing = cell_map("<t>", ["<script>"], [0], np.ones((1, 1))).drawing
    assert "<script>" not in drawing
    assert "&lt;script&gt;" in drawing


def test_a_scale_stays_near_the_median_and_says_that_there_is_more_beyond() -> None:
    values = np.array([1e-40, 2e-3, 2e-3, 2e-3, 1e30])
    assert log_scale(values).ends == ("≤ 1e-8", "≥ 1,000")
    assert log_scale(values[1:4]).ends == ("0.001", "0.01")
    assert log_scale(np.array([NAN, 0.0, -1])) == Scale(0.1, 1.0)
    assert SHADES == 8


def test_marked_neighbours_share_one_outline() -> None:
    marked = {(f"net_layer{row}.weight", 10) for row in (0, 1)}
    assert paths(made([[1, 1], [1, 1]], marked=marked))["outline"] == "M1 0h1M1 2h1M1 0v2M2 0v2"
