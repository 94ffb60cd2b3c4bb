"""The profiler report as a reader sees it, in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from imageclf.profiler.report.page import write_profiler_report
from tests.browser import (
    console_messages,
    open_browser,
    requested_addresses,
    scrolls_sideways,
    show,
)
from tests.profiler.report import sample
from tests.report.test_in_browser import colour, contrast

DEADLINE_S = 60

DRAW_ALL = """
const done = arguments[arguments.length - 1];
const holders = [...document.querySelectorAll(".drawn")];
const drawn = (one) => one.dataset.drawnMs || one.classList.contains("failed");
(async () => {
  for (const one of holders) {
    one.scrollIntoView();
    while (!drawn(one)) await new Promise((later) => setTimeout(later, 20));
  }
  done(holders.map((one) => ({
    name: one.dataset.figure,
    marks: one.querySelectorAll(".main-svg .trace path, .heatmaplayer image, .boxes path").length,
    width: one.getBoundingClientRect().width,
    svg: one.querySelector(".main-svg")?.getBoundingClientRect().width ?? 0,
    failed: one.classList.contains("failed"),
  })));
})();
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with open_browser(tmp_path_factory.mktemp("browser")) as chrome:
        chrome.set_script_timeout(DEADLINE_S)
        yield chrome


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: made(tmp_path_factory.mktemp(kind), kind) for kind in ("cpu_run", "gpu_run")}


def made(folder: Path, kind: str) -> Path:
    """The page on a run of `kind`."""
    getattr(sample, kind)(folder / "profiler")
    run = sample.profile(folder / "profiler")
    return write_profiler_report(run, sample.judged(run), folder)


def open_page(browser: Chrome, page: Path, width: int = 1280, scheme: str = "light") -> None:
    show(browser, width=width, scheme=scheme)
    console_messages(browser), requested_addresses(browser)  # forget what other pages did
    browser.get(page.as_uri())


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [("cpu_run", 1280, "light"), ("gpu_run", 1280, "dark"), ("cpu_run", 360, "light")],
)
def test_every_plot_is_drawn_as_one_comes_to_it_and_the_page_asks_for_nothing(
    browser: Chrome, pages: dict[str, Path], kind: str, width: int, scheme: str
) -> None:
    open_page(browser, pages[kind], width, scheme)
    plots = browser.execute_async_script(DRAW_ALL)
    assert len(plots) >= 15
    for plot in plots:
        assert not plot["failed"], plot
        assert plot["marks"] > 0, plot
        assert 0 < plot["svg"] <= plot["width"] + 1, plot
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []
    beyond = [one for one in requested_addresses(browser) if not one.startswith(("data:", "blob:"))]
    assert beyond == [pages[kind].as_uri()]


def test_plots_follow_the_readers_scheme_and_can_be_saved_as_pictures(
    browser: Chrome, pages: dict[str, Path]
) -> None:
    page = pages["cpu_run"]
    open_page(browser, page)
    line = "#step-durations-heading"
    browser.execute_script("document.querySelector(arguments[0]).scrollIntoView()", line)
    path = '[data-figure="step-durations"] .scatterlayer .trace path.js-line'
    tick = '[data-figure="step-durations"] .xtick text'
    wait = WebDriverWait(browser, DEADLINE_S)
    wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, path))
    inks = []
    for scheme in ("light", "dark"):
        show(browser, scheme=scheme)
        ground = colour(browser, "body", "backgroundColor")
        wait.until(lambda one: contrast(ground, colour(one, path, "stroke")) > 3)  # noqa: B023
        assert contrast(ground, colour(browser, tick, "fill")) > 4.5, scheme
        inks.append(colour(browser, path, "stroke"))
    assert inks[0] != inks[1]
    address = browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        'Plotly.toImage(document.querySelector(".drawn"), {format: "png"}).then(done, done);'
    )
    assert str(address).startswith("data:image/png;base64,")
    assert console_messages(browser) == []


def test_hostile_names_stay_text_in_plots_and_tables(browser: Chrome, tmp_path: Path) -> None:
    page = made(tmp_path, "hostile")
    open_page(browser, page, width=360)
    plots = browser.execute_async_script(DRAW_ALL)
    assert not any(plot["failed"] for plot in plots)
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert "<b>" in browser.find_element(By.TAG_NAME, "h1").text
    names = browser.find_elements(By.CSS_SELECTOR, ".legendtext")
    assert any("onerror" in name.text or "img src" in name.text for name in names)
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []


@pytest.mark.parametrize("kind", ["empty", "steps_only"])
def test_a_page_with_holes_is_whole(browser: Chrome, tmp_path: Path, kind: str) -> None:
    open_page(browser, made(tmp_path, kind), width=360)
    plots = browser.execute_async_script(DRAW_ALL)
    assert all(plot["marks"] > 0 for plot in plots), plots
    assert bool(plots) == (kind != "empty")
    assert not scrolls_sideways(browser)
    assert console_messages(browser) == []


def test_without_a_way_to_unpack_the_library_the_page_says_where_the_figures_are(
    browser: Chrome, pages: dict[str, Path]
) -> None:
    script = "delete window.DecompressionStream"
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    try:
        open_page(browser, pages["cpu_run"])
        browser.execute_async_script(DRAW_ALL)
        assert browser.find_element(By.CSS_SELECTOR, ".undrawn").is_displayed()
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
