"""A real browser for the tests of what people see. Anything it complains about fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.room_peer import RoomPeer, ready
from tests.peers.chromium import chromium

NO_ANSWER = "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING"
"""What Chromium writes to the console while the other end is down; no page can keep it from doing so."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module."""
    with chromium() as running:
        yield running


@dataclass
class Visits:
    """Opens pages, each like another person's browser, and listens for their complaints."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of complaints that the test causes itself, several with ``|`` between them."""

    def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = (1920, 1080),
        theme: str = "light",
        at: str | None = None,
        prepare: Callable[[Page], None] = lambda _page: None,
        **options: object,
    ) -> Page:
        """A page at url. at: what its clock shows, a time that stands still. prepare: before anything is loaded."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, timezone_id="UTC", **options
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if at is not None:
            page.clock.set_fixed_time(at)
        prepare(page)
        page.goto(url)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def unexpected(self) -> list[str]:
        parts = [part for expected in self.expected for part in expected.split("|")]
        return [complaint for complaint in self.complaints if not any(part in complaint for part in parts)]


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    visits = Visits(browser)
    yield visits
    complaints = visits.unexpected()  # what a page says that is being torn down does not count
    for context in visits.contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def room() -> Iterator[RoomPeer]:
    """A healthy room that waits for its teacher."""
    room = RoomPeer(ready())
    room.start()
    yield room
    room.stop()
