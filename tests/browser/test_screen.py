"""The panel on the room's own screen, with nobody there who could help it: real browsers, a real compositor, a real
daemon. If these fail a teacher stands before a black screen, or before a browser that a student has opened over it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from kiosk_ui.screen import BROWSER
from tests.peers.chromium import CHROMIUM
from tests.peers.http import HTTP
from tests.peers.program import stop, wait_until
from tests.peers.xserver import xserver
from tests.system.deployment import Room, closing_all, one_camera

PROJECT = Path(__file__).resolve().parents[2]
QUICK = """
import sys
from kiosk_ui import screen
screen.FIRST, screen.PATIENCE, screen.LOOK = 30.0, 8.0, 0.2
sys.exit(screen.main(sys.argv[1:]))
"""
"""The program, less patient: a page says every five seconds that it lives."""
KEYS = (
    "ctrl+n ctrl+t ctrl+shift+n ctrl+w ctrl+shift+t ctrl+o ctrl+p ctrl+s ctrl+u ctrl+h ctrl+j ctrl+l ctrl+d ctrl+f "
    "ctrl+q ctrl+shift+w ctrl+shift+q ctrl+shift+i ctrl+shift+c ctrl+shift+Delete ctrl+F4 shift+Escape alt+d alt+f "
    "alt+Home alt+Left alt+F4 F1 F3 F6 F7 F10 F11 F12 XF86HomePage XF86Search XF86Mail Menu super+n"
)


@dataclass
class Home:
    """A folder for whom cage and Chromium run as: they refuse to be root."""

    folder: Path

    def __post_init__(self) -> None:
        self.run = self.folder / "run"
        for folder in (self.folder, self.run, self.profile):
            folder.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(folder, "nobody", "nogroup")
        self.folder.chmod(0o755)

    @property
    def profile(self) -> Path:
        return self.folder / "chromium"

    def command(self, program: str) -> Path:
        """It, as a user who may."""
        file = self.folder / f"may-{Path(program).name}"
        become = "setpriv --reuid=nobody --regid=nogroup --clear-groups " if os.geteuid() == 0 else ""
        file.write_text(f'#!/bin/sh\nHOME={self.folder} TMPDIR={self.run} exec {become}{program} "$@"\n')
        file.chmod(0o755)
        return file

    def pages(self) -> list[dict[str, Any]]:
        """What the browser shows, by its own word; empty while it does not answer."""
        try:
            return list(HTTP.get(f"{self.address}/json/list").json())
        except OSError:
            return []

    @property
    def address(self) -> str:
        """Of the browser, for programs. Raises FileNotFoundError before it listens."""
        return f"http://127.0.0.1:{(self.profile / 'DevToolsActivePort').read_text().split()[0]}"


@pytest.fixture
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="screen-") as folder:
        yield Home(Path(folder))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, one_camera())
    with closing_all(room):
        room.start()
        yield room


@contextmanager
def screen(room: Room, home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Drawn by the processor: there is no other here."""
    (home.folder / "software").touch()
    env = {
        **os.environ,
        "XDG_RUNTIME_DIR": str(home.run),
        "WLR_BACKENDS": "headless",
        "WLR_LIBINPUT_NO_DEVICES": "1",
        "STATE_DIRECTORY": str(home.folder),
        "RUNTIME_DIRECTORY": str(home.folder),
    }
    command = [sys.executable, "-c", QUICK, "--url", f"{room.url}/", "--cage", str(home.command("cage"))]
    with (home.folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        stop(process, 10)


def alive(room: Room) -> bool:
    silent = HTTP.get(f"{room.url}/healthz").json()["page_silent"]
    return silent is not None and silent < 5


def test_a_page_that_dies_is_shown_again_and_told_to_end_all_ends(room: Room, home: Home) -> None:
    (home.profile / "SingletonLock").symlink_to("another-name-1234")  # from before the machine was given its name
    with screen(room, home) as process:
        wait_until(lambda: alive(room), 30, "a page that lives")
        drawing = renderers(process.pid)
        assert drawing
        for renderer in drawing:
            os.kill(renderer, signal.SIGKILL)
        assert process.wait(40) == 1
    wait_until(lambda: left(home) == "", 10, "the end of the browser")
    with screen(room, home) as process:
        wait_until(lambda: alive(room), 30, "a page that lives again")
        process.terminate()
        assert process.wait(15) == 0
    wait_until(lambda: left(home) == "", 10, "the end of the browser")


def renderers(pid: int) -> list[int]:
    """Of the processes that it began, those that draw pages."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    mine = [child for child in children if b"--type=renderer" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return [*mine, *(found for child in children for found in renderers(child))]


def left(home: Home) -> str:
    """The processes of this browser that there still are."""
    return subprocess.run(["pgrep", "-af", str(home.profile)], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("end", ["kill -SEGV $$", "sleep 60"])
def test_graphics_that_do_not_work_are_left_alone_until_the_machine_restarts(room: Room, home: Home, end: str) -> None:
    """As a driver does that ends the compositor, and as a compositor does that waits for a browser it never began."""
    cage, said = home.folder / "cage", home.folder / "said"
    cage.write_text(f'#!/bin/sh\necho "${{WLR_RENDERER:-gpu}}" >> {said}\n{end}\n')
    cage.chmod(0o755)
    quick = QUICK.replace("30.0", "1.0")
    spoilt = home.profile / "Preferences"
    spoilt.touch()
    for _ in range(2):
        assert spoilt.exists()  # the graphics are tried first, then the browser's folder
        done = subprocess.run(
            [sys.executable, "-c", quick, "--url", f"{room.url}/", "--cage", str(cage)],
            cwd=PROJECT,
            env={**os.environ, "STATE_DIRECTORY": str(home.folder), "RUNTIME_DIRECTORY": str(home.folder)},
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
    assert said.read_text().split() == ["gpu", "pixman"]
    assert not spoilt.exists()
    assert (home.folder / "tries").read_text() == "2", "so that the next is given four times as long"


def test_no_key_opens_a_window_over_the_panel_or_closes_it(room: Room, home: Home) -> None:
    """On an X server, to which keys can be given."""
    words = [word for word in BROWSER if "wayland" not in word]
    command = [str(home.command(CHROMIUM)), *words, f"--user-data-dir={home.profile}", "--remote-debugging-port=0"]
    with xserver("1280x800") as display:
        env = {**os.environ, "DISPLAY": display}
        browser = subprocess.Popen(
            [*command, f"--app={room.url}/"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: alive(room), 30, "a page that lives")
            (before,) = home.pages()
            for key in KEYS.split():
                subprocess.run(["xdotool", "key", key], env=env, check=True)
            for touch in ("mousemove 500 300 click 3 click 2", "keydown ctrl click 4 click 4 keyup ctrl"):
                subprocess.run(["xdotool", *touch.split()], env=env, check=True)
            assert [page["id"] for page in home.pages()] == [before["id"]]
            assert browser.poll() is None
            with sync_playwright() as playwright:
                (page,) = playwright.chromium.connect_over_cdp(home.address).contexts[0].pages
                page.locator("#title").focus()
                for order in (["key", "ctrl+a"], ["type", "Sums"], ["key", "ctrl+shift+Left"]):
                    subprocess.run(["xdotool", *order], env=env, check=True)
                expect(page.locator("#title")).to_have_value("Sums")  # and no menu has taken the keys
                assert page.evaluate("devicePixelRatio") == 1
                wait_until(lambda: page.evaluate("getSelection().toString()") == "Sums", 10, "a selection by keys")
        finally:
            stop(browser)
