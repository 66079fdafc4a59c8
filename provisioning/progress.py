"""Steps on the terminal: one line each, with its seconds. Standard library only: it runs before anything is
installed."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

_LINE = threading.RLock()
"""Held by whoever writes."""
_running: list[Step] = []
"""Whose seconds are shown on the terminal."""


class Step:
    """``with Step("Installing"):`` — shows the running seconds on a terminal, and the finished line anywhere. Those of
    several threads share the line.

    A step that raises ends its line with "failed". ``quiet_below``: a step shorter than this many seconds leaves no
    line, for work that is nearly always done already.
    """

    def __init__(self, text: str, quiet_below: float = 0.0) -> None:
        self.text = text
        self._quiet_below = quiet_below
        self._began = 0.0
        self._done = threading.Event()
        self._ticker: threading.Thread | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def __enter__(self) -> Step:
        self._began = time.monotonic()
        if sys.stdout.isatty():
            with _LINE:
                _running.append(self)
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        elif not self._quiet_below:
            say(f"  {self.text} …")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = self.seconds
        if self._ticker is not None:
            self._done.set()
            self._ticker.join()
        with _LINE:
            if self._ticker is not None:
                _clear()
                _running.remove(self)
            if kind is not None or seconds >= self._quiet_below:
                say(f"  {self.text}: {'failed' if kind else 'done'} ({seconds:.1f} s)")

    def _tick(self) -> None:
        while not self._done.wait(0.5):
            with _LINE:
                # Of several the oldest, by its text; the others are as many more.
                first, *others = _running
                more = f" (and {len(others)} more)" if others else ""
                _clear()
                sys.stdout.write(f"  {first.text} … {first.seconds:.0f} s{more}")
                sys.stdout.flush()


def _clear() -> None:
    if _running:
        sys.stdout.write("\r\033[K")
        sys.stdout.flush()


def say(text: str = "") -> None:
    """One line for whoever sits at the terminal."""
    with _LINE:
        _clear()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def complain(text: str) -> None:
    """One sentence on standard error."""
    with _LINE:
        _clear()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
