"""The panel shows nothing that it cannot prove: the room PC gone, hanging, back, or its pictures ended."""

from __future__ import annotations

import copy

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NO_ANSWER, Visits
from tests.browser.room_peer import RoomPeer, ready, recording, source, until
from tests.browser.test_kiosk_states import both, mode, settled, stop_button, told

LOST = {"en": "No contact with the room PC", "ar": "لا اتصال بحاسوب القاعة"}
DOUBT = {"en": "Not sure that it is recording", "ar": "لسنا متأكدين من أن التسجيل مستمر"}


@both
def test_a_room_pc_that_died_is_never_shown_as_recording(room: RoomPeer, visits: Visits, language: str) -> None:
    visits.expected.append(NO_ANSWER)
    status = recording()
    status["room"]["language"] = language
    room.show(status)
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    room.stop()
    mode(page, "lost")
    expect(page.locator(".headline")).to_have_text(LOST[language])
    assert page.locator(".mode").is_hidden(), "no word of recording is left"
    assert page.locator("source-picture").first.locator("p").is_visible()
    for button in (page.locator(".pause"), page.locator(".mark")):
        button.click(force=True)  # Playwright would wait until it is enabled; a teacher does not
        expect(page.get_by_role("alert")).to_contain_text({"en": "Not possible now", "ar": "غير ممكن الآن"}[language])
    assert told(room) == []

    room.start()  # the daemon is back and has gone on with the lesson
    mode(page, "recording")
    expect(page.locator("source-picture").first).to_have_attribute("data-live", "", timeout=10_000)


def test_a_daemon_that_comes_back_without_the_lesson_is_believed(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append(NO_ANSWER)
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    room.stop()
    mode(page, "lost")
    room.status = ready()
    room.start()
    mode(page, "ready")


@both
def test_a_status_older_than_three_seconds_is_doubted(room: RoomPeer, visits: Visits, language: str) -> None:
    status = recording()
    status["room"]["language"] = language
    room.show(status)
    page = visits.open(room.url)
    mode(page, "recording")
    room.mute = True
    mode(page, "doubt")
    expect(page.locator(".headline")).to_have_text(DOUBT[language])
    room.mute = False
    mode(page, "recording")


def test_a_room_pc_that_hangs_for_long_is_lost_and_taken_up_again(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append(NO_ANSWER)
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    room.mute = True
    expect(page.locator("html")).to_have_attribute("data-mode", "lost", timeout=10_000)
    expect(page.locator(".sentence")).to_contain_text("What was recorded until then is kept")
    room.mute = False
    expect(page.locator("html")).to_have_attribute("data-mode", "recording", timeout=10_000)


def test_a_room_pc_that_starts_up_offers_no_start_until_it_is_ready(room: RoomPeer, visits: Visits) -> None:
    """It may yet find a lesson that was cut off; Start would be refused, Stop would be a lie."""
    room.show(ready() | {"state": "starting"})
    page = visits.open(room.url)
    mode(page, "waking")
    expect(page.locator(".start")).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".sentence")).to_have_text("The room PC is starting up.")
    room.show(recording())
    mode(page, "recording")


def test_a_status_that_came_with_the_page_is_not_believed_for_long(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append(NO_ANSWER)
    room.show(recording())
    room.mute = True
    page = visits.open(room.url)
    mode(page, "recording")
    mode(page, "doubt")


def test_a_lost_answer_to_stop_is_no_lost_stop(room: RoomPeer, visits: Visits) -> None:
    """The answer is slower than the event: the button goes by the daemon's word, and a second Stop is not sent."""
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    room.delay = 3.0
    stop_button(page).click()
    stop_button(page).click()
    expect(stop_button(page)).to_have_attribute("aria-busy", "true")
    stopping = copy.deepcopy(room.status) | {"state": "stopping"}
    room.show(stopping)
    mode(page, "stopping")
    mode(page, "kept")
    assert told(room) == ["stop"]


def test_pictures_come_back_by_themselves(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append("404")
    page = visits.open(room.url)
    picture = page.locator("source-picture").first
    expect(picture).to_have_attribute("data-live", "")
    room.pictures = False
    expect(picture).not_to_have_attribute("data-live", "")
    expect(picture.locator("p")).to_have_text("Waiting for the picture")
    room.pictures = True
    expect(picture).to_have_attribute("data-live", "", timeout=10_000)


def test_pictures_are_asked_for_anew_when_a_recording_begins(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    expect(page.locator("source-picture[data-live]")).to_have_count(2)
    before = room.streams_opened
    room.show(recording())
    mode(page, "recording")
    until(lambda: room.streams_opened >= before + 2)
    expect(page.locator("source-picture[data-live]")).to_have_count(2)


def test_a_microphone_without_levels_is_not_shown_as_heard(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    expect(page.locator(".sound")).to_have_text("Clearly heard")
    room.levels = None
    expect(page.locator(".sound")).to_have_text("No level")


@pytest.mark.parametrize(
    ("levels", "word"), [([-58.0, -50.0], "Silent"), ([-45.0, -30.0], "Quiet"), ([-12.0, -0.2], "Too loud")]
)
def test_levels_are_told_in_a_word(room: RoomPeer, visits: Visits, levels: list[float], word: str) -> None:
    room.levels = {"lectern": levels}
    page = visits.open(room.url)
    expect(page.locator(".sound")).to_have_text(word)


def test_many_cameras_leave_a_way_for_the_tap(room: RoomPeer, visits: Visits) -> None:
    """A browser keeps six connections to one server; seven living pictures would leave none for Start."""
    status = ready()
    status["sources"] = [source(f"camera-{n}", "camera", f"Camera {n}") for n in range(7)]
    room.show(status)
    page = visits.open(room.url)
    expect(page.locator("source-picture[data-live]")).to_have_count(7)
    settled(page)
    page.locator(".start").click()
    mode(page, "recording")


def test_a_newer_daemon_brings_its_own_page_after_the_lesson(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    page.evaluate("window.same_page = true")
    room.show(recording() | {"version": "0.2.0"})
    expect(page.locator(".headline")).to_have_text("0:42:17")
    assert page.evaluate("window.same_page === true"), "not in mid-lesson"
    room.show(ready() | {"version": "0.2.0"})
    page.wait_for_function("() => window.same_page === undefined")
    mode(page, "ready")
