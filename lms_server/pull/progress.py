"""What a person sees while files come: a bar with rate and remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
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

EVERY = 10.0
"""Seconds between two plain lines about the same file."""


class Show(Protocol):
    """A context manager; ``say`` is a line of its own, ``begin`` opens a file, ``at`` moves it, ``end`` closes it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, line: str) -> None: ...

    def begin(self, name: str, size: int) -> None: ...

    def at(self, done: int) -> None: ...

    def end(self) -> None: ...


class Bar:
    """For a terminal."""

    def __init__(self, console: Console) -> None:
        self._task: TaskID | None = None
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

    def begin(self, name: str, size: int) -> None:
        self._task = self._progress.add_task(name, total=size)

    def at(self, done: int) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def end(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


class Lines:
    """For a file, a pipe, a log. stream None: says nothing (``--json``)."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._name, self._size = "", 0
        self._first: tuple[float, int] | None = None
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def say(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def begin(self, name: str, size: int) -> None:
        self._name, self._size, self._first, self._last = name, size, None, self._clock()

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
        self.say(f"  {self._name}: {share} % of {size(self._size)}, {size(int(rate))}/s{left}")

    def end(self) -> None:
        self._name = ""


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
