"""The panel on the room's own screen: one browser on a compositor that shows one program, and an eye on both.

``python -m kiosk_ui.screen`` runs as darsbox-kiosk.service. That the programs live proves nothing: a page that crashed
leaves its browser standing there, and cage (0.1.4) waits for ever for a browser that it never began. So what counts is
that the page says to the room that it lives. When it has not for a while, though the room answers, all is ended, and
the service manager begins anew.

A screen whose graphics processor or driver cannot be used is drawn by the main processor, until the machine restarts.
The browser's own folder is emptied when no page came: a power cut may have spoilt it, and it holds nothing of worth.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

URL = "http://127.0.0.1:8400/"
FIRST, OFTEN = 120.0, 4
"""Seconds in which a slow PC with a cold disk has opened the page; twice as many after each time in which it has not,
so often: else a machine that is very busy would begin for ever, and be the busier for it."""
PATIENCE = 30.0
"""Seconds for which a page that has been there may be silent; it says something every five."""
LOOK = 2.0
ANSWER = 5.0
END = 5.0
CRASHES = frozenset({-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE})
"""Of cage: as drivers of graphics end programs."""
LOCKS = ("SingletonLock", "SingletonSocket", "SingletonCookie")
"""Of a browser in its folder, with the name of the machine: one that was given another name would never start again."""
BY_THE_PROCESSOR = {"WLR_RENDERER": "pixman"}
BROWSER = (
    # An app and not --kiosk: it leaves every key to the page (js/alone.js). Both together make Chromium 156 crash.
    "--start-maximized",
    "--ozone-platform=wayland",
    "--no-first-run",
    "--noerrdialogs",
    "--disable-session-crashed-bubble",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--password-store=basic",
    # The link belongs to the lessons; and an update of the browser comes from Debian.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The page says that it lives, also while the display is off.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


class Eye:
    """Whether the screen is dark. Pure: moments are monotonic seconds."""

    def __init__(self, began: float, first: float = FIRST) -> None:
        """first: seconds until the page must have come."""
        self._good = began
        self._first = first
        self.seen = False

    def dark(self, now: float, silent: float | None, *, answered: bool) -> bool:
        """silent: seconds since the page said something, None while it has not; answered: whether the room did, for
        its silence is not the screen's fault."""
        alive = answered and silent is not None and silent < PATIENCE
        self.seen = self.seen or alive
        if alive or not answered:
            self._good = now
        return now - self._good > (PATIENCE if self.seen else self._first)


def heard(url: str) -> tuple[float | None, bool]:
    """How long the page has been silent, and whether the room answered."""
    address = urlsplit(url)
    room = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER)
    try:
        room.request("GET", "/healthz")
        silent = json.load(room.getresponse())["page_silent"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return None, False
    finally:
        room.close()
    return silent, True


@dataclass(frozen=True, slots=True)
class Screen:
    """cage, browser: the programs; profile: the browser's folder; notes: a folder that is empty when the machine has
    started."""

    url: str
    cage: str
    browser: str
    profile: Path
    notes: Path

    def show(self) -> None:
        """Once, until it ends by itself or must be ended."""
        software, vain = self.notes / "software", self._vain()
        command = [self.cage, "-d", "--", self.browser, *BROWSER]
        command += [f"--user-data-dir={self.profile}", f"--app={self.url}"]
        for lock in LOCKS:
            (self.profile / lock).unlink(missing_ok=True)
        cage = subprocess.Popen(command, env={**os.environ, **(BY_THE_PROCESSOR if software.exists() else {})})
        eye = Eye(time.monotonic(), FIRST * 2 ** min(vain, OFTEN))
        try:
            graphics = self._watch(cage, eye)
        finally:
            _end(cage)
        self._tries.write_text(str(0 if eye.seen else vain + 1))
        if graphics and not software.exists():
            _say("The graphics of this machine cannot be used; until it restarts its processor draws the screen.")
            software.touch()
        elif not eye.seen:
            shutil.rmtree(self.profile, ignore_errors=True)

    @property
    def _tries(self) -> Path:
        return self.notes / "tries"

    def _vain(self) -> int:
        """How often in a row no page has come."""
        try:
            return int(self._tries.read_text())
        except (OSError, ValueError):
            return 0

    def _watch(self, cage: subprocess.Popen[bytes], eye: Eye) -> bool:
        """Until cage ends or the screen is dark; whether its graphics are to blame."""
        while True:
            try:
                code = cage.wait(LOOK)
            except subprocess.TimeoutExpired:
                silent, answered = heard(self.url)
                if not eye.dark(time.monotonic(), silent, answered=answered):
                    continue
                _say("The panel's page does not say that it lives; the screen begins anew.")
                return not eye.seen
            _say(f"The browser's screen has ended ({code}) and begins anew.")
            return code in CRASHES


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - what the service manager keeps


def main(arguments: Sequence[str]) -> int:
    """0 when it was told to end; otherwise 1, and the service manager starts it again."""
    parser = argparse.ArgumentParser(prog="python -m kiosk_ui.screen", description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=URL, help=f"of the room (default: {URL})")
    parser.add_argument("--cage", default="/usr/bin/cage")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    state = Path(os.environ.get("STATE_DIRECTORY", Path.home()))
    notes = Path(os.environ.get("RUNTIME_DIRECTORY", state))
    Screen(given.url, given.cage, given.browser, state / "chromium", notes).show()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
