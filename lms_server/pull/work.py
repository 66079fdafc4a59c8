"""The pulling itself: lesson after lesson, file after file. What concerns one file does not keep the others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import folder as folders
from . import names
from .client import Lesson, Server
from .errors import FileProblem, NoSuchLesson, NotReady, PullError, Stopped
from .fetch import Watcher, fetch, of_disk
from .lock import alone
from .progress import Show, size

State = Literal["fetched", "present", "damaged", "missing"]
_WORDS: dict[State, str] = {
    "present": "already there",
    "fetched": "fetched and verified",
    "damaged": "arrived damaged, thrown away",
    "missing": "no longer on the server",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. named: one lesson by its id, so that its not being there yet is an error. parallel: so many
    lessons at a time. mirror: one list of sums over all of ``out``, and word of lessons there that are not listed."""

    out: Path
    originals: bool
    verify: bool
    named: bool
    renditions: bool = False
    parallel: int = 1
    mirror: bool = False


@dataclass(frozen=True, slots=True)
class FileResult:
    path: str
    bytes: int
    sha256: str
    state: State


@dataclass(slots=True)
class Result:
    """What became of one lesson."""

    lesson: str
    title: str
    folder: str | None = None
    files: list[FileResult] = field(default_factory=list)
    problem: str | None = None


def pull(link: Server, lessons: Sequence[Lesson], order: Order, show: Show, results: list[Result]) -> None:
    """Fetch what is missing of every lesson; ``results`` grows as it goes. Raises PullError: at once for what would
    stop every other file too, at the end for the first file that could not be had."""
    try:
        homes = folders.Homes(order.out)
        work = _Work(link, order, show, homes, len(lessons), results)
        problems = _in_turn(work, lessons) if order.parallel == 1 else _side_by_side(work, lessons)
        if order.mirror:
            homes.vouch()
            for left in homes.others(lesson.id for lesson in lessons):
                show.say(f"{left.name}: of a lesson that the server does not list for this; it stays.")
    except OSError as error:
        raise of_disk(error, order.out / folders.SUMS, 0) from error
    for problem in problems:
        raise problem


def _in_turn(work: _Work, lessons: Sequence[Lesson]) -> list[PullError]:
    problems = [work.lesson(number, lesson) for number, lesson in enumerate(lessons, 1)]
    return [problem for problem in problems if problem is not None]


def _side_by_side(work: _Work, lessons: Sequence[Lesson]) -> list[PullError]:
    """What stops one stops all, after the block that each is just getting."""
    with ThreadPoolExecutor(work.order.parallel) as pool:
        try:
            tasks = [pool.submit(work.lesson, number, lesson) for number, lesson in enumerate(lessons, 1)]
            wait(tasks, return_when=FIRST_EXCEPTION)
            for task in tasks:
                if task.done() and (error := task.exception()) is not None:
                    raise error
        finally:
            work.stop.set()
            pool.shutdown(cancel_futures=True)
    return [problem for task in tasks if (problem := task.result()) is not None]


@dataclass(slots=True)
class _Work:
    link: Server
    order: Order
    show: Show
    homes: folders.Homes
    count: int
    results: list[Result]
    stop: threading.Event = field(default_factory=threading.Event)

    def lesson(self, number: int, listed: Lesson) -> PullError | None:
        """What kept a file of it from being had, when the others can. Raises PullError, OSError."""
        result = Result(listed.id, listed.title)
        self.results.append(result)
        which = f"[{number}/{self.count}]"
        what = f"{names.one_line(listed.room)}: {names.one_line(listed.title)}"
        self.show.say(f"{which} {listed.day:%Y-%m-%d} {what}")
        margin = "  " if self.order.parallel == 1 else f"{which}   "
        try:
            self._files(self.link.lesson(listed.id), result, margin)
        except FileProblem as error:
            result.problem = str(error)
            return error
        except (NotReady, NoSuchLesson) as error:
            if self.order.named:
                raise
            result.problem = str(error)
            self.show.say(f"{margin}{error}")
        return None

    def _files(self, lesson: Lesson, result: Result, margin: str) -> None:
        """Raises FileProblem, of the first of its files that could not be had, when the others are there."""
        wanted = folders.wanted(lesson, originals=self.order.originals, renditions=self.order.renditions)
        problem: FileProblem | None = None
        home = self.homes.of(lesson)
        result.folder = str(home)
        with alone(home / folders.OWNER):
            sums = folders.Sums(home)
            for path, file in wanted:
                state: State = "present"
                try:
                    if not sums.has(path, file, lesson.started, thorough=self.order.verify):
                        state = "fetched"
                        with self.show.file(path, file.bytes) as watch:
                            fetch(self.link, file, home / path, _Stoppable(watch, self.stop))
                    sums.add(path, file, lesson.started)
                except FileProblem as error:
                    problem, state = problem or error, error.state
                result.files.append(FileResult(path, file.bytes, file.sha256, state))
                self.show.say(f"{margin}{path}  {size(file.bytes)}  {_WORDS[state]}")
        if problem is not None:
            raise problem


@dataclass(frozen=True, slots=True)
class _Stoppable:
    watch: Watcher
    stop: threading.Event

    def at(self, done: int) -> None:
        """Raises Stopped once something else has ended the pulling."""
        if self.stop.is_set():
            raise Stopped("Stopped; run the same command again to go on from here.")
        self.watch.at(done)
