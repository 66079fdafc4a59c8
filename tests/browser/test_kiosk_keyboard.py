"""The keyboard on the screen. If these fail, a teacher at a panel without keys cannot name a lesson."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from kiosk_ui.page import STATIC
from tests.browser.conftest import Visits
from tests.browser.room_peer import RoomPeer, ready
from tests.browser.test_kiosk_fit import severe

LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "fr": "abcdefghijklmnopqrstuvwxyzàâçèéêëîïôœùû",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأإؤئىة",
    "ur": "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیےآئؤۂۃ",
}
SIZES = [(1920, 1080), (1280, 800), (3840, 2160)]


def opened(page: Page) -> None:
    page.locator("#title").click()
    expect(page.locator("screen-keyboard")).to_be_visible()


def key(page: Page, name: str) -> None:
    page.locator("screen-keyboard").get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("language", LETTERS)
def test_every_letter_of_a_language_has_a_key(language: str) -> None:
    text = (STATIC / "js" / "layouts.js").read_text("utf-8")
    rows = re.search(rf"  {language}: {{(.*?)\n  }},", text, re.DOTALL)
    signs = re.search(r"SIGNS = \[(.*?)\];", text, re.DOTALL)
    assert rows is not None
    assert signs is not None
    keys = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), rows[1] + signs[1])
    assert set(LETTERS[language]) - set(keys) == set()


@pytest.mark.parametrize(("language", "size"), [*zip(["en", "ar", "ur"], SIZES, strict=True)])
def test_it_is_large_and_covers_neither_the_field_nor_a_reader(
    room: RoomPeer, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    room.show(ready(language))
    page = visits.open(room.url, size=size, at="2026-11-21T10:02:00Z")
    opened(page)
    boxes = page.locator("screen-keyboard button").evaluate_all(
        "keys => keys.map((key) => key.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height))"
    )
    assert min(boxes) >= 64
    field, keyboard = page.locator("#title").bounding_box(), page.locator("screen-keyboard").bounding_box()
    assert field is not None
    assert keyboard is not None
    assert field["y"] + field["height"] + 16 <= keyboard["y"] + 0.5
    assert field["y"] >= 0
    assert keyboard["x"] >= 0
    assert keyboard["x"] + keyboard["width"] <= size[0]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert severe(page) == []


def test_a_title_is_written_by_touch_and_start_takes_it(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    opened(page)
    key(page, "Capital letters")
    for letter in "Op":
        key(page, letter)
    key(page, "Space")
    key(page, "Figures and signs")
    key(page, "2")
    key(page, "3")
    key(page, "Delete the last letter")
    expect(page.locator("#title")).to_be_focused()
    expect(page.locator("#title")).to_have_value("Op 2")
    key(page, "Done")
    expect(page.locator("screen-keyboard")).to_be_hidden()
    page.locator(".start").click()
    expect(page.locator(".title-text")).to_have_text("Op 2")
    assert room.commands == [("start", {"title": "Op 2"})]


def test_in_a_room_that_speaks_arabic_it_writes_arabic_and_french(room: RoomPeer, visits: Visits) -> None:
    room.show(ready("ar"))
    page = visits.open(room.url)
    opened(page)
    for letter in "جبر":
        key(page, letter)
    for _ in ("ur", "en", "fr"):
        page.locator(".key-layout").click()
    key(page, "é")
    expect(page.locator("#title")).to_have_value("جبرé")
    rows = page.locator(".key-row").first.locator("button")
    first, last = rows.first.bounding_box(), rows.last.bounding_box()
    assert first is not None
    assert last is not None
    assert first["x"] < last["x"]  # as on every keyboard, in every language


def test_keys_and_screen_readers_reach_it_too(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    toggle = page.locator(".keyboard-toggle")
    toggle.focus()
    page.keyboard.press("Enter")
    keyboard = page.get_by_role("group", name="Keyboard")
    expect(keyboard).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    toggle.focus()
    page.keyboard.press("Tab")
    expect(keyboard.get_by_role("button", name="q", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(keyboard.get_by_role("button", name="Capital letters")).to_be_focused()
    page.keyboard.press("Enter")
    expect(keyboard.get_by_role("button", name="Capital letters")).to_be_focused()
    expect(keyboard.get_by_role("button", name="Capital letters")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#title")).to_have_value("w")
    page.keyboard.press("Escape")
    expect(keyboard).to_be_hidden()
    expect(toggle).to_be_focused()


def test_a_phone_keeps_its_own_keyboard_and_leaving_puts_it_away(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    opened(page)
    page.locator(".clock").click()
    expect(page.locator("screen-keyboard")).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#title").click()
    expect(page.locator("#title")).to_be_focused()
    expect(page.locator("screen-keyboard")).to_be_hidden()
