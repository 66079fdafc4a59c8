"""The room on the panel: what a teacher tells its devices, and what the panel may say of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.room_peer import STARTED, RoomPeer, furnished, problem, ready, recording, until
from tests.browser.test_kiosk_fit import severe
from tests.browser.test_kiosk_states import mode

BOXES = (
    "() => [...document.querySelectorAll('.controls button, .sentence')].map((e) => e.getBoundingClientRect().toJSON())"
)
TARGETS = """() => [...document.querySelectorAll('.sheet:not([hidden]) button')]
    .filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect())
    .filter(({ width, height }) => width < 64 || height < 64).length"""
IN_THE_WAY = """() => { const { x, y, width, height } = document.querySelector('stop-button').getBoundingClientRect();
    return !document.elementFromPoint(x + width / 2, y + height / 2).closest('stop-button'); }"""


def sheet(page: Page, name: str) -> Locator:
    page.locator(f"[aria-controls={name}]").click()
    opened = page.locator(f"#{name}")
    expect(opened).to_be_visible()
    return opened


@pytest.mark.parametrize(("language", "size"), [("ar", (1280, 800)), ("ur", (1920, 1080)), ("fr", (390, 844))])
def test_the_room_is_one_touch_away_and_never_in_the_way_of_stop(
    room: RoomPeer, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    spoken = {"room": ready(language)["room"]}
    room.show(furnished(recording()) | spoken)
    page = visits.open(room.url, size=size)
    mode(page, "recording")
    before = page.evaluate(BOXES)
    opened = sheet(page, "equipment")
    expect(opened.locator("img")).to_have_count(2)
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate(BOXES) == before
    assert page.evaluate(IN_THE_WAY) is False
    assert page.evaluate(TARGETS) == 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert severe(page) == []
    page.keyboard.press("Escape")
    expect(opened).to_be_hidden()
    expect(page.locator("[aria-controls=equipment]")).to_be_focused()


def test_a_panel_is_shown_as_it_says_and_not_as_it_was_told(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append("503")
    room.show(furnished(ready()))
    page = visits.open(room.url)
    display = sheet(page, "equipment").get_by_role("group", name="Interactive panel").first
    on, off = display.get_by_role("button", name="On"), display.get_by_role("button", name="Off")
    off.click()
    until(lambda: ("order display", {"power": "off"}) in room.commands)
    expect(on).to_have_attribute("aria-pressed", "true")
    told = furnished(ready())
    told["fixtures"][0] |= {"power": None, "input": None, "volume": None}
    room.show(told)
    expect(display).to_contain_text("Not known")
    for button in (on, off, display.get_by_role("button", name="HDMI 1")):
        expect(button).to_have_attribute("aria-pressed", "false")
    told["fixtures"][0] |= {"power": "off"}
    room.show({**told})
    expect(off).to_have_attribute("aria-pressed", "true")
    expect(display.get_by_role("button", name="HDMI 1")).to_have_attribute("aria-disabled", "true")

    room.show(furnished(ready()))
    expect(on).to_have_attribute("aria-pressed", "true")
    room.delay = 1.0  # touches that come meanwhile are added up
    louder = display.get_by_role("button", name="Louder")
    for _ in range(3):
        louder.click()
    until(lambda: ("order display", {"volume": 55}) in room.commands)
    assert ("order display", {"volume": 50}) not in room.commands
    room.answer = lambda _action, _body: problem(503, "device-trouble", problem="no-answer", label="Interactive panel")
    display.get_by_role("button", name="No sound").click()
    expect(page.locator(".sentence")).to_contain_text("Interactive panel")


def test_a_camera_turns_by_picture_and_a_place_is_made_in_two_touches(room: RoomPeer, visits: Visits) -> None:
    room.show(furnished(ready()))
    page = visits.open(room.url)
    opened = sheet(page, "equipment")
    camera = opened.get_by_role("group", name="Turning camera")
    camera.get_by_role("button", name="Board").click()
    until(lambda: ("preset turning", {"preset": "board"}) in room.commands)
    camera.get_by_role("button", name="Change places").click()
    expect(camera).to_contain_text("Touch the place")
    camera.get_by_role("button", name="Class").click()
    until(lambda: ("place turning", {"preset": "class"}) in room.commands)
    expect(camera).not_to_contain_text("Touch the place")

    with page.expect_response("**/api/v1/scenes/film"):
        opened.get_by_role("button", name="Film").click()
    until(lambda: ("scene film", {}) in room.commands)
    done = furnished(ready())
    done["scenes"][1] |= {"done": True, "untold": ["Projector"]}
    room.show(done)
    expect(opened).to_contain_text("\u2068Projector\u2069 did not obey")


def test_the_room_is_tried_at_one_touch_and_says_one_sentence_for_each_source(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    opened = sheet(page, "rehearsal")
    until(lambda: ("selftest", {}) in room.commands)
    expect(opened).to_contain_text("Say something aloud")
    found = {"at": STARTED, "sources": 3, "wrong": {"lectern": "microphone-silent"}}
    room.show(ready() | {"selftest": found})
    lines = opened.locator("li")
    expect(lines).to_have_count(3)
    expect(lines.nth(0)).to_contain_text("good picture")
    expect(lines.nth(2)).to_contain_text("Is it switched on?")
    assert severe(page) == []
    room.show(recording())
    mode(page, "recording")
    expect(opened).to_be_hidden()
    expect(page.locator("[aria-controls=rehearsal]")).to_be_hidden()
