"""What a teacher sees and touches on the panel, in each of its states."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.room_peer import (
    STARTED,
    RoomPeer,
    furnished,
    kept,
    paused,
    planned,
    problem,
    ready,
    recording,
    until,
)

START = {"en": "Start", "ar": "ابدأ"}
SAID = {
    "recording": {"en": "Recording", "ar": "يجري التسجيل"},
    "paused": {"en": "Paused", "ar": "متوقف مؤقتًا"},
    "kept": {"en": "Kept safely", "ar": "حُفظ الدرس بأمان"},
}
both = pytest.mark.parametrize("language", ["en", "ar"])


def mode(page: Page, name: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-mode", name)
    if name == "ready":
        expect(page.locator("#title")).to_be_attached()  # one picture later, see title.js


def stop_button(page: Page) -> Locator:
    return page.locator("stop-button button")


def settled(page: Page) -> None:
    """A tap within 0.7 s after the buttons changed is taken for a trembling finger; people are not that fast."""
    page.wait_for_timeout(750)


def hold(page: Page, milliseconds: int) -> None:
    stop_button(page).hover()
    page.mouse.down()
    page.wait_for_timeout(milliseconds)
    page.mouse.up()


def told(room: RoomPeer) -> list[str]:
    return [action for action, _ in room.commands]


@both
def test_a_room_that_is_ready_offers_one_large_start(room: RoomPeer, visits: Visits, language: str) -> None:
    room.show(ready(language))
    page = visits.open(room.url, at="2026-11-21T10:02:00Z")
    mode(page, "ready")
    start = page.locator(".start")
    expect(start).to_have_text(START[language])
    box = start.bounding_box()
    assert box is not None
    assert box["width"] >= 1920 / 4
    expect(page.locator("#title")).not_to_have_value("")
    title = page.locator("#title").input_value()
    assert {"en": "Saturday 21 November", "ar": "السبت"}[language] in title
    assert "10:02" in title
    expect(page.locator("html")).to_have_attribute("dir", {"en": "ltr", "ar": "rtl"}[language])
    expect(page.locator(".facts")).to_contain_text("41")
    expect(page.locator(".facts")).to_contain_text("42")


PLANNED = {
    "en": ("Next: Algebra II, 10:15", "Ends at 10:12", "10 more minutes", "Ends at 10:22"),
    "ar": ("التالي: Algebra II، 10:15", "ينتهي الساعة 10:12", "10 دقائق إضافية", "ينتهي الساعة 10:22"),
}


@both
def test_the_timetable_says_what_comes_and_lets_a_lesson_run_on(room: RoomPeer, visits: Visits, language: str) -> None:
    """A teacher must know what will be recorded without a touch, and that it will end in mid-sentence."""
    following, ends, more, later = PLANNED[language]
    room.show(planned(ready(language)))
    page = visits.open(room.url, at="2026-11-21T10:02:00Z")
    mode(page, "ready")
    plain = re.compile("[\u2068\u2069]")
    expect(page.locator(".plan")).to_be_visible()
    assert plain.sub("", page.locator(".plan").inner_text()) == following
    expect(page.locator("#title")).to_have_value("Algebra II")

    lesson = recording() | {"room": ready(language)["room"]}
    room.show(planned(lesson, lesson=lesson["lesson"]["id"], ends=STARTED + 600))
    mode(page, "recording")
    expect(page.locator(".plan")).to_be_hidden()
    assert ends in plain.sub("", page.locator(".title-under").inner_text())
    expect(page.locator(".more")).to_have_text(more)
    page.locator(".more").click()
    until(lambda: told(room) == ["extend"])
    expect(page.locator(".title-under")).to_contain_text("10:22")
    assert later in plain.sub("", page.locator(".title-under").inner_text())

    room.show(planned(lesson, lesson="another lesson", ends=STARTED + 600))
    expect(page.locator(".more")).to_be_hidden()


LISTENS = {
    "en": ("Listening", "The last 10 seconds are held in memory, and kept only if you touch Start."),
    "ar": ("الغرفة تستمع", "آخر 10 ثوانٍ في الذاكرة مؤقتًا، ولا تُحفظ إلا إذا لمست «ابدأ»."),
}


@both
def test_an_armed_room_says_that_it_listens(room: RoomPeer, visits: Visits, language: str) -> None:
    """Nobody may be held in memory unawares."""
    word, sentence = LISTENS[language]
    room.show(ready(language) | {"held_seconds": 10})
    page = visits.open(room.url)
    mode(page, "ready")
    expect(page.locator(".mode")).to_have_text(word)
    expect(page.locator(".sentence")).to_have_text(sentence)
    room.show(ready(language) | {"held_seconds": 0})
    expect(page.locator(".mode")).to_be_hidden()
    expect(page.locator(".sentence")).not_to_have_text(sentence)
    warned = {"code": "microphone-silent", "level": "warning", "facts": {"source": "lectern", "kind": "microphone"}}
    room.show(ready(language) | {"held_seconds": 10, "health": warned})
    expect(page.locator(".mode")).to_have_text(word)  # a warning takes the sentence's place, not the word's


@both
def test_pictures_live_and_levels_move(room: RoomPeer, visits: Visits, language: str) -> None:
    room.show(ready(language))
    page = visits.open(room.url)
    pictures = page.locator("source-picture")
    expect(pictures).to_have_count(2)
    for number in range(2):
        expect(pictures.nth(number)).to_have_attribute("data-live", "")
    look = "document.querySelector('source-picture canvas').toDataURL()"
    first = page.evaluate(look)
    page.wait_for_function(f"(first) => {look} !== first", arg=first)
    expect(page.locator(".sound")).to_have_text({"en": "Clearly heard", "ar": "صوت واضح"}[language])
    meter = page.locator("level-meter")
    assert meter.get_attribute("aria-valuetext")
    width = "document.querySelector('.meter-bar').style.getPropertyValue('--share')"
    page.wait_for_function(f"(first) => {width} !== first", arg=page.evaluate(width))


@both
def test_a_lesson_from_start_to_kept(room: RoomPeer, visits: Visits, language: str) -> None:
    room.show(ready(language))
    page = visits.open(room.url)
    page.locator("#title").fill("Analyse II — الدوال")
    where = page.locator(".start").bounding_box()
    page.locator(".start").click()
    mode(page, "recording")
    assert room.commands == [("start", {"title": "Analyse II — الدوال"})]
    expect(page.locator(".mode")).to_have_text(SAID["recording"][language])
    expect(page.locator(".title-text")).to_have_text("Analyse II — الدوال")
    assert stop_button(page).bounding_box() == where, "Stop is where Start was"
    room.show(recording(2537.0))
    expect(page.locator(".headline")).to_have_text("0:42:17")
    settled(page)

    page.locator(".pause").click()
    mode(page, "paused")
    expect(page.locator(".mode")).to_have_text(SAID["paused"][language])
    page.locator(".pause").click()
    mode(page, "recording")

    page.locator(".mark").click()
    expect(page.locator(".mark")).to_have_attribute("data-done", "")
    expect(page.locator(".mark")).to_contain_text("0:42:17")

    hold(page, 1200)
    mode(page, "kept")
    assert told(room) == ["start", "pause", "resume", "mark", "stop"]
    expect(page.locator(".headline")).to_have_text(SAID["kept"][language])
    settled(page)
    page.locator(".next").click()
    mode(page, "ready")
    expect(page.locator(".facts")).to_contain_text("42")


def test_a_touch_too_short_does_not_end_a_lesson(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    hold(page, 300)
    expect(stop_button(page)).to_have_attribute("data-armed", "")
    expect(stop_button(page)).to_contain_text("Press again to stop")
    assert told(room) == []
    stop_button(page).click()
    mode(page, "kept")
    assert told(room) == ["stop"]


ENDED = {
    "en": ("The lesson has ended", "Undo the stop: 28 seconds"),
    "ar": ("انتهى الدرس", "تراجع عن الإيقاف: 28 ثانية"),
}


def test_a_lesson_by_keys_alone(room: RoomPeer, visits: Visits) -> None:
    """Start, a mark, Stop, an undo, Stop again and the next lesson, by who cannot point."""
    room.undo_seconds = 28
    page = visits.open(room.url)
    mode(page, "ready")

    def press(locator: Locator, key: str = "Enter") -> None:
        settled(page)
        for _ in range(20):
            if locator.evaluate("(one) => one === document.activeElement"):
                break
            page.keyboard.press("Tab")
        expect(locator).to_be_focused()
        page.keyboard.press(key)

    press(page.locator(".start"))
    mode(page, "recording")
    expect(stop_button(page)).to_be_focused()
    press(page.locator(".mark"), "Space")
    expect(page.locator(".mark")).to_have_attribute("data-done", "")
    for after in (".pause", ".next"):
        press(stop_button(page))
        press(stop_button(page))
        mode(page, "ended")
        press(page.locator(after))
        mode(page, {".pause": "recording", ".next": "ready"}[after])
    assert told(room) == ["start", "mark", "stop", "undo", "stop", "stop"]


@both
def test_a_stop_can_be_undone(room: RoomPeer, visits: Visits, language: str) -> None:
    """Stop was touched by mistake: nothing is lost; or it was meant, and the next teacher need not wait."""
    room.undo_seconds = 28
    room.show(recording() | {"room": ready(language)["room"]})
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    hold(page, 1200)
    mode(page, "ended")
    expect(page.locator(".headline")).to_have_text(ENDED[language][0])
    expect(page.locator(".pause")).to_have_text(ENDED[language][1])
    expect(page.locator(".mark")).to_be_hidden()
    settled(page)
    page.locator(".pause").click()
    mode(page, "recording")
    settled(page)
    hold(page, 1200)
    mode(page, "ended")
    settled(page)
    page.locator(".next").click()
    mode(page, "ready")
    assert told(room) == ["stop", "undo", "stop", "stop"]


def test_an_undo_that_comes_too_late_says_so(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append("409")
    room.undo_seconds = 1
    room.show(recording() | {"state": "stopping", "undo_seconds": 1})
    page = visits.open(room.url)
    mode(page, "ended")
    settled(page)
    room.answer = lambda action, _: problem(409, "not-recording") if action == "undo" else None
    page.locator(".pause").click()
    expect(page.locator(".sentence")).to_contain_text("Too late")


def test_a_second_tap_after_four_seconds_is_a_first_one(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    stop_button(page).click()
    expect(stop_button(page)).to_have_attribute("data-armed", "")
    expect(stop_button(page)).not_to_have_attribute("data-armed", "", timeout=6000)
    stop_button(page).click()
    expect(stop_button(page)).to_have_attribute("data-armed", "")
    assert told(room) == []


def test_a_finger_that_slides_off_meant_nothing(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    stop_button(page).hover()
    page.mouse.down()
    expect(stop_button(page)).to_have_attribute("data-holding", "")
    page.mouse.move(10, 10)
    expect(stop_button(page)).not_to_have_attribute("data-holding", "")
    page.mouse.up()
    expect(stop_button(page)).not_to_have_attribute("data-armed", "")


def test_keys_stop_with_a_second_press(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    mode(page, "ready")
    settled(page)
    page.locator(".start").focus()
    page.keyboard.press("Enter")
    mode(page, "recording")
    expect(stop_button(page)).to_be_focused()
    settled(page)
    page.keyboard.down("Enter")
    for _ in range(5):
        page.keyboard.down("Enter")  # as it comes from a key held down
    page.keyboard.up("Enter")
    expect(stop_button(page)).to_have_attribute("data-armed", "")
    assert told(room) == ["start"]
    page.keyboard.press("Space")
    mode(page, "kept")


def test_a_double_tap_on_start_starts_one_lesson_and_stops_none(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    mode(page, "ready")
    settled(page)
    page.locator(".start").dblclick()
    mode(page, "recording")
    box = stop_button(page).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 40, box["y"] + 40)
    expect(stop_button(page)).not_to_have_attribute("data-armed", "")
    assert told(room) == ["start"]


def test_a_slow_room_pc_is_asked_once_and_the_finger_is_answered_at_once(room: RoomPeer, visits: Visits) -> None:
    room.delay = 2.5
    page = visits.open(room.url)
    mode(page, "ready")
    settled(page)
    waited = page.evaluate(
        """() => new Promise((resolve) => {
            const start = document.querySelector('.start');
            const began = performance.now();
            new MutationObserver(() => start.ariaBusy && resolve(performance.now() - began))
                .observe(start, { attributes: true });
            start.click();
        })"""
    )
    assert waited < 100, "a tap is answered within 100 ms"
    mode(page, "ready")
    page.locator(".start").click()
    expect(page.locator(".sentence")).to_contain_text("One moment")
    mode(page, "recording")
    assert told(room) == ["start"]


def test_another_panel_was_first(room: RoomPeer, visits: Visits) -> None:
    """Someone else's Start counts; it is no mistake of whoever came second."""
    visits.expected.append("409")

    def first(_action: str, _body: dict[str, Any]) -> Any:
        room.status = recording(3.0, "Chimie")
        return problem(409, "already-recording")

    room.answer = first
    page = visits.open(room.url)
    mode(page, "ready")
    settled(page)
    page.locator(".start").click()
    mode(page, "recording")
    expect(page.locator(".title-text")).to_have_text("Chimie")
    expect(page.locator(".sentence")).to_contain_text("Everything works")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (507, "disk-full", "no room left"),
        (503, "cannot-record", "Check their cables"),
        (500, "room-error", "room-error"),
    ],
)
def test_a_refusal_says_what_to_do(room: RoomPeer, visits: Visits, status: int, code: str, sentence: str) -> None:
    visits.expected.append(str(status))
    room.answer = lambda _action, _body: problem(status, code)
    page = visits.open(room.url)
    mode(page, "ready")
    settled(page)
    page.locator(".start").click()
    expect(page.locator(".sentence")).to_contain_text(sentence)
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    mode(page, "ready")


@pytest.mark.parametrize(
    ("health", "sentence"),
    [
        ({"code": "source-lost", "facts": {"source": "front", "kind": "camera", "count": 2}}, "One more device"),
        (
            {"code": "source-lost", "facts": {"source": "front", "kind": "camera", "problem": "camera-unreachable"}},
            "does not answer. Check its power",
        ),
        ({"code": "source-stalled", "facts": {"source": "front", "kind": "camera"}}, "stands still"),
        ({"code": "microphone-silent", "facts": {"source": "lectern", "kind": "microphone"}}, "Is it switched on?"),
        ({"code": "disk-low", "facts": {}}, "Room for 41 more hours"),
        ({"code": "disk-full", "facts": {}}, "call the technician"),
        ({"code": "from-next-year", "facts": {}}, "from-next-year"),
    ],
)
def test_health_is_one_sentence_with_the_remedy(
    room: RoomPeer, visits: Visits, health: dict[str, Any], sentence: str
) -> None:
    room.show(recording(health={"level": "warning", **health}))
    page = visits.open(room.url)
    expect(page.locator(".sentence")).to_contain_text(sentence)
    expect(page.locator(".sentence")).to_have_attribute("data-level", "warning")


def test_a_camera_turns_at_a_touch_and_says_why_it_does_not(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append("503")
    room.show(furnished(ready()))
    page = visits.open(room.url)
    settled(page)
    fixtures = page.locator(".fixture")
    expect(fixtures).to_have_text(
        ["Interactive panelOn", "ProjectorDoes not answer", "Turning cameraBoardLecternClass"]
    )
    fixtures.get_by_role("button", name="Lectern").click()
    until(lambda: ("preset turning", {"preset": "lectern"}) in room.commands)
    expect(page.locator(".sentence")).to_contain_text("Everything works")
    trouble = {"problem": "ptz-refuses", "source": "turning", "label": "Turning camera"}
    room.answer = lambda _action, _body: problem(503, "device-trouble", **trouble)
    fixtures.get_by_role("button", name="Board").click()
    expect(page.locator(".sentence")).to_contain_text("Turning camera")
    expect(page.locator(".sentence")).to_contain_text("cannot turn now")


def test_a_lost_camera_says_so_where_its_picture_was(room: RoomPeer, visits: Visits) -> None:
    status = recording()
    status["sources"][0] |= {"state": "lost", "problem": {"code": "camera-unreachable", "detail": "", "facts": {}}}
    room.show(status)
    page = visits.open(room.url)
    tile = page.locator(".tile.camera").first
    expect(tile).to_contain_text("Not recorded")
    expect(tile.locator(".picture-sentence")).to_be_visible()
    expect(tile.locator(".picture-sentence")).to_contain_text("does not answer")


def test_a_pause_cannot_be_overlooked_nor_marked(room: RoomPeer, visits: Visits) -> None:
    room.show(paused())
    page = visits.open(room.url)
    mode(page, "paused")
    expect(page.locator(".pause")).to_have_text("Resume")
    settled(page)
    page.locator(".mark").click(force=True)  # Playwright would wait until it is enabled; a teacher does not
    expect(page.locator(".sentence")).to_contain_text("Not possible at this moment")
    assert told(room) == []
    expect(page).to_have_title(re.compile(r"^Paused 0:42:17"))


def test_the_kept_screen_says_where_the_lesson_is(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    room.show(kept())
    mode(page, "kept")
    expect(page.locator(".title-told")).to_contain_text("48 minutes")
    expect(page.locator(".sentence")).to_contain_text("is sent by itself")
    room.show(kept(receipted=True, sent=910_000_000))
    expect(page.locator(".sentence")).to_contain_text("arrived at the server")


def test_states_are_said_aloud(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    mode(page, "ready")
    room.show(recording())
    expect(page.get_by_role("status")).to_contain_text("The lesson is being recorded.")
    room.show(paused())
    expect(page.get_by_role("status")).to_contain_text("Nothing is being recorded.")
    until(lambda: page.title().startswith("Paused"))


FROM_AFAR = {
    "en": "Started from the central server by \u2068<i>Aminetou</i>\u2069.",
    "ar": "بدأ التسجيلَ من الخادم المركزي: \u2068<i>Aminetou</i>\u2069.",
}


def from_afar(language: str, **more: Any) -> dict[str, Any]:
    """A lesson that somebody at the central server has started."""
    lesson = recording(1.0)
    order = {"verb": "start", "by": "<i>Aminetou</i>", "command": "c1", "lesson": lesson["lesson"]["id"], "at": 1.0}
    return lesson | {"room": ready(language)["room"], "remote": order} | more


@both
def test_a_lesson_that_was_started_from_afar_is_announced_to_the_room(
    room: RoomPeer, visits: Visits, language: str
) -> None:
    """Nobody may be recorded unawares, and a disk that runs short at the same moment must not hide who started it."""
    room.show(ready(language))
    page = visits.open(room.url)
    mode(page, "ready")
    room.show(from_afar(language, health={"code": "disk-low", "level": "warning", "facts": {}}))
    mode(page, "recording")
    expect(page.locator(".sentence")).to_have_text(FROM_AFAR[language])
    expect(page.locator(".panel > [role=alert]")).to_have_text(FROM_AFAR[language])
    room.show(from_afar(language))
    expect(page.locator(".sentence")).to_have_text(FROM_AFAR[language])
    expect(page.locator(".start")).to_be_hidden()
    expect(stop_button(page)).to_be_visible()


def test_an_order_of_an_earlier_lesson_is_not_announced_again(room: RoomPeer, visits: Visits) -> None:
    earlier = from_afar("en")["remote"]
    room.show(ready() | {"remote": earlier | {"lesson": "01KAK5W5T3Z1N7J7G3V0ZK4B2R"}})
    page = visits.open(room.url)
    mode(page, "ready")
    room.show(recording() | {"remote": earlier | {"lesson": "01KAK5W5T3Z1N7J7G3V0ZK4B2R"}})
    mode(page, "recording")
    expect(page.locator(".sentence")).to_have_text("Everything works.")
    expect(page.locator(".panel > [role=alert]")).to_be_empty()
