"""Figures that can be trusted on a shared machine: ours and the peer's in turn, the median of several runs, the CPU
time of every process that belongs to a run, however it was started."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MARK = "DARSBOX_BENCH"
"""In the environment of every process of a run; it is inherited, so nothing that is started hides from the count."""
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Figure:
    """peer_value: the same work done by the peer; None when there is nothing to compare with."""

    bench: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None

    def line(self) -> str:
        """As ``make bench`` prints it."""
        ratio = self.value / self.peer_value if self.peer_value else None
        body = {
            "bench": self.bench,
            "value": _short(self.value),
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": _short(self.peer_value),
            "ratio": _short(ratio),
        }
        return json.dumps(body)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def note(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def medians(name: str, runs: int, *measures: Callable[[], float]) -> list[float]:
    """Each measure's median, the measures taken in turn so that the machine's moods fall on all of them."""
    taken: list[list[float]] = [[] for _ in measures]
    for run in range(runs):
        for values, measure in zip(taken, measures, strict=True):
            values.append(measure())
        note(f"{name} {run + 1}/{runs}: " + "  ".join(f"{values[-1]:.4g}" for values in taken))
    return [statistics.median(values) for values in taken]


def wait_until(condition: Callable[[], object], seconds: float, what: str, pause: float = 0.002) -> float:
    """Poll until the condition holds; the monotonic instant at which it was seen. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(pause)
    return time.monotonic()


class Run:
    """The processes of one run, and what they cost."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(8)
        self._environment = {**os.environ, MARK: self._token}

    def start(
        self, command: Sequence[str], log: Path, *, stdin: int = subprocess.DEVNULL, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program of this run; what it says goes to the log."""
        with log.open("ab") as out:
            target = out if stdout is None else stdout
            return subprocess.Popen(command, stdin=stdin, stdout=target, stderr=out, env=self._environment)

    def pids(self) -> list[int]:
        """Every living process of the run."""
        wanted = f"{MARK}={self._token}".encode()
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue  # it ended, or is another's
        return found

    def cpu(self) -> float:
        """CPU seconds of all of them so far, with those of their children that have ended."""
        return sum(ticks for ticks, _ in self._stats()) / _TICK

    def rss(self) -> float:
        """Resident memory in MB; what processes share counts for each."""
        return sum(pages for _, pages in self._stats()) * _PAGE / 1e6

    def _stats(self) -> Iterator[tuple[int, int]]:
        for pid in self.pids():
            try:
                words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # proc(5): utime, stime, cutime and cstime are fields 14 to 17, rss is 24; the words begin with field 3.
            yield sum(int(word) for word in words[11:15]), int(words[21])


@contextmanager
def ending(process: subprocess.Popen[bytes], seconds: float = 20.0) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is asked to end with the block, then made to."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
