from xml.etree import ElementTree

import numpy as np

from imageclf.report.heatmap import MAX_ROWS, SHADES, heat_map


def paths(shares: list[list[float]]) -> dict[str, str]:
    drawing = ElementTree.fromstring(heat_map("t", np.array(shares)))  # noqa: S314
    found = {path.attrib["class"]: path.attrib["d"] for path in drawing.iter("path")}
    return {kind: cells for kind, cells in found.items() if cells}


def test_right_and_wrong_cells_are_told_apart_and_shaded_by_share() -> None:
    assert paths([[1.0, 0.0], [0.15, 0.85]]) == {
        "right shade-5": "M0 0h1v1h-1zM1 1h1v1h-1z",
        "wrong shade-1": "M0 1h1v1h-1z",
    }


def test_the_smallest_share_is_still_seen() -> None:
    assert "wrong shade-1" in paths([[0.999, 0.001], [0, 1]])


def test_a_full_matrix_of_133_classes_stays_within_some_hundred_kilobytes() -> None:
    assert len(heat_map("t", np.full((133, 133), 0.3))) < 350_000


def test_a_thousand_classes_are_drawn_by_blocks_and_none_is_lost() -> None:
    shares = np.eye(1000)
    shares[3, 997] = 0.5
    drawing = heat_map("t", shares)
    assert drawing.count("h1v1h-1z") == MAX_ROWS + 1
    assert f"M{997 // 4} 0h1v1h-1z" in drawing
    assert SHADES == 5
