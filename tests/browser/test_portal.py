"""What an admin, a head of IT and a student see of the central server, in a real browser over the real server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.peers.central import Central
from tests.peers.furnished import ARABIC_TITLE, HTML_TITLE, LENGTH, PASSWORD, Furnished, furnished
from tests.peers.program import wait_until

PHONE = (390, 844)
DESK = (1920, 1080)
sizes = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
languages = pytest.mark.parametrize("language", ["en", "fr", "ar"])


@dataclass(frozen=True)
class Portal:
    url: str
    things: Furnished

    def lesson(self, name: str, query: str = "") -> str:
        return f"{self.url}/lessons/{self.things.lessons[name]}{query}"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    data = tmp_path_factory.mktemp("portal") / "server"
    things = furnished(data)
    with Central(data) as server:
        yield Portal(server.url, things)


@pytest.fixture(scope="module")
def sessions() -> dict[str, object]:
    """Cookies of those who logged in before: proving a password is slow, and meant to be."""
    return {}


@pytest.fixture
def enter(portal: Portal, visits: Visits, sessions: dict[str, object]) -> Callable[..., Page]:
    """Open a page as somebody who is logged in."""

    def open_page(
        path: str, *, name: str = "", language: str = "en", size: tuple[int, int] = DESK, **options: object
    ) -> Page:
        name = name or portal.things.admin
        url = path if path.startswith("http") else portal.url + path
        known = {"storage_state": sessions[name]} if name in sessions else {}
        page = visits.open(url, size=size, locale=language, **known, **options)
        if name not in sessions:
            page.locator("#name").fill(name)
            page.locator("#password").fill(PASSWORD)
            page.locator("button.main").click()
            page.wait_for_url(url)
            state = page.context.storage_state()
            sessions[name] = {**state, "cookies": [one for one in state["cookies"] if one["name"] != "lang"]}
        return page

    return open_page


def player(page: Page, condition: str) -> None:
    """Wait for something of the player, called ``p``. The page's policy forbids what wait_for_function does."""
    look = f"(() => {{ const p = document.getElementById('player'); return {condition}; }})()"
    wait_until(lambda: page.evaluate(look), 15, condition)


def fits(page: Page) -> bool:
    """Nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{fault['id']}: {fault['help']}" for fault in found if fault["impact"] in ("serious", "critical")]


# -- coming in -------------------------------------------------------------------------------------------


def test_a_wrong_password_is_one_sentence_and_a_right_one_leads_on(portal: Portal, visits: Visits) -> None:
    visits.expected.append("401")
    page = visits.open(portal.lesson("whole"))
    expect(page).to_have_title("Log in – Darsbox")
    page.locator("#name").fill(portal.things.student)
    page.locator("#password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong; try again.")
    expect(page.locator("#name")).to_have_value(portal.things.student)
    expect(page.locator("#password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Analyse II: suites et séries")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{portal.url}/login")
    page.goto(portal.lesson("whole"))
    expect(page.locator("h1")).to_have_text("Log in")


# -- the list --------------------------------------------------------------------------------------------


def test_the_table_narrows_while_one_types_and_the_address_follows(enter: Callable[..., Page]) -> None:
    page = enter("/lessons")
    expect(page.locator("tbody tr")).to_have_count(50)
    seen = page.locator("tbody tr").first.locator("img")
    wait_until(lambda: seen.evaluate("picture => picture.naturalWidth") == 320, 10, "the picture of a lesson")
    page.locator("#q").press_sequentially("thermo")
    expect(page.locator("tbody tr")).to_have_count(12)
    expect(page).to_have_url(re.compile(r"\?q=thermo$"))
    expect(page.locator("#q")).to_be_focused()
    page.locator("#room").select_option(label="Amphi B")
    expect(page.locator(".nothing")).to_contain_text("No lesson matches that.")
    page.get_by_role("link", name="Show all lessons").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older lessons").click()
    expect(page.locator("tbody tr")).to_have_count(16)
    page.get_by_role("link", name="Newest lessons").click()
    expect(page.locator("tbody tr").first).to_contain_text("Analyse II")


def test_on_a_phone_lessons_are_on_the_first_screen_and_the_filters_one_touch_away(enter: Callable[..., Page]) -> None:
    page = enter("/lessons", size=PHONE)
    expect(page.locator("tbody tr").nth(2)).to_be_in_viewport()
    expect(page.locator("#until")).to_be_hidden()
    page.get_by_label("Narrow the list").check()
    page.locator("#until").fill("2020-01-01")
    expect(page.locator(".nothing")).to_contain_text("No lesson matches that.")
    page.reload()
    expect(page.locator("#until")).to_have_value("2020-01-01")


def test_arabic_is_found_however_it_is_spelt(enter: Callable[..., Page]) -> None:
    page = enter("/lessons")
    page.locator("#q").fill("الاحصاء")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr bdi").first).to_have_text(ARABIC_TITLE)


def test_without_javascript_everything_still_works(enter: Callable[..., Page], portal: Portal) -> None:
    enter("/lessons")
    page = enter("/lessons", java_script_enabled=False)
    page.locator("#q").fill("Analyse")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Analyse II: suites et séries").click()
    expect(page.locator("video")).to_have_attribute("src", re.compile(r"front\.mp4$"))
    page.get_by_role("link", name="السبورة", exact=True).click()
    expect(page.locator("video")).to_have_attribute("src", re.compile(r"board\.mp4$"))
    page.locator(".moments a").first.click()
    expect(page.locator("video")).to_have_attribute("src", re.compile(r"board\.mp4#t=4\.0$"))
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{portal.url}/login")


def test_a_title_that_looks_like_html_is_text(enter: Callable[..., Page], portal: Portal) -> None:
    page = enter(portal.lesson("html"))
    expect(page.locator("h1")).to_have_text(HTML_TITLE)
    expect(page).to_have_title(f"{HTML_TITLE} – Darsbox")


# -- one lesson ------------------------------------------------------------------------------------------


def test_the_lesson_plays_and_keeps_its_place_from_source_to_source(enter: Callable[..., Page], portal: Portal) -> None:
    page = enter(portal.lesson("whole"))
    player(page, "p.readyState >= 2")
    assert abs(page.evaluate("document.getElementById('player').duration") - LENGTH) < 0.2
    page.evaluate("document.getElementById('player').muted = true")
    page.locator(".moments a", has_text="Exercice 3").click()
    player(page, "p.currentTime > 4.2")
    assert page.locator("#playhead").get_attribute("x1") != "0%"
    page.locator(".levels a", has_text="Sound only").click()
    player(page, "p.currentSrc.endsWith('lectern.m4a')")
    player(page, "p.currentTime > 4.2")
    expect(page.locator(".levels a", has_text="Sound only")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(r"source=lectern\.m4a"))
    page.reload()
    expect(page.locator("#player")).to_have_attribute("src", re.compile(r"lectern\.m4a$"))


def test_the_timeline_leads_to_its_moment_left_to_right_in_arabic_too(
    enter: Callable[..., Page], portal: Portal
) -> None:
    page = enter(portal.lesson("whole"), language="ar", size=PHONE)
    player(page, "p.readyState >= 2")
    line = page.locator("#timeline")
    box = line.bounding_box()
    assert box is not None
    line.click(position={"x": box["width"] * 0.8, "y": 44})
    player(page, "p.currentTime > 15.5")
    assert page.evaluate("document.getElementById('player').currentTime") < 18
    assert line.locator(".gap").count() == 2
    expect(page.locator(".moments").nth(1)).to_contain_text("توقف حاسوب القاعة")


def test_what_is_downloaded_is_what_was_made(enter: Callable[..., Page], portal: Portal, tmp_path: Path) -> None:
    page = enter(portal.lesson("whole"))
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile(r"Download [\d.]+ MB Front camera")).click()
    assert waiting.value.suggested_filename == "Analyse II suites et séries – front.mp4"
    waiting.value.save_as(tmp_path / "front.mp4")
    made = portal.things.front.read_bytes()
    assert (tmp_path / "front.mp4").read_bytes() == made
    page.get_by_text("SHA-256").click()
    sums = page.locator(".sums dl")
    expect(sums).to_contain_text(f"front.mp4{hashlib.sha256(made).hexdigest()}", use_inner_text=False)


def test_a_lesson_that_cannot_be_played_says_why(enter: Callable[..., Page], portal: Portal) -> None:
    page = enter(portal.lesson("failed"))
    expect(page.locator(".no-picture")).to_contain_text("Everything that arrived is kept")
    expect(page.locator(".originals a")).to_be_visible()


# -- rooms -----------------------------------------------------------------------------------------------


def test_the_rooms_that_need_help_come_first(enter: Callable[..., Page]) -> None:
    page = enter("/rooms")
    expect(page.locator(".rooms .name a, .well .name a")).to_have_text(
        ["Salle 7", "Amphi B", "Salle 12", "قاعة المحاضرات الكبرى", "Amphi A"]
    )
    expect(page.locator(".rooms .sentence").nth(2)).to_have_text(
        "Silent for 5 days. Ask there whether it was switched off."
    )


def test_a_student_finds_no_rooms_and_nothing_unfinished(
    enter: Callable[..., Page], portal: Portal, visits: Visits
) -> None:
    visits.expected += ["403", "404"]
    page = enter("/lessons", name=portal.things.student)
    expect(page.get_by_role("link", name="Rooms")).to_have_count(0)
    expect(page.get_by_text(ARABIC_TITLE)).to_have_count(0)
    page.goto(portal.lesson("receiving"))
    expect(page.locator("h1")).to_have_text("No such lesson")
    page.goto(f"{portal.url}/rooms")
    expect(page.locator("h1")).to_have_text("Not open to you")


# -- every page ------------------------------------------------------------------------------------------


PAGES = ("/lessons", "/lessons?q=zzzz", "/rooms", "/people", "/courses/1")
LESSONS = ("whole", "receiving", "failed", "html", "untitled")


@sizes
@languages
def test_nothing_sticks_out_of_any_page(
    enter: Callable[..., Page], portal: Portal, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    page = enter("/lessons", language=language, size=size)
    assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    for address in (*(portal.url + path for path in PAGES), *map(portal.lesson, LESSONS)):
        page.goto(address)
        assert fits(page), address
    assert fits(visits.open(f"{portal.url}/login", size=size, locale=language))


@pytest.mark.parametrize(("language", "size"), [("en", DESK), ("ar", PHONE)], ids=["desk", "phone"])
def test_every_page_is_open_to_everybody(
    enter: Callable[..., Page], portal: Portal, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    page = enter("/lessons?q=chimie", language=language, size=size)
    others = [f"{portal.url}{path}" for path in ("/rooms", "/people", "/people/2", "/courses", "/courses/1", "/trash")]
    for address in (*others, portal.lesson("whole"), portal.lesson("failed")):
        assert faults(page) == [], page.url
        page.goto(address)
    assert faults(page) == []
    assert faults(visits.open(f"{portal.url}/login", size=size, locale=language)) == []


@pytest.mark.parametrize(("language", "size"), [("en", DESK), ("ar", PHONE)], ids=["desk", "phone"])
def test_a_readers_eye_finds_a_teachers_card_on_its_page(
    enter: Callable[..., Page], portal: Portal, language: str, size: tuple[int, int]
) -> None:
    """Made by an admin for somebody new, and looked at as it stands on the screen."""
    page = enter("/people", language=language, size=size)
    answer = page.request.post(
        f"{portal.url}/people",
        form={"name": f"teacher-{language}", "full_name": "Fatou Ndiaye", "role": "teacher", "password": PASSWORD}
        | {"institution": "Université de Nouakchott"},
    )
    page.goto(answer.url)
    page.locator("form[action$='/card'] button").click()
    shown = page.locator(".qr")
    expect(shown).to_be_visible()
    assert fits(page)
    assert faults(page) == []
    picture = cv2.imdecode(np.frombuffer(shown.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    read, *_ = cv2.QRCodeDetector().detectAndDecode(picture)
    assert read.isdigit()
    assert read == page.locator(".qr + p").inner_text().replace(" ", "")


def test_the_dark_theme_is_as_readable(enter: Callable[..., Page], portal: Portal) -> None:
    page = enter(portal.lesson("whole"), theme="dark")
    assert faults(page) == []


def test_the_language_of_ones_choice_stays(enter: Callable[..., Page]) -> None:
    page = enter("/lessons", language="fr")
    expect(page.locator("h1")).to_have_text("Cours")
    page.get_by_role("link", name="العربية", exact=True).click()
    expect(page.locator("h1")).to_have_text("الدروس")
    page.get_by_role("link", name="القاعات", exact=True).click()
    expect(page.locator("h1")).to_have_text("القاعات")


@sizes
def test_a_finger_can_hit_what_it_must(enter: Callable[..., Page], portal: Portal, size: tuple[int, int]) -> None:
    page = enter(portal.lesson("whole"), size=size)
    player(page, "p.readyState >= 2")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for link in page.locator("button:visible, .button, .choices a:visible, .moments a, .places a").all():
        box = link.bounding_box()
        assert box is not None, link
        assert box["height"] >= 44, link.inner_text()


def test_the_keyboard_reaches_the_content_first(enter: Callable[..., Page]) -> None:
    page = enter("/lessons")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))
