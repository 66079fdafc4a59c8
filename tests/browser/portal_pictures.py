"""Pictures of a lesson in the portal for docs/watching.md: ``python -m tests.browser.portal_pictures [FOLDER]``.

Without an argument into ``docs/images``. A real room records its simulated teacher and slides for half a minute, and
sends them to a real server.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.pictures import save
from tests.peers.chromium import chromium
from tests.peers.http import HTTP
from tests.peers.program import wait_until
from tests.system.deployment import ADMIN, PASSWORD, Room, Server, closing_all

DEVICES = """
[[camera]]
id = "front"
driver = "sim"
scene = "teacher"
label = "Teacher"

[[camera]]
id = "slides"
driver = "sim"
scene = "slides"
label = "Slides"

[[microphone]]
id = "lectern"
driver = "sim"
"""
SECONDS = 25
PATIENCE = 300
"""Seconds for the small forms, which are made at the lowest priority."""
PICTURES = {
    "portal": ("en", (1280, 800), "Newton's second law"),
    "portal-phone-ar": ("ar", (390, 844), "قانون نيوتن الثاني"),
}


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        room, server = Room(Path(place), DEVICES, renditions=True), Server(Path(place))
        with closing_all(room, server):
            lesson = recorded(room, server)
            with chromium() as browser:
                for name, (language, size, title) in PICTURES.items():
                    bearer = {"Authorization": f"Bearer {server.token}"}
                    HTTP.patch(f"{server.url}/api/v1/lessons/{lesson}", headers=bearer, json={"title": title})
                    save(shown(browser, f"{server.url}/lessons/{lesson}", language, size), folder / f"{name}.png")


def recorded(room: Room, server: Server) -> str:
    """A lesson with all that a page can show of it; its id."""
    room.start()
    server.start()
    server.enrol(room)
    room.agent.start()
    room.touch("start", title="Newton's second law")
    room.wait_elapsed(SECONDS)
    room.touch("stop")
    room.wait_state("ready")
    lesson = str(room.only_lesson()["id"])
    server.wait_ready(lesson, PATIENCE)
    whole = {"slidecast", "proxy", "composed", "poster"}
    wait_until(
        lambda: whole <= {file["kind"] for file in server.get(f"/lessons/{lesson}")["files"]}, PATIENCE, "small forms"
    )
    return lesson


def shown(browser: Browser, url: str, language: str, size: tuple[int, int]) -> bytes:
    """The lesson's page in its middle, as PNG."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, locale=language)
    page.goto(url)
    page.locator("#name").fill(ADMIN)
    page.locator("#password").fill(PASSWORD)
    page.locator("button.main").click()
    page.wait_for_url(url)
    look = "(() => { const p = document.getElementById('player'); return p.readyState >= 2 && !p.seeking; })()"
    page.locator("#play").click()
    wait_until(lambda: page.evaluate(look), 20, "the film")
    page.keyboard.press("5")
    page.keyboard.press("k")
    wait_until(lambda: page.evaluate(look), 20, "its middle")
    page.mouse.move(1, 1)
    picture = page.screenshot()
    page.close()
    return picture


if __name__ == "__main__":
    _, *given = sys.argv
    main(Path(given[0]) if given else Path("docs/images"))
