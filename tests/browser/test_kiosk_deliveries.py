"""The page of the lessons on their way. If these fail, a teacher cannot know whether the lesson will reach anybody."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.room_peer import RoomPeer, delivery, problem, ready, recording

THERE = {"receipted": True}
NOW = "2026-11-21T10:02:00Z"
TONIGHT, THURSDAY = 1_795_305_000.0, 1_795_663_800.0
"""Unix seconds: 21 November 23:50 and 26 November 03:30 UTC."""
SAID = {
    "en": (
        "Lessons are being sent. All of it will be there by \u2068Thursday 03:30\u2069.",
        "34%",
        "by \u206823:50\u2069",
    ),
    "ar": ("الدروس قيد الإرسال. سيصل كل شيء بحلول", "34", "بحلول \u206823:50\u2069"),
}
HOURS = {"en": "waits for the hours of sending", "ar": "ينتظر ساعات الإرسال"}


def sending(room: RoomPeer) -> None:
    room.deliveries = {
        "done_by": THURSDAY,
        "older": 3,
        "lessons": [
            delivery("Analyse II — Dr Sidi", THERE, THERE, {"sent": 14_600_000, "done_by": TONIGHT}, {}),
            delivery("النحو", THERE, THERE, THERE, {"waiting_for": "paused-by-hours"}),
            delivery("<b>Optics</b>", THERE, THERE, THERE, {"refused": True}),
        ],
    }


def opened(page: Page) -> None:
    page.locator(".sent").click()
    expect(page.locator("dialog.deliveries")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("size", [(1920, 1080), (390, 844)])
def test_it_says_what_arrived_and_when_the_rest_will_be_there(
    room: RoomPeer, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    sending(room)
    room.show(ready(language))
    page = visits.open(room.url, at=NOW, size=size)
    opened(page)
    all_of_it, share, by = SAID[language]
    expect(page.locator(".deliveries-sentence")).to_contain_text(all_of_it)
    first = page.locator(".delivery").first
    expect(first.locator("h3")).to_have_text("Analyse II — Dr Sidi")
    expect(first.locator("[data-state=part]")).to_contain_text(share)
    expect(first.locator("[data-state=part]")).to_contain_text(by)
    expect(page.locator(".delivery").nth(1).locator("[data-state=waits]")).to_contain_text(HOURS[language])
    expect(page.locator(".delivery").nth(2).locator("h3")).to_have_text("<b>Optics</b>")
    expect(page.locator(".deliveries-older")).to_contain_text("3")
    assert page.evaluate("document.querySelector('.deliveries').scrollWidth <= innerWidth")
    box = page.locator(".deliveries-back").bounding_box()
    assert box is not None
    assert box["height"] >= 64


def test_it_follows_what_happens_and_is_left_by_key_and_by_touch(room: RoomPeer, visits: Visits) -> None:
    room.show(ready())
    page = visits.open(room.url)
    opened(page)
    expect(page.locator(".deliveries-sentence")).to_have_text("No lesson has been kept here yet.")
    room.deliveries = {"done_by": None, "older": 0, "lessons": [delivery("Optics", THERE, THERE, THERE, THERE)]}
    expect(page.locator(".deliveries-sentence")).to_have_text("Every lesson has arrived.", timeout=15_000)
    expect(page.locator(".deliveries-older")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.deliveries")).to_be_hidden()
    opened(page)
    page.locator(".deliveries-back").click()
    expect(page.locator("dialog.deliveries")).to_be_hidden()


def test_it_never_covers_a_lesson(room: RoomPeer, visits: Visits) -> None:
    """Somebody else may touch Start: on a button in the room, or in the head of IT's office."""
    room.show(ready())
    page = visits.open(room.url)
    opened(page)
    room.show(recording())
    expect(page.locator("dialog.deliveries")).to_be_hidden()
    expect(page.locator(".sent")).to_be_hidden()


@pytest.mark.parametrize("size", [(1920, 1080), (390, 844)])
def test_a_lesson_can_be_kept_here_and_let_go_again(room: RoomPeer, visits: Visits, size: tuple[int, int]) -> None:
    room.deliveries = {"done_by": None, "older": 0, "lessons": [delivery("Optics", THERE, THERE, {}, {})]}
    room.show(ready())
    page = visits.open(room.url, size=size)
    opened(page)
    button = page.locator(".delivery-keep")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 64
    button.click()
    expect(button).to_have_text("Kept here. Send it after all")
    expect(page.locator(".delivery [data-state=waits]")).to_contain_text(["stays in this room"] * 2)
    expect(page.locator(".deliveries-sentence")).to_have_text("Every lesson has arrived.")
    expect(button).to_be_focused()
    button.click()
    expect(button).to_have_text("Keep it in this room")
    assert [body for name, body in room.commands if name == "keep Optics"] == [{"keep": True}, {"keep": False}]


UNKEPT = {
    "en": "The room PC has no space left, so this could not be noted and nothing has changed.",
    "ar": "امتلأ حاسوب القاعة، فلم يُسجَّل هذا الاختيار ولم يتغيّر شيء.",
}
KEEP = {"en": "Keep it in this room", "ar": "إبقاؤه في هذه القاعة"}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_wish_that_cannot_be_written_is_not_shown_as_done_and_says_why(
    room: RoomPeer, visits: Visits, language: str
) -> None:
    room.deliveries = {"done_by": None, "older": 0, "lessons": [delivery("Optics", THERE, THERE, {}, {})]}
    visits.expected.append("/Optics/keep")
    room.answer = lambda action, _body: problem(507, "disk-full") if action == "keep" else None
    room.show(ready(language))
    page = visits.open(room.url)
    opened(page)
    page.locator(".delivery-keep").click()
    said = page.locator(".delivery").get_by_role("alert")
    expect(said).to_contain_text(UNKEPT[language])
    expect(page.locator(".delivery-keep")).to_have_text(KEEP[language])
    expect(page.locator(".delivery-keep")).not_to_have_attribute("aria-busy", "true")
    room.answer = lambda _action, _body: None
    page.locator(".delivery-keep").click()
    expect(page.locator(".delivery-keep")).not_to_have_text(KEEP[language])
    expect(said).to_have_count(0)
