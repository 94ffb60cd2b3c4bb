"""The training report as a reader sees it, in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from imageclf.report.joint import write_reports
from imageclf.report.training import write_training_report
from tests.browser import (
    console_messages,
    open_browser,
    requested_addresses,
    scrolls_sideways,
    show,
)
from tests.report.sample import class_names, edit_json, write_json, write_run
from tests.report.test_joint import watched

LONG = "a class with a name " + "without_a_place_to_break_it" * 4
HOSTILE = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with open_browser(tmp_path_factory.mktemp("browser")) as chrome:
        yield chrome


@pytest.fixture(params=["two classes", "long names", "133 classes", "stopped"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "two classes":
        write_run(tmp_path)
    elif request.param == "long names":
        write_run(tmp_path, [*class_names(12), LONG, HOSTILE], warnings=[LONG])
    elif request.param == "133 classes":
        write_run(tmp_path, class_names(133), mistakes=24, images_per_class=6)
    else:
        write_json(tmp_path / "summary.json", {"status": "stopped", "reason": "SIGTERM came."})
    return write_training_report(tmp_path)


def open_page(browser: Chrome, page: Path) -> None:
    console_messages(browser), requested_addresses(browser)  # forget what other pages did
    browser.get(page.as_uri())


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (375, "light")])
def test_the_page_is_seen_whole_and_asks_for_nothing(
    browser: Chrome, page: Path, width: int, scheme: str
) -> None:
    show(browser, width, scheme=scheme)
    open_page(browser, page)
    sections = browser.find_elements(By.CSS_SELECTOR, "header, section")
    assert len(sections) == 8
    assert all(section.is_displayed() and section.size["height"] > 40 for section in sections)
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []
    addresses = [one for one in requested_addresses(browser) if not one.startswith("data:")]
    assert addresses == [page.as_uri()]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_the_short_page_is_seen_whole_and_asks_for_nothing(
    browser: Chrome, tmp_path: Path, width: int, scheme: str
) -> None:
    page = write_reports(watched(tmp_path, classes=[LONG, HOSTILE]))
    show(browser, width, scheme=scheme)
    open_page(browser, page)
    sections = browser.find_elements(By.CSS_SELECTOR, "header, section")
    assert len(sections) == 4
    assert all(section.is_displayed() and section.size["height"] > 40 for section in sections)
    parts = browser.find_elements(By.CSS_SELECTOR, ".step span")
    widths = [part.size["width"] for part in parts]
    assert widths[0] == max(widths) > sum(widths) / 2, "the part that waits is the widest"
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []
    addresses = [one for one in requested_addresses(browser) if not one.startswith("data:")]
    assert addresses == [page.as_uri()]


def test_dark_and_light_differ_and_text_stands_out_in_both(browser: Chrome, tmp_path: Path) -> None:
    page = write_training_report(write_run(tmp_path))
    grounds = []
    for scheme in ("light", "dark"):
        show(browser, scheme=scheme)
        open_page(browser, page)
        ground = colour(browser, "body", "backgroundColor")
        grounds.append(ground)
        for selector in (".plot .tick", ".kicker", "h1", ".series-1 circle"):
            kind = "fill" if "circle" in selector or ".plot" in selector else "color"
            assert contrast(ground, colour(browser, selector, kind)) > 4.5, (scheme, selector)
    assert grounds[0] > grounds[1]


def test_thumbnails_are_really_shown(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, write_training_report(write_run(tmp_path, mistakes=3)))
    images = browser.find_elements(By.CSS_SELECTOR, "#mistakes img")
    assert [image.get_property("naturalWidth") for image in images] == [112] * 3


def test_a_picture_that_was_not_kept_leaves_a_place(browser: Chrome, tmp_path: Path) -> None:
    mistake = {"file": "a.jpg", "label": "ants", "predicted": "bees", "thumbnail": ""}
    edit_json(write_run(tmp_path) / "evaluation.json", mistakes=[mistake])
    open_page(browser, write_training_report(tmp_path))
    assert browser.find_element(By.CSS_SELECTOR, "#mistakes .blank").is_displayed()


def test_a_click_on_a_heading_sorts_by_it_and_another_turns_it_round(
    browser: Chrome, tmp_path: Path
) -> None:
    show(browser)
    open_page(browser, write_training_report(write_run(tmp_path, class_names(12))))
    f1 = column(browser, 4)
    assert f1 == sorted(f1)
    click_heading(browser, 0)
    assert column(browser, 0) == sorted(class_names(12))
    click_heading(browser, 3)
    recall = column(browser, 3)
    assert recall == sorted(recall)
    click_heading(browser, 3)
    assert column(browser, 3) == sorted(recall, reverse=True)
    assert recall[0] != recall[-1]
    sorted_by = browser.find_elements(By.CSS_SELECTOR, "#classes th[aria-sort]")
    assert [head.get_attribute("aria-sort") for head in sorted_by] == ["descending"]


def test_a_score_that_is_not_a_number_sorts_last(browser: Chrome, tmp_path: Path) -> None:
    rows = [{"class": name, "f1": f1} for name, f1 in (("a", None), ("b", 0.9), ("c", 0.1))]
    edit_json(write_run(tmp_path) / "evaluation.json", confusion=[], per_class=rows)
    open_page(browser, write_training_report(tmp_path))
    assert column(browser, 0) == ["c", "b", "a"]
    click_heading(browser, 0)
    click_heading(browser, 4)
    assert column(browser, 0) == ["c", "b", "a"]


def test_names_that_hold_markup_run_nothing(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, write_training_report(write_run(tmp_path, [HOSTILE, "bees"])))
    assert browser.title != "run"
    assert HOSTILE in column(browser, 0)


def click_heading(browser: Chrome, index: int) -> None:
    browser.find_elements(By.CSS_SELECTOR, "#classes th button")[index].click()


def column(browser: Chrome, index: int) -> list[str | float]:
    """The cells of one column of the per-class table; scores as numbers."""
    rows = browser.find_elements(By.CSS_SELECTOR, "#classes tbody tr")
    cells = [row.find_elements(By.CSS_SELECTOR, "th, td")[index] for row in rows]
    values = [cell.get_attribute("data-value") for cell in cells]
    return [float(value) if value else cell.text for cell, value in zip(cells, values, strict=True)]


def colour(browser: Chrome, selector: str, kind: str) -> list[int]:
    text = browser.execute_script(
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]",
        selector,
        kind,
    )
    return [int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(",")]


def contrast(one: list[int], other: list[int]) -> float:
    """Contrast ratio of WCAG 2.2, 1 to 21; 4.5 is asked of text."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour_255: list[int]) -> float:
    shares = [value / 255 for value in colour_255]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
