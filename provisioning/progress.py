"""Steps on the terminal: one line each, with its seconds. Standard library only: it runs before anything is
installed."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType


class Step:
    """``with Step("Installing"):`` — shows the running seconds on a terminal, and the finished line anywhere.

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
            sys.stdout.write("\r\033[K")
        if kind is not None or seconds >= self._quiet_below:
            say(f"  {self.text}: {'failed' if kind else 'done'} ({seconds:.1f} s)")

    def _tick(self) -> None:
        while not self._done.wait(0.5):
            sys.stdout.write(f"\r\033[K  {self.text} … {self.seconds:.0f} s")
            sys.stdout.flush()


def say(text: str = "") -> None:
    """One line for whoever sits at the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One sentence on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
