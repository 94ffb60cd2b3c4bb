"""How soon the profiler report of a long training stands before its reader, in Chromium.

    python -m bench.profile page [--steps 100000] [--browsers 5] [--again 3]

The page is made from made steps and samples. It is opened as the first page of new browsers, and
again in each of them; beside it a page with one word and nothing else, which is what the browser
itself takes. Times are the page's own, since its navigation began: until its text and tables are
painted, until it may be used (all but the plots is there), until its topmost plot is drawn, with
the reader looking at it from the start. Prints a table and writes
`bench/results/profile_page.json`.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome

from imageclf.machine import cores
from imageclf.profiler.report.page import write_profiler_report
from tests.browser import open_browser
from tests.profiler.report import sample

RESULTS = Path(__file__).parents[1] / "results" / "profile_page.json"

GOAL_S = 2.0
"""Until the page of 100,000 steps is open."""

_DEADLINE_S = 60

_LOOK_AT_THE_TOPMOST_PLOT = """
addEventListener("DOMContentLoaded", () => document.querySelector(".drawn")?.scrollIntoView());
"""

_TIMES = """
const done = arguments[arguments.length - 1];
const plot = document.querySelector(".drawn");
const look = () => {
  const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  const drawn = plot ? Number(plot.dataset.drawnMs) : 0;
  if (painted === undefined || Number.isNaN(drawn)) return setTimeout(look, 5);
  const { domContentLoadedEventEnd } = performance.getEntriesByType("navigation")[0];
  done({ painted, usable: domContentLoadedEventEnd, drawn });
};
look();
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the page, open it, print, write."""
    options = _options(arguments)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sample.long_run(folder / "profiler", options.steps)
        run = sample.profile(folder / "profiler")
        judged = sample.judged(run)
        began = time.perf_counter()
        page = write_profiler_report(run, judged, folder)
        figures: dict[str, object] = {
            "steps": options.steps,
            "made_s": time.perf_counter() - began,
            "page_mb": page.stat().st_size / 1e6,
        }
        word = folder / "word.html"
        word.write_text("<!doctype html><title>one</title><p>word")
        opened = {
            f"{name}, {when}": times
            for name, address in (("the page", page), ("a page of one word", word))
            for when, times in _opened(address, options, folder / name).items()
        }
    figures["opened"] = opened
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures, opened))
    return 0


def table(figures: Mapping[str, object], opened: Mapping[str, list[dict[str, float]]]) -> str:
    """Medians, with the slowest in brackets; milliseconds."""
    lines = [
        f"{figures['steps']:,} steps, page of {figures['page_mb']:.1f} MB, "
        f"made in {figures['made_s']:.1f} s, {cores():g} cores",
        f"{'':36}{'painted':>16}{'usable':>16}{'topmost plot':>16}",
    ]
    for name, times in opened.items():
        cells = "".join(
            f"{statistics.median(ms):>8.0f} ({max(ms):.0f})".rjust(16)
            for ms in ([one[key] for one in times] for key in ("painted", "usable", "drawn"))
        )
        lines.append(f"{name:36}{cells}")
    slowest_s = max(one["drawn"] for times in opened.values() for one in times) / 1e3
    reached = "within" if slowest_s <= GOAL_S else "above"
    lines.append(f"the slowest of all {slowest_s:.2f} s, {reached} the goal of {GOAL_S:g} s")
    return "\n".join(lines)


def _opened(
    page: Path, options: argparse.Namespace, folder: Path
) -> dict[str, list[dict[str, float]]]:
    """The times of `page` in milliseconds, in new browsers and again in each."""
    found: dict[str, list[dict[str, float]]] = {"first of a browser": [], "again": []}
    for number in range(options.browsers):
        with open_browser(folder / str(number)) as browser:
            first, *others = _each(browser, page, 1 + options.again)
        found["first of a browser"].append(first)
        found["again"] += others
    return found


def _each(browser: Chrome, page: Path, times: int) -> Iterator[dict[str, float]]:
    browser.set_script_timeout(_DEADLINE_S)
    browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": _LOOK_AT_THE_TOPMOST_PLOT}
    )
    for _ in range(times):
        browser.get(page.as_uri())
        yield browser.execute_async_script(_TIMES)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--browsers", type=int, default=5, help="new browsers, one after another")
    parser.add_argument("--again", type=int, default=3, help="openings in each after the first")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
