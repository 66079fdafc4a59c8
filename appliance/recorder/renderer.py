"""Has the small forms of kept lessons made while nothing is recorded: one lesson at a time, the oldest first.

The work is done by ``python -m appliance.render``, which is stopped (SIGSTOP) before a device is opened and goes on
when the devices are free again; a daemon that ends takes it along, and its successor begins that file anew. Its
failures are a sentence in the log: no take and no recording depends on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable

from appliance.recorder.pipes import as_a_guest, put_down
from appliance.spool import renditions
from appliance.spool.layout import Spool
from media.lesson import BadLesson

log = logging.getLogger(__name__)

TRIES = 3
"""Times that a lesson is begun whose renderer was killed; more in a row are no accident."""


class Renderer:
    """busy: whether devices are being recorded. Its methods belong to the event loop's thread."""

    def __init__(self, spool: Spool, busy: Callable[[], bool]) -> None:
        self._spool = spool
        self._busy = busy
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._lesson: str | None = None
        self._tried: Counter[str] = Counter()
        self._through: set[str] = set()
        """Lessons of which nothing more can be made, or with which we have given up until the next start."""

    def making(self) -> tuple[str, int, int] | None:
        """The lesson whose small forms are made this moment, by a process that is not stopped: how many are settled, of
        how many."""
        process = self._process
        if self._lesson is None or process is None or process.returncode is not None or self._busy():
            return None
        return self._lesson, len(renditions.read(self._spool, self._lesson).settled), len(renditions.TIERS)

    def make_way(self) -> None:
        """Devices are about to be opened: from now on not a moment of CPU."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The devices are free again, or a lesson was kept."""
        if not self._busy():
            self._signal(signal.SIGCONT)
            self._news.set()

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled. ready: set when the recorder has recovered what a crash left."""
        await ready.wait()
        while True:
            self._news.clear()
            lesson = None if self._busy() else await asyncio.to_thread(self._next)
            if lesson is None or self._busy():
                await self._news.wait()
                continue
            await self._make(lesson)

    def _next(self) -> str | None:
        """The oldest kept lesson that is not settled."""
        for lesson in self._spool.lesson_ids():
            if lesson in self._through:
                continue
            try:
                if renditions.read(self._spool, lesson).complete:
                    self._through.add(lesson)
                elif self._spool.read_lesson(lesson).state == "kept":
                    return lesson
            except (OSError, BadLesson):
                continue  # salvage deals with it and says so
        return None

    async def _make(self, lesson: str) -> None:
        command = (sys.executable, "-m", "appliance.render", str(self._spool.root), lesson, str(os.getpid()))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # Before the program begins: stopped at its first step, it would outlive a killed daemon.
                preexec_fn=as_a_guest,
            )
        except OSError as error:
            self._through.add(lesson)
            log.error("The small forms of lesson %s cannot be made: %s.", lesson, error.strerror)
            return
        self._lesson = lesson
        if self._busy():  # a touch on Start while it was being started
            self.make_way()
        try:
            _, said = await self._process.communicate()
            self._judge(lesson, self._process.returncode or 0, said.decode(errors="replace").strip())
        finally:
            await put_down(self._process)
            self._process = None

    def _judge(self, lesson: str, code: int, said: str) -> None:
        lines = said.splitlines() or [f"The small forms of lesson {lesson} cannot be made (exit {code})."]
        if code == 0:
            if said:
                log.warning("%s", said)
            self._through.add(lesson)
            log.info("The small forms of lesson %s are made.", lesson)
        elif code < 0 and self._tried[lesson] < TRIES - 1:
            self._tried[lesson] += 1
            log.warning("What made the small forms of lesson %s was killed; it begins again.", lesson)
        else:
            self._through.add(lesson)
            log.error("%s", lines[-1])

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
