"""A panel stays open for weeks. If these fail, it becomes slow by itself, and one morning it stands still."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page

from tests.browser.conftest import Visits
from tests.browser.room_peer import RoomPeer, Status, furnished, kept, paused, ready, recording

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"
SECTION = re.compile(r"<!-- panel open -->.*<!-- /panel open -->", re.DOTALL)
FASTER = 100
"""Times that the page's clock runs quicker, and that its room speaks more often."""
HASTE = f"""() => {{
  const [now, day, later, often] = [performance.now.bind(performance), Date.now, setTimeout, setInterval];
  const began = day();
  performance.now = () => now() * {FASTER};
  Date.now = () => began + (day() - began) * {FASTER};
  window.setTimeout = (then, wait = 0, ...more) => later(then, wait / {FASTER}, ...more);
  window.setInterval = (then, wait = 0, ...more) => often(then, Math.max(1, wait / {FASTER}), ...more);
}}"""
WEIGHINGS, BETWEEN_MS = 5, 200
PATIENCE = 20.0
"""Seconds in which a busy machine has answered all that was asked; what is held stays for longer."""
LESSON_SECONDS = 90 * 60.0
"""What one round stands for: a lesson and the break after it."""


@dataclass(frozen=True)
class Weight:
    """What the page holds after everything that nobody holds was thrown away. heap: bytes."""

    heap: int
    nodes: int
    listeners: int


class Scales:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable")

    def weigh(self) -> Weight:
        """The least of some weighings: what is only on its way out, as on a busy machine, does not stay."""
        found = [self._weigh() for _ in range(WEIGHINGS)]
        return Weight(
            min(each.heap for each in found), min(each.nodes for each in found), min(each.listeners for each in found)
        )

    def _weigh(self) -> Weight:
        self._page.wait_for_timeout(BETWEEN_MS)
        for _ in range(3):
            self._devtools.send("HeapProfiler.collectGarbage")
        told = {each["name"]: each["value"] for each in self._devtools.send("Performance.getMetrics")["metrics"]}
        return Weight(int(told["JSHeapUsedSize"]), int(told["Nodes"]), int(told["JSEventListeners"]))


def lesson_and_break(room: RoomPeer, page: Page, seconds: float, languages: tuple[str, str]) -> None:
    """One round. seconds: real ones that it takes; the page's clock runs ``FASTER``."""

    def rest(share: float, status: Callable[[float], Status]) -> None:
        until = time.monotonic() + share * seconds
        elapsed = 0.0
        while time.monotonic() < until:
            elapsed += 1
            room.show(status(elapsed) | {"room": ready()["room"]})
            page.wait_for_timeout(1000 / FASTER)  # the room speaks once a second of the page's

    rest(0.1, lambda _: furnished(ready()))
    for name in ("equipment", "rehearsal"):
        press(page, f"[aria-controls={name}]")
        rest(0.02, lambda _: furnished(ready()))
    press(page, ".tool.sent")
    rest(0.02, lambda _: furnished(ready()))
    press(page, ".deliveries-back")
    for language in languages:
        press(page, f".language[lang={language}]")
        rest(0.02, lambda _: furnished(ready()))
    rest(0.4, lambda second: furnished(recording(second)))
    rest(0.1, lambda second: furnished(paused()))
    broken = {"code": "microphone-silent", "level": "warning", "facts": {"source": "lectern"}}
    rest(0.2, lambda second: furnished(recording(3000 + second, health=broken)))
    rest(0.1, lambda _: kept())
    room.show(furnished(ready()))
    page.locator("html[data-mode=ready]").wait_for()  # every weight is that of the same screen


def press(page: Page, button: str) -> None:
    """Whatever the page shows: at its pace a processor that is busy for a moment is a room that is lost for seconds."""
    page.evaluate("(button) => document.querySelector(button)?.click()", button)


def watched(room: RoomPeer, page: Page, rounds: int, seconds: float) -> tuple[Weight, Weight]:
    """(the weight after the first round, the weight after all the others)."""
    scales = Scales(page)
    lesson_and_break(room, page, seconds, ("ar", "en"))
    before = scales.weigh()
    for _ in range(rounds):
        lesson_and_break(room, page, seconds, ("ar", "en"))
    after, until = scales.weigh(), time.monotonic() + PATIENCE
    while after.listeners > before.listeners and time.monotonic() < until:
        after = scales.weigh()  # at this pace a room that is slow for a moment is asked again and again
    return before, after


def opened(room: RoomPeer, visits: Visits) -> Page:
    room.faster = FASTER
    return visits.open(room.url, size=(1280, 800), prepare=lambda page: page.add_init_script(f"({HASTE})()"))


def test_a_panel_that_has_shown_some_lessons_weighs_what_it_did(room: RoomPeer, visits: Visits) -> None:
    before, after = watched(room, opened(room, visits), rounds=3, seconds=1.0)
    assert after.listeners <= before.listeners + 4
    assert after.nodes <= before.nodes + 40
    assert after.heap <= before.heap + 300_000


@pytest.mark.soak
def test_a_panel_stays_open_for_a_day_of_lessons(
    room: RoomPeer, visits: Visits, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = 8
    rounds = math.ceil(hours * 3600 / LESSON_SECONDS)
    began = time.monotonic()
    before, after = watched(room, opened(room, visits), rounds, LESSON_SECONDS / FASTER)
    figures = {
        "hours of the page's clock": f"{(time.monotonic() - began) * FASTER / 3600:.1f}",
        "lessons": f"{rounds + 1}",
        "JavaScript's heap, after the first lesson and the last": f"{before.heap / 1e6:.2f}, {after.heap / 1e6:.2f} MB",
        "nodes": f"{before.nodes}, {after.nodes}",
        "listeners": f"{before.listeners}, {after.listeners}",
    }
    with capsys.disabled():
        print(figures)  # noqa: T201 - a long test's figures are what it is run for
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = "".join(f"| {name} | {value} |\n" for name, value in figures.items())
    section = f"<!-- panel open -->\n{day}, `make soak`\n\n| | |\n|---|---|\n{rows}<!-- /panel open -->"
    PAGE.write_text(SECTION.sub(lambda _: section, PAGE.read_text()))
    assert after.listeners <= before.listeners + 4
    assert after.nodes <= before.nodes + 40
    assert after.heap <= before.heap + 500_000
