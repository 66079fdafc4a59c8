"""What a person sees while files come: a bar with rate and remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from .fetch import Watcher

EVERY = 10.0
"""Seconds between two plain lines about the same file."""


class Show(Protocol):
    """A context manager; ``say`` is a line of its own, ``file`` follows one that is fetched. Any thread may ask."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, line: str) -> None: ...

    def file(self, name: str, size: int) -> AbstractContextManager[Watcher]: ...


class Bar:
    """For a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def file(self, name: str, size: int) -> Iterator[Watcher]:
        task = self._progress.add_task(name, total=size)
        try:
            yield _Task(self._progress, task)
        finally:
            self._progress.remove_task(task)


@dataclass(frozen=True, slots=True)
class _Task:
    progress: Progress
    task: TaskID

    def at(self, done: int) -> None:
        self.progress.update(self.task, completed=done)


class Lines:
    """For a file, a pipe, a log. stream None: says nothing (``--json``)."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def say(self, line: str) -> None:
        if self._stream is not None:
            with self._lock:
                self._stream.write(f"{line}\n")
                self._stream.flush()

    @contextmanager
    def file(self, name: str, size: int) -> Iterator[Watcher]:
        yield _Line(self.say, self._clock, name, size)


class _Line:
    """How far one file is, now and again."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float], name: str, size: int) -> None:
        self._say, self._clock, self._name, self._size = say, clock, name, size
        self._first: tuple[float, int] | None = None
        self._last = clock()

    def at(self, done: int) -> None:
        now = self._clock()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        if now - self._last < EVERY:
            return
        self._last = now
        rate = (done - self._first[1]) / max(now - self._first[0], 0.001)
        left = f", {duration((self._size - done) / rate)} left" if rate > 0 else ""
        share = 100 * done // max(self._size, 1)
        self._say(f"  {self._name}: {share} % of {size(self._size)}, {size(int(rate))}/s{left}")


def size(count: int) -> str:
    """Bytes as people say them: 812 B, 21 kB, 214 MB, 1.8 GB."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit in ("B", "kB") or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """1 h 29 min, 3 min, 12 s."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"
