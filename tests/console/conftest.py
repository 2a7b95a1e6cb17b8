"""A browser and a stand-in for the tests of the page; without a browser they are skipped."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
stand_in = importlib.import_module("stand_in")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHOWN_MS = 10_000


def browser_path(playwright: Any) -> str:
    """Find a Chromium: the system's, or the one that playwright installs."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    if Path(playwright.chromium.executable_path).exists():
        return str(playwright.chromium.executable_path)
    pytest.skip(
        "there is no browser: install Debian's chromium, or run `playwright install chromium`"
    )


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """Give playwright, or skip."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="the page is tested with playwright, which is not installed"
    )
    with api.sync_playwright() as started:
        yield started


@pytest.fixture
def launch(playwright: Any) -> Iterator[Callable[..., Any]]:
    """Give what starts a browser with more arguments."""
    path = browser_path(playwright)
    started: list[Any] = []

    def start(*arguments: str) -> Any:
        # No sandbox: CI is root, and the only page is ours.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--mute-audio", *arguments]
        )
        started.append(browser)
        return browser

    yield start
    for browser in started:
        browser.close()


@pytest.fixture
def served() -> Iterator[Any]:
    """Give a stand-in that serves two live calls and an ended one."""
    lines = stand_in.recorded_lines()
    ended = stand_in.call(
        "CAended", state="ended", duration_ms=23_821, end_reason="caller_hung_up", interruptions=2
    )
    server = stand_in.StandIn(
        calls={
            "CA1": stand_in.call("CA1"),
            "CA2": stand_in.call("CA2", caller="+15550100007"),
            "CAended": {**ended, "has_recording": True},
        },
        logs={"CA1": lines[:100], "CAended": lines},
        recordings={"CAended": stand_in.recording(23_821)},
    )
    with stand_in.serving(server):
        yield server


class Watched:
    """A page, and what went wrong in it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.troubles: list[str] = []
        self.foreign: list[str] = []
        page.set_default_timeout(SHOWN_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._on_request)

    def go(self, view: str) -> Any:
        """Show a view."""
        self.page.goto(f"{self.url}/#{view}")
        return self.page

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.foreign.append(request.url)


@pytest.fixture
def open_page(launch: Callable[..., Any], served: Any) -> Iterator[Callable[..., Watched]]:
    """Give what opens a page of the stand-in; no page may complain or ask another host."""
    opened: list[Watched] = []

    def start(*arguments: str, **context: Any) -> Watched:
        page = launch(*arguments).new_context(**context).new_page()
        opened.append(Watched(page, served.url))
        return opened[-1]

    yield start
    for watched in opened:
        assert watched.troubles == []
        assert watched.foreign == []
