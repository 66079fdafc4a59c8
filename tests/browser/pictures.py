"""Pictures of the panel's screens for docs/panel.md: ``python -m tests.browser.pictures [FOLDER] [LANGUAGE …]``.

Without arguments English and Arabic into ``docs/images``. The room behind them is the stand-in of the tests.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.browser.desk_peer import PIN
from tests.browser.gallery.serve import URL, hang
from tests.browser.room_peer import STARTED, RoomPeer, Status, furnished, kept, paused, planned, ready, recording
from tests.browser.test_kiosk_fit import troubled, unable
from tests.peers.chromium import chromium

SIZE = {"width": 1280, "height": 800}
WIDTH = 800
"""Pixels of a picture in the documents."""
COLOURS = 64


def tried(**wrong: str) -> Status:
    """A room whose test before class has found this wrong, by source."""
    (source, verdict), *_ = wrong.items()
    facts = {"at": STARTED, "verdict": verdict, "source": source}
    health = {"code": "selftest", "level": "warning", "facts": facts}
    return ready() | {"selftest": {"at": STARTED, "sources": 3, "wrong": wrong}, "health": health}


SCREENS: dict[str, Status] = {
    "ready": planned(furnished(ready())),
    "recording": recording(),
    "trouble": troubled(),
    "paused": paused(),
    "ended": paused() | {"state": "stopping", "undo_seconds": 28},
    "kept": kept(),
    "cannot-record": unable(),
    "room": furnished(recording()),
    "test": tried(lectern="microphone-silent"),
    "who": ready() | {"who": {"name": ""}},
    "technicians": ready() | {"who": {"name": ""}},
    "keyboard": ready(),
    "setup": ready() | {"first_boot": True},
}
SHEETS = {"room": "equipment", "test": "rehearsal"}
"""What is opened on a screen."""
BEHIND = {"who", "technicians"}


def main(folder: Path, languages: list[str]) -> None:
    room = RoomPeer(ready())
    room.start()
    try:
        with chromium() as browser:
            page = browser.new_page(viewport=SIZE)
            page.clock.set_fixed_time("2026-11-21T10:02:00Z")
            for language in languages:
                for screen in SCREENS:
                    show(room, page, screen, language)
                    save(page.screenshot(), folder / f"panel-{language}-{screen}.png")
            hang(page)
            for language in languages:
                page.goto(f"{URL}?language={language}")
                page.locator("html[data-made]").wait_for()
                save(page.screenshot(full_page=True), folder / f"panel-{language}-components.png")
    finally:
        room.stop()


def save(png: bytes, file: Path) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((WIDTH, picture.height), Image.Resampling.LANCZOS)
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def show(room: RoomPeer, page: Page, screen: str, language: str) -> None:
    status = SCREENS[screen]
    room.setup |= {"language": language, "name": status["room"]["name"]}
    spoken = {"room": status["room"] | {"language": language}}
    # Whether a lesson is kept is known to a page that has seen its end.
    room.show(recording() | spoken if screen == "kept" else status | spoken)
    page.goto(room.url)
    if screen == "kept":
        room.show(status | spoken)
    idle = dict.fromkeys((*BEHIND, "keyboard", "test", "setup"), "ready")
    seen = {"trouble": "recording", "room": "recording", **idle}.get(screen, screen)
    page.locator(f"html[data-mode={seen}][lang={language}]").wait_for()
    if screen == "setup":
        page.locator(".setup-tile source-picture[data-live]").first.wait_for()
        return
    if status["sources"]:
        page.locator("source-picture[data-live]").nth(0 if screen == "trouble" else 1).wait_for()
    if screen in SHEETS:
        page.locator(f"[aria-controls={SHEETS[screen]}]").click()
        room.show(status | spoken)  # a test that was asked for is done
        page.locator(f"#{SHEETS[screen]} :is(img, li)").first.wait_for()
    if screen == "keyboard":
        page.locator("#title").click()
    if screen in BEHIND:
        page.locator(".desk-tool").click()
    if screen == "technicians":
        page.locator(".desk-more button").last.click()
        page.locator(".pin-field").fill(PIN)
        page.keyboard.press("Enter")
        page.locator(".it-log li").first.wait_for()


if __name__ == "__main__":
    _, *given = sys.argv
    main(Path(given[0]) if given else Path("docs/images"), given[1:] or ["en", "ar"])
