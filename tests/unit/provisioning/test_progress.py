"""Whoever installs must be able to read what is going on, though several things go on at once."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import pytest

from provisioning.progress import Step, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """As they stand on the screen in the end."""
        return [line.rpartition("\r\033[K")[2] for line in self.getvalue().split("\n")]


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Within it; pytest has its own output before and after."""
    with redirect_stdout(Terminal()) as found:
        yield found


def shown(terminal: Terminal, text: str) -> None:
    end = time.monotonic() + 20
    while text not in terminal.getvalue():
        assert time.monotonic() < end, terminal.getvalue()
        time.sleep(0.01)


def test_a_sentence_does_not_stand_behind_the_running_seconds() -> None:
    with terminal() as screen, Step("Installing"):
        shown(screen, "Installing … ")
        say("Debian packages to install: ffmpeg")
    assert screen.lines()[0] == "Debian packages to install: ffmpeg"


def test_steps_beside_each_other_share_a_line_and_each_leaves_one() -> None:
    with terminal() as screen, Step("Installing"):
        with Step("Fetching"):
            shown(screen, "(and 1 more)")
        shown(screen, "Fetching: done")
    lines = screen.lines()
    assert [line.partition(" (")[0] for line in lines] == ["  Fetching: done", "  Installing: done", ""]


def test_what_failed_is_said() -> None:
    with terminal() as screen, pytest.raises(ValueError, match="no"), Step("Installing"):
        raise ValueError("no")
    assert "Installing: failed" in screen.lines()[0]
