"""What a lesson is called by who starts it on the panel. If these fail, nobody finds it again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.room_peer import RoomPeer, kept, planned, ready, recording, until
from tests.browser.test_kiosk_states import mode

TOUCHED_AT_ONCE = """
new MutationObserver((_, observer) => {
  const start = document.querySelector(".start");
  if (!start) return;
  observer.disconnect();
  window.field = document.querySelector("#title") !== null;
  start.click();
}).observe(document, { childList: true, subtree: true });
"""


def test_a_title_stays_text(room: RoomPeer, visits: Visits) -> None:
    evil = "<img src=x onerror=alert(1)><b>Analyse</b> & {title} \u202etxet"
    room.show(recording(title=evil))
    page = visits.open(room.url)
    expect(page.locator(".title-text")).to_have_text(evil)
    assert page.locator(".title-text *").count() == 0
    room.show(kept(title=evil))
    mode(page, "kept")
    expect(page.locator(".title-text")).to_have_text(evil)


def test_a_title_holds_two_hundred_characters_and_is_never_empty(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url, at="2026-11-21T10:02:00Z")
    mode(page, "ready")
    field = page.locator("#title")
    field.focus()
    page.keyboard.insert_text("x" * 300)
    assert len(field.input_value()) == 200
    field.fill("   ")
    page.locator(".start").click()
    mode(page, "recording")
    assert room.commands[0][1]["title"] == "Saturday 21 November at 10:02"


def test_who_touches_start_before_the_field_has_come_has_the_title_that_it_would_show(
    room: RoomPeer, visits: Visits
) -> None:
    room.show(planned(ready()))
    page = visits.open(room.url, at="2026-11-21T10:02:00Z", prepare=lambda page: page.add_init_script(TOUCHED_AT_ONCE))
    until(lambda: room.commands != [])
    assert room.commands[0][1]["title"] == "Algebra II"
    assert page.evaluate("window.field") is False
