"""Opens pages in a real browser, Debian's Chromium without a window, for tests marked `browser`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

ARGUMENTS = [
    # Nothing of its own may reach for the network, which is closed on such machines.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-quic", "--no-first-run"),
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

needs_browser = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
"""Marks of a test that opens pages."""


@dataclass
class Visit:
    """A page in the browser, and what went on while it was open.

    Attributes:
        page: the page.
        errors: errors of the console, and exceptions that nothing caught.
        requests: addresses that it asked for, but for those within the page (data:, blob:).
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.requests.append(request.url)


@contextmanager
def visiting(
    width: int = 1280, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """Open an empty page, `width` by `height` CSS pixels, in a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            yield Visit(page)
        finally:
            browser.close()
