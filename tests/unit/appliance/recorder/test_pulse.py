"""A daemon that no longer hears its keepers would show a teacher what is not true: it must be started anew. One that
sees a fault must not: nothing would be mended, and the panel would be gone."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.recorder import pulse
from appliance.recorder.pulse import Heard, Pulse


class Lesson:
    """Two sources: what reaches the disk, and what the daemon hears of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: dict[str, float | None] = {"front": None, "lectern": None}
        for source in self.last:
            (folder / source).mkdir(parents=True)

    def fragment(self, source: str, *, heard: bool = True) -> None:
        with (self.folder / source / "take-001.journal").open("a") as journal:
            journal.write("a line a fragment\n")
        if heard:
            self.last[source] = (self.last[source] or 0.0) + 0.5

    def said(self) -> Heard:
        return Heard(self.folder, dict(self.last))


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    return Lesson(tmp_path / "lesson")


def looks(heard: Callable[[], Heard | None], *between: Callable[[], object]) -> list[bool]:
    """What each look says; between them, this happens."""

    async def look() -> list[bool]:
        watched = Pulse(heard)
        answers = [await watched.beats()]
        for happens in between:
            happens()
            answers.append(await watched.beats())
        return answers

    return asyncio.run(look())


def test_a_daemon_that_hears_what_is_recorded_lives(lesson: Lesson) -> None:
    def both() -> None:
        lesson.fragment("front")
        lesson.fragment("lectern")

    assert looks(lesson.said, both, both, both) == [True] * 4


def test_a_daemon_that_is_deaf_to_one_source_is_started_anew(lesson: Lesson) -> None:
    def deaf() -> None:
        lesson.fragment("front")
        lesson.fragment("lectern", heard=False)

    assert looks(lesson.said, deaf, deaf) == [True, True, False]


def test_one_look_between_a_fragment_and_its_word_is_no_deafness(lesson: Lesson) -> None:
    def late() -> None:
        lesson.fragment("front", heard=False)

    def on_time() -> None:
        lesson.fragment("front")

    assert looks(lesson.said, late, on_time, late, on_time) == [True] * 5


def test_a_source_of_which_nothing_reaches_the_disk_is_no_reason(lesson: Lesson) -> None:
    lesson.fragment("front")
    assert looks(lesson.said, lambda: None, lambda: None, lambda: None) == [True] * 4


def test_an_idle_room_lives() -> None:
    assert looks(lambda: None, lambda: None) == [True, True]


def test_a_disk_that_hangs_is_no_reason(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another daemon would hang on it as well, and there would be no panel that says so."""
    monkeypatch.setattr(pulse, "PATIENCE", 0.01)
    hangs = lesson.folder / "front" / "take-001.journal"
    hangs.touch()
    stuck = threading.Event()
    looked = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self == hangs:
            stuck.wait()
        return looked(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)

    async def look() -> list[bool]:
        watched = Pulse(lesson.said)
        answers = [await watched.beats() for _ in range(3)]
        stuck.set()
        return answers

    assert asyncio.run(look()) == [True] * 3
