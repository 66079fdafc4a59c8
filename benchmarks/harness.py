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
_FOREIGN = {"PYTHONDONTWRITEBYTECODE"}
"""Not handed on: in a room, programs are compiled once, when they are installed, and not at every start."""
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_UTIME, _STIME, _CUTIME, _CSTIME, _RSS = 11, 12, 13, 14, 21


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
        inherited = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        self._environment = {**inherited, MARK: self._token}

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
        return sum(cpu_of(pid) for pid in self.pids())

    def rss(self) -> float:
        """Resident memory in MB; what processes share counts for each."""
        return sum(rss_of(pid) for pid in self.pids())


def cpu_of(pid: int) -> float:
    """One process and its ended children. Its own time comes in ticks of 10 ms, rounded down, with the threads that
    have ended, or in nanoseconds without those: the larger is nearer to the truth."""
    words = _stat(pid)
    ticks = int(words[_UTIME]) + int(words[_STIME])
    try:
        nanoseconds = sum(
            int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{pid}/task").iterdir()
        )
    except (FileNotFoundError, ProcessLookupError):
        nanoseconds = 0  # a thread ended meanwhile
    return max(ticks / _TICK, nanoseconds / 1e9) + (int(words[_CUTIME]) + int(words[_CSTIME])) / _TICK


def rss_of(pid: int) -> float:
    """Resident memory of one process in MB."""
    return int(_stat(pid)[_RSS]) * _PAGE / 1e6


def _stat(pid: int) -> list[str]:
    """proc(5): the words of stat after the program's name, which is field 2; zeros when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 50


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
