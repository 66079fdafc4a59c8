"""A real room whose devices go bad: the panel must say so in time, take it back when mended, and else be quiet."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.peers.http import HTTP
from tests.peers.program import running, wait_until

ROOM = """
[room]
name = "Amphi A"
[[camera]]
id = "front"
driver = "sim"
fps = 5
{camera}
[[microphone]]
id = "lectern"
driver = "sim"
{microphone}
[recorder]
height = 240
fps = 5
"""
GOOD = 'scene = "speech"'
QUIET = frozenset({"all-well", "source-starting", "load-preview"})
"""What may be said while nothing is wrong with the devices; a machine that is busy with other tests says so."""


class Room:
    """A running daemon with one camera and one microphone."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def health(self) -> str:
        return str(HTTP.get(f"{self.url}/api/v1/status", timeout=20).json()["health"]["code"])

    def order(self, order: str) -> None:
        assert HTTP.post(f"{self.url}/api/v1/lesson/{order}", json={}, timeout=20).status_code == 200

    def quality(self) -> Any:
        return HTTP.get(f"{self.url}/api/v1/lessons", timeout=20).json()[-1]["quality"]

    def judge(self) -> psutil.Process | None:
        """The process that judges."""
        for child in psutil.Process(self.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # another child, ended while it was looked at
                if any("judge.process" in word for word in child.cmdline()):
                    return child
        return None


@contextmanager
def room(folder: Path, camera: str = "", microphone: str = GOOD) -> Iterator[Room]:
    (folder / "room.toml").write_text(ROOM.format(camera=camera, microphone=microphone))
    argv = [sys.executable, "-m", "appliance.cli", "run", "--config", str(folder / "room.toml")]
    log = folder / "room.log"
    argv += ["--spool", str(folder / "spool"), "--port", "0"]
    with running(argv, log, ready=lambda text: "The room is at http" in text) as process:
        url = log.read_text().split("The room is at ")[1].split("/ and")[0]
        yield Room(url, process.pid)


def seen(said: Room, wanted: Callable[[str], bool], seconds: float) -> set[str]:
    """Everything that the panel said until it said what was wanted."""
    codes: set[str] = set()

    def look() -> bool:
        code = said.health()
        codes.add(code)
        return wanted(code)

    try:
        wait_until(look, seconds, "the sentence")
    except TimeoutError as error:
        error.add_note(f"Until then the panel said {sorted(codes)}.")
        raise
    return codes


@pytest.mark.parametrize(
    ("fault", "code", "seconds"),
    [("black", "picture-black", 25), ("covered", "picture-covered", 25), ("frozen", "picture-frozen", 55)],
)
def test_a_picture_that_goes_bad_is_said_and_taken_back(tmp_path: Path, fault: str, code: str, seconds: float) -> None:
    camera = f'fault = "{fault}"\nfault_after = 12.0\nfault_seconds = {seconds + 7}'
    with room(tmp_path, camera) as here:
        here.order("start")
        codes = seen(here, lambda said: said == code, 12 + seconds)
        assert codes <= {code, *QUIET}
        seen(here, lambda said: said in QUIET, seconds + 60)  # the fault goes on after it was found
        here.order("stop")
        remarks = here.quality()["front"]  # two, where a busy machine left the judge out in between
        assert {remark["code"] for remark in remarks} == {code}
        assert all(5 < remark["from"] < remark["to"] for remark in remarks)


def test_a_muted_microphone_is_said(tmp_path: Path) -> None:
    with room(tmp_path, microphone='scene = "muted"') as here:
        here.order("start")
        seen(here, lambda said: said == "microphone-muted", 20)


def test_a_good_lesson_is_never_complained_of_and_a_killed_judge_comes_back(tmp_path: Path) -> None:
    with room(tmp_path) as here:
        here.order("start")
        wait_until(lambda: here.judge() is not None, 15, "a judge")
        first = here.judge()
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        codes: set[str] = set()
        until = time.monotonic() + 20
        wait_until(lambda: codes.add(here.health()) or time.monotonic() > until, 30, "the end")
        assert codes <= QUIET
        second = here.judge()
        assert second is not None
        assert second.pid != first.pid
        here.order("stop")
        assert here.quality() == {}


def test_who_teaches_while_nothing_records_is_asked(tmp_path: Path) -> None:
    from websockets.sync.client import connect

    with room(tmp_path) as here, connect(f"{here.url.replace('http', 'ws')}/api/v1/events"):
        seen(here, lambda said: said == "speech-unrecorded", 60)
        here.order("start")
        seen(here, lambda said: said == "all-well", 15)
