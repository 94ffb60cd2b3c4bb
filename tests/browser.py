"""Chromium as a person at a desk has it, for tests that look at a page.

The profile is new and empty for each browser, and nothing of it is written outside `folder`.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)


@contextmanager
def open_browser(folder: Path) -> Iterator[Chrome]:
    """A browser with its profile below `folder`; it is closed at the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ChromeOptions()
    options.binary_location = _program("chromium")
    for switch in (*SWITCHES, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = ChromeService(
        _program("chromedriver"),
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    browser = Chrome(options=options, service=service)
    try:
        yield browser
    finally:
        browser.quit()


def show(browser: Chrome, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
    """Give the page a screen `width` pixels wide (narrower than a window can be) and a scheme."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


def console_messages(browser: Chrome) -> list[str]:
    """What the page complained about since the last call."""
    return [entry["message"] for entry in _log(browser, "browser")]


def requested_addresses(browser: Chrome) -> list[str]:
    """Every address that was asked for since the last call, `data:` ones included."""
    events = (json.loads(entry["message"])["message"] for entry in _log(browser, "performance"))
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def scrolls_sideways(browser: Chrome) -> bool:
    """Whether the page is wider than its screen."""
    return bool(
        browser.execute_script(
            "const page = document.scrollingElement; return page.scrollWidth > page.clientWidth"
        )
    )


def _log(browser: Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def _program(name: str) -> str:
    path = shutil.which(name, path="/usr/bin:/usr/lib/chromium:/usr/local/bin")
    assert path, f"{name} is not installed; run `make setup` as root or install Debian's {name}."
    return path
