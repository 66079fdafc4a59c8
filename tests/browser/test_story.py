"""The whole story in a real browser, with real processes behind: start on the panel, teach, stop, log in on the portal,
play, download; what was downloaded is what the spool had hashed.

If this fails, the product does not do its main job for a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from media.lesson import Lesson
from tests.browser.conftest import Visits
from tests.measure import decode_errors, vcl_hashes
from tests.peers.chromium import CHROMIUM, chromium
from tests.system.deployment import ADMIN, PASSWORD, Room, Server, closing_all

SIMULATED = """
[recorder]
renditions = false
height = 360

[[camera]]
id = "teacher"
label = "Teacher"
driver = "sim"
scene = "teacher"

[[camera]]
id = "slides"
label = "Slides"
driver = "sim"
scene = "slides"

[[microphone]]
id = "lectern"
label = "Lectern microphone"
driver = "sim"
"""
WORDS = {
    "en": {"start": "Start", "stop": "Stop", "mark": "Mark this moment", "login": "Log in", "title": "Newton's laws"},
    "ar": {
        "start": "ابدأ",
        "stop": "إنهاء",
        "mark": "ضع علامة هنا",
        "login": "تسجيل الدخول",
        "title": "قوانين نيوتن",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """With all that people have around the page."""
    with chromium(CHROMIUM) as running:
        yield running


def hold(page: Page, name: str, seconds: float) -> None:
    box = page.get_by_role("button", name=name).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(seconds * 1000)
    page.mouse.up()


def teach(page: Page, room: Room, words: dict[str, str]) -> None:
    """What a teacher does at the panel."""
    page.get_by_role("textbox").fill(words["title"])
    page.get_by_role("button", name=words["start"]).click()
    expect(page.locator("html")).to_have_attribute("data-mode", "recording", timeout=15_000)
    room.wait_recording("teacher", "slides", "lectern")
    room.wait_elapsed(5)
    page.get_by_role("button", name=words["mark"]).click()
    room.wait_elapsed(8)
    living(page)
    hold(page, words["stop"], 1.3)
    expect(page.locator("html")).to_have_attribute("data-mode", "ended", timeout=15_000)
    page.wait_for_timeout(750)  # a tap right after the buttons changed is taken for a trembling finger
    page.locator(".next").click()
    expect(page.locator("html")).to_have_attribute("data-mode", "ready", timeout=15_000)


def living(page: Page) -> None:
    """Every picture on the panel is a picture."""
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('img, canvas')];"
        " return all.length >= 2 && all.every(one => (one.naturalWidth ?? one.width) > 0); }"
    )


def play(page: Page) -> None:
    """The portal's player really plays, with sound in it."""
    page.wait_for_url("**/lessons/*")
    page.wait_for_load_state()  # its scripts have chosen the file
    page.locator("#player").evaluate("player => { player.muted = true; return player.play(); }")
    page.wait_for_function("() => document.querySelector('#player').currentTime > 1.5")
    assert page.locator("#player").evaluate("player => player.webkitAudioDecodedByteCount") > 0
    assert page.locator("#player").evaluate("player => player.webkitDecodedFrameCount") > 10


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_lesson_from_the_first_touch_to_the_downloaded_file(visits: Visits, tmp_path: Path, language: str) -> None:
    words = WORDS[language]
    server = Server(tmp_path)
    room = Room(tmp_path, SIMULATED)
    room.language(language)
    with closing_all(room, server):
        server.start()
        server.enrol(room)
        room.start()
        room.agent.start()
        panel = visits.open(room.url)
        expect(panel.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
        expect(panel.locator("html")).to_have_attribute("data-mode", "ready", timeout=15_000)
        teach(panel, room, words)
        panel.close()
        lesson = room.only_lesson()
        room.wait_receipted()
        server.wait_ready(str(lesson["id"]))

        portal = visits.open(f"{server.url}/login?lang={language}", accept_downloads=True)
        portal.locator("#name").fill(ADMIN)
        portal.locator("#password").fill(PASSWORD)
        portal.get_by_role("button", name=words["login"]).click()
        portal.get_by_role("link", name=words["title"]).click()
        play(portal)
        with portal.expect_download() as arriving:
            portal.locator('a.file[href*="teacher.mp4"]').click()
        downloaded = tmp_path / "downloaded.mp4"
        arriving.value.save_as(downloaded)

        stored = {item["name"]: item for item in server.get(f"/lessons/{lesson['id']}")["files"]}
        assert hashlib.sha256(downloaded.read_bytes()).hexdigest() == stored["teacher.mp4"]["sha256"]
        assert decode_errors(downloaded) == ""
        kept = Lesson.from_json((room.spool / "lessons" / str(lesson["id"]) / "lesson.json").read_bytes())
        assert kept.title == words["title"]
        assert len(kept.marks) == 1
        taken = [
            picture
            for take in kept.takes_of("teacher")
            for picture in vcl_hashes(room.spool / "lessons" / kept.id / take.file)
        ]
        assert vcl_hashes(downloaded) == taken
        for take in kept.takes:
            file = room.spool / "lessons" / kept.id / take.file
            assert hashlib.sha256(file.read_bytes()).hexdigest() == take.sha256
            assert any(item["sha256"] == take.sha256 for item in stored.values())
