from scripts import table


def test_classes_are_aligned_below_the_title() -> None:
    assert table.classes("a.jpg", [("Ants", 0.75), ("Bumblebees", 0.25)], bars=False) == [
        "a.jpg",
        "  Ants        0.7500",
        "  Bumblebees  0.2500",
    ]


def test_a_terminal_gets_bars() -> None:
    lines = table.classes("a.jpg", [("Ants", 1.0), ("Bees", 0.0)], bars=True)
    assert lines[1].endswith("█" * 20)
    assert "█" not in lines[2]


def test_no_class_is_said_in_words() -> None:
    assert "no class" in table.classes("a.jpg", [], bars=False)[1]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table.columns([["file", "class"], ["a-long-name.jpg", "Ants"]]) == [
        "file             class",
        "a-long-name.jpg  Ants",
    ]
