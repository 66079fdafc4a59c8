"""Who teaches, and the technicians' screen. If these fail, lessons carry no name, or a pupil restarts the room."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.desk_peer import CARD, NAME, PIN, TEACHER
from tests.browser.room_peer import RoomPeer, problem, ready, recording
from tests.browser.test_kiosk_fit import severe

REFUSED = "/api/v1/"
SIZES = [(1280, 800), (390, 844)]


@pytest.fixture
def known(room: RoomPeer) -> RoomPeer:
    """A room that knows a teacher."""
    room.change(who={"name": ""})
    return room


def opened(page: Page) -> None:
    page.locator(".desk-tool").click()
    expect(page.locator("dialog.desk")).to_be_visible()


def type_pin(page: Page, pin: str) -> None:
    for digit in pin:
        page.locator("pin-pad").get_by_role("button", name=digit, exact=True).click()
    page.locator(".pin-enter").click()


def entered(page: Page) -> None:
    opened(page)
    if page.locator(".desk-more").get_by_role("button").last.is_visible():
        page.locator(".desk-more").get_by_role("button").last.click()
    type_pin(page, PIN)
    expect(page.locator(".it")).to_be_visible()


def small(page: Page) -> list[str]:
    """Buttons and fields of the open page that no finger hits."""
    return page.locator("dialog.desk :is(button, input)").evaluate_all(
        """(all) => all.filter((e) => e.checkVisibility())
            .filter((e) => Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) < 64)
            .map((e) => e.textContent)"""
    )


# -- who teaches


@pytest.mark.parametrize(("language", "size"), [("en", SIZES[0]), ("ar", SIZES[1])])
def test_a_teacher_says_who_they_are_by_pin(
    known: RoomPeer, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    known.change(room=ready(language)["room"])
    page = visits.open(known.url, size=size)
    opened(page)
    assert severe(page) == []
    assert small(page) == []
    assert page.evaluate("document.querySelector('.desk').scrollWidth <= innerWidth")
    type_pin(page, TEACHER)
    expect(page.locator("dialog.desk")).to_be_hidden()
    expect(page.locator(".sentence")).to_contain_text(NAME)
    expect(page.locator(".title-form label")).to_contain_text(NAME)
    assert known.commands == [("who", {"pin": TEACHER})]
    opened(page)
    page.locator(".desk-more").get_by_role("button").first.click()
    expect(page.locator(".title-form label")).not_to_contain_text(NAME)


def test_a_wrong_pin_says_so_and_a_guest_records(known: RoomPeer, visits: Visits) -> None:
    visits.expected.append(REFUSED)
    page = visits.open(known.url)
    opened(page)
    page.keyboard.type("٩٩٩۱۱1")  # figures of every keyboard
    page.keyboard.press("Enter")
    expect(page.locator(".pin-said")).to_have_text("That PIN is not right. Try again.")
    expect(page.locator(".pin-field")).to_have_value("")
    assert known.commands == [("who", {"pin": "999111"})]
    page.keyboard.press("Escape")
    page.locator(".start").click()
    expect(page.locator("html")).to_have_attribute("data-mode", "recording")


def test_a_card_is_read_wherever_the_focus_is_and_leaves_nothing_behind(known: RoomPeer, visits: Visits) -> None:
    page = visits.open(known.url)
    page.locator("#title").fill("Optics")
    page.locator("#title").focus()
    page.keyboard.type(CARD)
    page.keyboard.press("Enter")
    expect(page.locator(".title-form label")).to_contain_text(NAME)
    expect(page.locator("#title")).to_have_value("Optics")
    known.change(who={"name": ""})
    expect(page.locator(".title-form label")).not_to_contain_text(NAME)
    page.locator(".start").focus()
    page.keyboard.type(CARD)
    page.keyboard.press("Enter")
    expect(page.locator(".title-form label")).to_contain_text(NAME)
    assert known.commands == [("who", {"card": CARD})] * 2  # the reader's Enter pressed no button


def test_an_unknown_card_is_a_sentence(known: RoomPeer, visits: Visits) -> None:
    visits.expected.append(REFUSED)
    page = visits.open(known.url)
    expect(page.locator(".start")).to_be_visible()
    page.keyboard.type("1" * 40)
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_have_text("The room does not know this card. You can record as a guest.")


# -- the technicians' screen


@pytest.mark.parametrize(("language", "size"), [("en", SIZES[0]), ("ar", SIZES[1])])
def test_the_screen_shows_the_room_to_who_knows_its_pin(
    room: RoomPeer, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    room.change(room=ready(language)["room"])
    page = visits.open(room.url, size=size)
    entered(page)
    screen = page.locator(".it")
    for fact in ("amphi-a", "10.20.0.17", "https://lessons.example.org", "/media/usb", "rtsp://***@10.0.0.9/live"):
        expect(screen).to_contain_text(fact)
    expect(screen.locator(".it-level").last).to_contain_text("dB")
    screen.locator(".it-part .button").first.click()
    expect(screen).to_contain_text("does not answer")
    expect(screen.locator(".it-list [lang], .it-list[lang] li").first).to_have_attribute("data-level", "warning")
    assert severe(page) == []
    assert small(page) == []
    assert page.evaluate("document.querySelector('.desk').scrollWidth <= innerWidth")


def test_who_guesses_is_told_how_long_to_wait(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append(REFUSED)
    room.answer = lambda action, _body: problem(429, "must-wait", seconds=40) if action == "enter" else None
    page = visits.open(room.url)
    opened(page)
    type_pin(page, "999111")
    expect(page.locator(".pin-said")).to_have_text("Too many wrong PINs. Try again in 40 seconds.")
    expect(page.locator(".it")).to_be_hidden()


def test_a_stick_is_filled_and_the_session_ends_with_the_page(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append(REFUSED)
    page = visits.open(room.url)
    entered(page)
    page.get_by_role("button", name="/media/usb").click()
    expect(page.locator(".it")).to_contain_text("The stick is being filled. Leave it in.")
    assert ("export", {"stick": "/media/usb"}) in room.commands
    room.screen["export"] |= {"state": "done", "bytes": 3_000_000_000, "left": 1_000_000_000}
    expect(page.locator(".it")).to_contain_text("the stick carries \u20683 GB\u2069", timeout=15_000)
    room.answer = lambda action, _body: problem(401, "not-signed-in") if action == "it" else None
    expect(page.locator(".desk-hint")).to_be_visible(timeout=15_000)
    expect(page.locator(".pin-said")).to_have_text("The ten minutes are over. Type the PIN again.")
    room.answer = lambda _action, _body: None
    type_pin(page, PIN)
    expect(page.locator(".it")).to_be_visible()
    page.locator(".desk-back").click()
    opened(page)
    expect(page.locator(".it")).to_be_hidden()
    assert room.commands[-1] == ("leave", {})


def test_a_restart_during_a_lesson_is_touched_three_times(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    entered(page)
    expect(page.locator(".it-running")).to_have_text("A lesson is being recorded now.")
    button = page.get_by_role("button", name="Start the program anew")
    for _ in range(2):
        button.click()
    expect(page.locator(".it")).to_contain_text("Once more, and it starts anew.")
    assert room.commands == []
    button.click()
    expect(page.locator(".it")).to_contain_text("The program starts anew.")
    assert room.commands == [("restart", {"confirmed": 2})]


def test_the_language_can_be_changed_there_and_a_lesson_takes_the_panel_back(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    entered(page)
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    expect(page.locator(".it")).to_be_visible()
    room.show(recording())
    expect(page.locator("dialog.desk")).to_be_hidden()
