"""The debug report as a reader sees it, in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from imageclf.debugger.report import write_debug_report
from imageclf.rules.finding import Status
from tests.browser import (
    console_messages,
    open_browser,
    requested_addresses,
    scrolls_sideways,
    show,
)
from tests.debugger.report.sample import HOSTILE, FakeRun, finding, sick_run, sick_states, state
from tests.report.sample import class_names, write_run
from tests.report.test_in_browser import colour, contrast

DRAWN = {
    "Overfit": "svg.plot",
    "VanishingGradient": "svg.cells",
    "DeadRelu": "svg.cells",
    "WeightUpdateRatio": "svg.cells",
    "ClassImbalance": "table.bars",
    "Confusion": "table.confusion",
    "CheckInputImages": ".samples img",
    "StalledTrainingRule": "svg.plot",
    "PoorWeightInitialization": "svg.cells",
}
"""What must be seen of each rule of `sick_states`."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with open_browser(tmp_path_factory.mktemp("browser")) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("sick"), class_names(4))
    return write_debug_report(FakeRun(sick_run()), sick_states(), folder / "debug-report.html")


def open_page(browser: Chrome, page: Path, **screen: object) -> None:
    show(browser, **screen)  # type: ignore[arg-type]
    console_messages(browser), requested_addresses(browser)  # forget what other pages did
    browser.get(page.as_uri())


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (375, "light")])
def test_every_finding_has_its_picture_and_the_page_asks_for_nothing(
    browser: Chrome, page: Path, width: int, scheme: str
) -> None:
    open_page(browser, page, width=width, scheme=scheme)
    for section in browser.find_elements(By.CSS_SELECTOR, "section.finding"):
        name = section.find_element(By.TAG_NAME, "h2").text
        pictures = section.find_elements(By.CSS_SELECTOR, DRAWN[name])
        assert pictures, name
        for picture in pictures:
            assert picture.is_displayed(), name
            assert picture.size["width"] > 60 and picture.size["height"] > 8, name
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []
    addresses = [one for one in requested_addresses(browser) if not one.startswith("data:")]
    assert addresses == [page.as_uri()]


def test_the_findings_are_in_the_order_of_the_rules_and_their_names_lead_there(
    browser: Chrome, page: Path
) -> None:
    open_page(browser, page)
    heads = browser.find_elements(By.CSS_SELECTOR, "section.finding h2")
    assert [head.text for head in heads] == list(DRAWN)
    link = browser.find_element(By.LINK_TEXT, "DeadRelu")
    link.click()
    assert browser.find_element(By.CSS_SELECTOR, "section:target h2").text == "DeadRelu"


def test_pictures_of_the_inputs_are_really_shown(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    images = browser.find_elements(By.CSS_SELECTOR, ".samples img")
    assert [image.get_property("naturalWidth") for image in images] == [32] * 8


def test_rows_of_a_map_stand_beside_their_names(browser: Chrome, page: Path) -> None:
    for width in (1280, 375):
        open_page(browser, page, width=width)
        cells = browser.find_element(By.CSS_SELECTOR, "svg.cells")
        names = browser.find_elements(By.CSS_SELECTOR, ".cellmap:first-of-type .names span")[:16]
        row = cells.size["height"] / 16
        for order, name in enumerate(names):
            middle = name.location["y"] + name.size["height"] / 2 - cells.location["y"]
            assert abs(middle - (order + 0.5) * row) < row / 2
            assert name.location["x"] + name.size["width"] <= cells.location["x"]


def test_a_click_on_a_heading_sorts_the_rules(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    browser.find_element(By.CSS_SELECTOR, "#statuses th:nth-child(3) button").click()
    steps = [
        cell.get_attribute("data-value")
        for cell in browser.find_elements(By.CSS_SELECTOR, "#statuses tbody td:nth-child(3)")
    ]
    known = [int(step) for step in steps if step and step != "NaN"]
    assert known == sorted(known)
    assert len(set(known)) > 3
    assert steps[-1] == "NaN"


def test_shades_outlines_and_words_stand_out_in_light_and_in_dark(
    browser: Chrome, page: Path
) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        open_page(browser, page, scheme=scheme)
        ground = colour(browser, "body", "backgroundColor")
        grounds.append(ground)
        for selector in (".names span", ".badge.IssuesFound", ".remark", ".scale span"):
            assert contrast(ground, colour(browser, selector, "color")) > 4.5, (scheme, selector)
        outline = colour(browser, ".cells .outline", "stroke")
        assert contrast(ground, outline) > 3, scheme
        least = colour(browser, ".shades .level-1", "stroke")
        most = colour(browser, ".shades .level-8", "stroke")
        assert contrast(least, most) > 6, scheme
    assert grounds[0] > grounds[1]


@pytest.mark.parametrize("what", ["nothing found", "empty", "hostile"])
def test_a_page_with_little_or_evil_content_is_whole(
    browser: Chrome, tmp_path: Path, what: str
) -> None:
    states = {
        "nothing found": [state("Overfit"), state("DeadRelu", status=Status.ERROR, details="No.")],
        "empty": [],
        "hostile": [state(HOSTILE, finding(HOSTILE, tensor=HOSTILE * 9, found=HOSTILE * 9))],
    }
    run = FakeRun([] if what == "empty" else sick_run())
    made = write_debug_report(run, states[what], tmp_path / "debug-report.html")
    open_page(browser, made, width=375)
    assert browser.title != "run"
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []
    assert all(one.is_displayed() for one in browser.find_elements(By.TAG_NAME, "section"))
