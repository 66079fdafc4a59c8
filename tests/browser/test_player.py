"""What a student sees and hears of a lesson, in a real browser over the real server, with recordings that play."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.peers.central import Central
from tests.peers.furnished import PASSWORD
from tests.peers.program import wait_until
from tests.peers.watched import GAP, LENGTH, Watched, watched

PHONE = (390, 844)
DESK = (1920, 1080)
IN_SYNC = 0.1
"""Seconds that one picture may be away from the other."""


@dataclass(frozen=True)
class Hall:
    url: str
    things: Watched
    central: Central

    def lesson(self, lesson: str = "", query: str = "") -> str:
        return f"{self.url}/lessons/{lesson or self.things.whole}{query}"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    data = tmp_path_factory.mktemp("player") / "server"
    things = watched(data)
    with Central(data) as server:
        yield Hall(server.url, things, server)


@pytest.fixture(scope="module")
def sessions() -> dict[str, object]:
    return {}


@pytest.fixture
def enter(hall: Hall, visits: Visits, sessions: dict[str, object]) -> Callable[..., Page]:
    """Open a page as somebody who is logged in; each time with a browser that remembers nothing of the page."""

    def open_page(
        url: str, *, role: str = "student", language: str = "en", size: tuple[int, int] = DESK, **options: object
    ) -> Page:
        known = {"storage_state": sessions[role]} if role in sessions else {}
        page = visits.open(url, size=size, locale=language, **known, **options)
        if role not in sessions:
            page.locator("#name").fill(hall.things.people[role])
            page.locator("#password").fill(PASSWORD)
            page.locator("button.main").click()
            page.wait_for_url(url)
            cookies = [one for one in page.context.storage_state()["cookies"] if one["name"] != "lang"]
            sessions[role] = {"cookies": cookies, "origins": []}
        return page

    return open_page


def until(page: Page, condition: str, seconds: float = 20) -> None:
    """Wait for something of the player ``p`` and the second picture ``q``."""
    look = "(() => { const p = document.getElementById('player'), q = document.getElementById('second');"
    wait_until(lambda: page.evaluate(f"{look} return {condition}; }})()"), seconds, condition)


def of_player(page: Page, what: str) -> float:
    return float(page.evaluate(f"document.getElementById('player').{what}"))


def quiet(page: Page) -> None:
    """A browser plays by itself only what is silent."""
    page.evaluate("document.getElementById('player').muted = true")


DRIFTS = """
(async () => {
  const [p, q] = [document.getElementById('player'), document.getElementById('second')];
  const seen = [];
  const ends = performance.now() + 1500;
  while (performance.now() < ends) {
    await new Promise(requestAnimationFrame);
    if (!p.paused && !q.paused) seen.push(Math.abs(p.currentTime - q.currentTime));
  }
  seen.sort((a, b) => a - b);
  return seen.length ? seen[Math.floor(seen.length * 0.9)] : 99;
})()
"""


def in_sync(page: Page) -> bool:
    """Whether the pictures were together for a second and a half; on a busy machine it may take them a while."""
    return bool(page.evaluate(DRIFTS) < IN_SYNC)


def test_two_pictures_play_as_one(enter: Callable[..., Page], hall: Hall) -> None:
    """Slides and teacher apart would show the wrong slide to every sentence."""
    page = enter(hall.lesson())
    expect(page.locator("#second")).to_be_visible()
    assert page.locator("#player").get_attribute("src") or ""
    assert "/screen.mp4" in page.evaluate("document.getElementById('player').currentSrc")
    until(page, "p.readyState >= 2 && q.readyState >= 2")
    quiet(page)
    page.locator("#play").click()
    until(page, "p.currentTime > 0.5 && !q.paused")
    wait_until(lambda: in_sync(page), 20, "pictures together")
    assert page.evaluate("document.getElementById('second').muted")
    page.keyboard.press("5")
    until(page, f"p.currentTime >= {LENGTH / 2} && !p.seeking && !q.seeking")
    page.locator("#speed").select_option("1.5")
    wait_until(lambda: in_sync(page), 20, "pictures together at another speed")
    page.keyboard.press("k")
    until(page, "p.paused && q.paused && !q.seeking && Math.abs(p.currentTime - q.currentTime) < 0.05")


def test_the_quality_is_chosen_by_its_size_and_remembered(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson())
    levels = page.locator(".levels a")
    expect(levels).to_have_count(3)
    expect(levels.nth(0)).to_have_text(re.compile(r"Sound and slides\s+[\d.]+ [kM]B"))
    expect(levels.nth(2)).to_have_attribute("aria-current", "true")
    quiet(page)
    page.locator("#play").click()
    until(page, "p.currentTime > 1")
    levels.nth(0).click()
    until(page, "p.currentSrc.endsWith('slidecast.mp4') && p.currentTime > 1 && !p.paused")
    expect(page.locator("#second")).to_be_hidden()
    expect(page.get_by_role("link", name="Sound only", exact=True)).to_be_visible()
    page.goto(hall.lesson())
    until(page, "p.currentSrc.endsWith('slidecast.mp4')")


def test_a_dear_link_gets_the_smallest_by_itself(enter: Callable[..., Page], hall: Hall) -> None:
    slow = "Object.defineProperty(navigator, 'connection', { value: { saveData: true, effectiveType: '4g' } })"
    page = enter(hall.lesson(), prepare=lambda page: page.add_init_script(slow))
    until(page, "p.currentSrc.endsWith('slidecast.mp4')")


def test_the_keyboard_does_what_it_does_everywhere(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson(query="?source=screen.mp4"))
    until(page, "p.readyState >= 2")
    quiet(page)
    page.keyboard.press("4")
    until(page, f"!p.seeking && Math.abs(p.currentTime - {0.4 * LENGTH}) < 0.2")
    page.keyboard.press("j")
    until(page, f"!p.seeking && Math.abs(p.currentTime - {0.4 * LENGTH - 10}) < 0.2")
    page.keyboard.press("l")
    page.keyboard.press("ArrowRight")
    until(page, f"!p.seeking && Math.abs(p.currentTime - {0.4 * LENGTH + 5}) < 0.2")
    for key, rate in ((">", 1.25), (">", 1.5), ("<", 1.25)):
        page.keyboard.press(key)
        assert of_player(page, "playbackRate") == rate
    page.keyboard.press("m")
    until(page, "!p.muted")
    page.keyboard.press("m")
    page.keyboard.press("Space")
    until(page, "!p.paused")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    page.keyboard.press("k")
    until(page, "p.paused")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator("#large")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("f")
    expect(page.locator("#large")).to_have_attribute("aria-pressed", "false")


def test_a_student_goes_on_where_one_stopped(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson())
    until(page, "p.readyState >= 2")
    page.keyboard.press("6")
    until(page, "!p.seeking && p.currentTime > 17")
    page.locator("#speed").select_option("2")
    page.goto(hall.lesson())
    until(page, f"p.readyState >= 2 && Math.abs(p.currentTime - {0.6 * LENGTH}) < 0.3")
    expect(page.locator("#resumed")).to_contain_text("0:18")
    assert of_player(page, "playbackRate") == 2
    quiet(page)
    page.get_by_role("button", name="Play from the beginning").click()
    until(page, "p.currentTime < 10 && !p.paused")
    page.goto(hall.lesson(query="?t=9"))  # an address says more than what was remembered
    until(page, "p.readyState >= 2 && Math.abs(p.currentTime - 9) < 0.3")


def test_chapters_show_their_slide_and_lead_there(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson())
    chapters = page.locator("#moments a")
    expect(chapters).to_have_text([re.compile(each) for each in ("Slide 1", "Slide 2", "تعريف", "Slide 3", "Slide 4")])
    expect(page.locator("#moments canvas")).to_have_count(5)
    drawn = "[...document.querySelectorAll('#moments canvas')].every(canvas => canvas.width === 320)"
    wait_until(lambda: page.evaluate(drawn), 20, "pictures of the chapters")
    quiet(page)
    chapters.nth(3).click()
    until(page, "p.currentTime >= 16 && p.currentTime < 22")
    expect(chapters.nth(3)).to_have_attribute("aria-current", "true")


def test_a_gap_is_told_while_it_lasts(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson(query=f"?t={GAP['at'] + 1}"))
    expect(page.locator(".told")).to_contain_text("Nothing of \u2068Front camera\u2069 here: the device went away.")
    page.locator(".choices").get_by_role("link", name="Slides", exact=True).click()
    expect(page.locator(".told")).to_be_hidden()


def test_one_picture_or_sound_alone_is_a_lesson_too(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson(hall.things.single))
    until(page, "p.readyState >= 2 && p.videoWidth > 0")
    expect(page.locator("#second")).to_be_hidden()
    expect(page.locator("#layout")).to_be_hidden()
    page.goto(hall.lesson(hall.things.sound))
    until(page, "p.readyState >= 2")
    quiet(page)
    page.locator("#play").click()
    until(page, "p.currentTime > 0.5")
    expect(page.locator(".heard-only")).to_be_visible()


def test_a_second_picture_that_cannot_be_had_costs_only_itself(
    enter: Callable[..., Page], hall: Hall, visits: Visits
) -> None:
    visits.expected.append("404")

    def lost(page: Page) -> None:
        page.route("**/files/front.mp4", lambda route: route.fulfill(status=404))

    page = enter(hall.lesson(), prepare=lost)
    expect(page.locator(".told")).to_contain_text("The second picture cannot be played here")
    quiet(page)
    page.locator("#play").click()
    until(page, "p.currentTime > 0.5")


VTT = "WEBVTT\n\n00:01.000 --> 00:20.000\nمرحبا <i>بكم</i>\n"


def test_captions_given_by_a_teacher_are_read_by_students(
    enter: Callable[..., Page], hall: Hall, tmp_path: Path
) -> None:
    file = tmp_path / "words.vtt"
    file.write_text(VTT)
    page = enter(hall.lesson(hall.things.single), role="teacher")
    page.get_by_text("Captions", exact=True).click()
    page.locator("#captions-language").select_option("ar")
    page.locator("#captions-file").set_input_files(file)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#spoken")).to_be_visible()
    page = enter(hall.lesson(hall.things.single, "?t=3"))
    until(page, "p.readyState >= 2")
    expect(page.locator("p.captions")).to_be_hidden()
    page.keyboard.press("c")
    expect(page.locator("p.captions")).to_have_text("مرحبا بكم")
    page.goto(hall.lesson(hall.things.single, "?t=4"))
    expect(page.locator("p.captions")).to_have_text("مرحبا بكم")
    page.locator("#spoken").click()
    expect(page.locator("p.captions")).to_be_hidden()


def test_what_is_no_captions_is_refused_in_a_sentence(
    enter: Callable[..., Page], hall: Hall, visits: Visits, tmp_path: Path
) -> None:
    visits.expected.append("400")
    file = tmp_path / "words.vtt"
    file.write_text("1\n00:00:01,000 --> 00:00:02,000\nsubrip\n")
    page = enter(hall.lesson(), role="teacher")
    page.get_by_text("Captions", exact=True).click()
    page.locator("#captions-file").set_input_files(file)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("The file is no WebVTT in UTF-8")).to_be_visible()


def test_a_lesson_is_withdrawn_and_published_again(enter: Callable[..., Page], hall: Hall, visits: Visits) -> None:
    visits.expected.append("404")
    lesson = hall.lesson(hall.things.sound)
    teacher = enter(lesson, role="teacher")
    teacher.get_by_role("button", name="Withdraw it").click()
    expect(teacher.locator(".publication")).to_have_text("Staff only: it was withdrawn")
    student = enter(lesson)
    expect(student.locator("h1")).to_have_text("No such lesson")
    teacher.goto(f"{hall.url}/lessons")
    expect(teacher.locator("tbody tr", has_text="Histoire")).to_contain_text("Withdrawn")
    teacher.goto(lesson)
    teacher.locator("#publish-at").fill("2050-01-01T08:00")
    teacher.get_by_role("button", name="Set").click()
    expect(teacher.locator(".publication")).to_contain_text("Staff only, until")
    expect(teacher.locator(".publication")).to_contain_text("2050")
    teacher.get_by_role("button", name="Publish it now").click()
    expect(teacher.locator(".publication")).to_have_text("Everybody of the institution")
    student.reload()
    expect(student.locator("h1")).to_have_text("Histoire")
    expect(student.get_by_role("button", name="Withdraw it")).to_have_count(0)


def test_what_a_teacher_cut_is_passed_over(enter: Callable[..., Page], hall: Hall) -> None:
    page = enter(hall.lesson(hall.things.single), role="teacher")
    page.get_by_text("Trim, cut and split").click()
    for row, (begin, end, title) in enumerate((("0:04", "0:06", "الجزء الأول"), ("0:20", "", "Suite"))):
        page.locator("[name=begins]").nth(row).fill(begin)
        page.locator("[name=ends]").nth(row).fill(end)
        page.locator("[name=titles]").nth(row).fill(title)
    page.locator("#place").focus()
    page.keyboard.press("9")
    until(page, "!p.seeking && p.currentTime > 26")  # while one edits, what was cut is played too
    page.locator(".here").nth(3).click()
    expect(page.locator("[name=ends]").nth(1)).to_have_value(f"0:{0.9 * LENGTH:.0f}")
    page.locator("#parts").get_by_role("button", name="Save").click()
    expect(page.locator("#moments a")).to_have_text([re.compile("الجزء الأول"), re.compile("Suite")])
    expect(page.get_by_text("Downloads are whole.")).to_be_visible()
    page = enter(hall.lesson(hall.things.single))
    until(page, "p.readyState >= 2 && Math.abs(p.currentTime - 4) < 0.1")
    quiet(page)
    page.locator("#play").click()
    until(page, "p.currentTime >= 20 && !p.paused")
    page.keyboard.press("3")  # into what was cut: to where it goes on
    until(page, "!p.seeking && p.currentTime >= 20")


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{fault['id']}: {fault['help']}" for fault in found if fault["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(
    ("language", "size", "theme"),
    [("ar", DESK, "light"), ("en", PHONE, "dark"), ("fr", PHONE, "light")],
    ids=["ar-desk", "en-phone-dark", "fr-phone"],
)
def test_the_player_is_open_to_everybody(
    enter: Callable[..., Page], hall: Hall, language: str, size: tuple[int, int], theme: str
) -> None:
    """No serious finding of axe, nothing that sticks out, and no knob too small for a finger."""
    page = enter(hall.lesson(), language=language, size=size, theme=theme, role="teacher")
    until(page, "p.readyState >= 2")
    expect(page.locator("#moments canvas").first).to_be_attached()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for knob in page.locator(".knob:visible, .levels a, .choices a:visible, #speed").all():
        box = knob.bounding_box()
        assert box is not None
        assert min(box["height"], box["width"]) >= 44, knob.get_attribute("id")
    page.locator("#help").click()
    assert faults(page) == []
    keys = page.get_by_role("dialog").bounding_box()
    assert keys is not None
    assert keys["x"] >= 0
    assert keys["x"] + keys["width"] <= size[0]
