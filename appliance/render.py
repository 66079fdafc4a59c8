"""Make what is still missing of a kept lesson's renditions: ``python -m appliance.render SPOOL LESSON DAEMON``.

A process of its own, at the lowest priority, which may be stopped or killed at any instant: a file takes its name only
when it is whole, and what a killed run left is removed by the next. It ends with the daemon that started it (DAEMON, a
process id). Exit 0 when all is settled; 1 and one sentence on standard error when it cannot be.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.spool import renditions
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger, LedgerUnreadable, assets_of
from media.lesson import BadLesson

if TYPE_CHECKING:
    from media.renditions.layout import Layout

NICE = 19
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""Number of the system call; glibc has no function for it."""
_WHO_PROCESS, _CLASS_IDLE, _CLASS_SHIFT = 1, 3, 13


class CannotGoOn(Exception):
    """One sentence."""


def main() -> int:
    root, lesson, daemon = sys.argv[1:]
    step_back()
    if os.getppid() != int(daemon):
        return 1  # it ended while we were being started
    try:
        run(Spool(Path(root)), lesson)
    except (CannotGoOn, OSError, BadLesson) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - the daemon reads it
        return 1
    return 0


def step_back() -> None:
    """Last in line for CPU and disk. The daemon has seen to it that this process ends with it."""
    os.nice(NICE)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, _WHO_PROCESS, 0, _CLASS_IDLE << _CLASS_SHIFT)


def run(spool: Spool, lesson_id: str) -> None:
    """Raises CannotGoOn, OSError, BadLesson."""
    lesson = spool.read_lesson(lesson_id)
    if lesson.state != "kept":
        raise CannotGoOn(f"Lesson {lesson_id} is not kept yet.")
    place = renditions.folder(spool, lesson_id)
    lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in place.glob(".*.part"):
            left.unlink()
        _Bench(spool, lesson_id, place).work()
    except BlockingIOError as error:
        raise CannotGoOn(f"Another process makes the small forms of lesson {lesson_id}.") from error
    finally:
        os.close(lock)


class _Bench:
    """One lesson on the workbench."""

    def __init__(self, spool: Spool, lesson_id: str, place: Path) -> None:
        self._spool, self._id, self._place = spool, lesson_id, place
        self._said: set[str] = set()

    def work(self) -> None:
        # Heavy imports, after this process has stepped back.
        from av.error import FFmpegError  # noqa: PLC0415

        from media.renditions.layout import CannotRender, lay_out  # noqa: PLC0415
        from media.renditions.stills import source_of_slides  # noqa: PLC0415

        lesson, folder = self._spool.read_lesson(self._id), self._spool.lesson_dir(self._id)
        if renditions.read(self._spool, self._id).complete:
            self._enter()
            return
        if lesson.takes and not any((folder / take.file).exists() for take in lesson.takes):
            raise CannotGoOn(f"The takes of lesson {self._id} are gone, so no small form can be made of them.")
        try:
            layout = lay_out(lesson, lambda take: folder / take.file)
            slides = source_of_slides(layout, self._say)
            self._first(layout, slides)
            self._second(layout, slides)
        except CannotRender as error:
            for kind in renditions.TIERS:
                renditions.settle(self._spool, self._id, kind, None)
            raise CannotGoOn(f"Lesson {self._id}: {error}") from error
        except FFmpegError as error:
            raise CannotGoOn(f"Lesson {self._id}: its small forms cannot be made ({error}).") from error

    def _first(self, layout: Layout, slides: str | None) -> None:
        """Poster and slidecast: made together, for both look at the same pictures."""
        from media.renditions.slidecast import make_slidecast  # noqa: PLC0415 - see work

        if {"poster", "slidecast"} <= set(renditions.read(self._spool, self._id).settled):
            return
        poster, slidecast = self._part("poster"), self._part("slidecast")
        has_poster = make_slidecast(layout, slides, slidecast, poster, self._say).poster
        renditions.settle(self._spool, self._id, "poster", poster if has_poster else None)
        renditions.settle(self._spool, self._id, "slidecast", slidecast)
        self._enter()

    def _second(self, layout: Layout, slides: str | None) -> None:
        from media.renditions.proxy import make_proxy  # noqa: PLC0415 - see work

        if "proxy" in renditions.read(self._spool, self._id).settled:
            return
        part = None if slides is None else self._part("proxy")
        if slides is not None and part is not None:
            make_proxy(layout, slides, part, self._say)
        renditions.settle(self._spool, self._id, "proxy", part)
        self._enter()

    def _part(self, kind: str) -> Path:
        return self._place / f".{renditions.NAMES[kind]}.part"

    def _enter(self) -> None:
        """Into the ledger, for the sync agent; one that cannot be used is made anew by the daemon, with these in it."""
        if not self._spool.ledger_file.exists():
            return
        try:
            with Ledger(self._spool.ledger_file) as ledger:
                ledger.add_assets(assets_of(self._spool, self._spool.read_lesson(self._id)))
        except (LedgerUnreadable, sqlite3.Error) as error:
            raise CannotGoOn(f"The ledger did not take the small forms of lesson {self._id}: {error}.") from error

    def _say(self, problem: str) -> None:
        """A take that cannot be used is a word in the log, not the end."""
        if problem not in self._said:
            self._said.add(problem)
            print(f"Lesson {self._id}: {problem}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
