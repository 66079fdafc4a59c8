"""How fast the room answers, and what it costs when nobody teaches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import room
from benchmarks.harness import Figure, ending, medians, note, wait_until

IDLE_SECONDS = 30.0
SETTLE_SECONDS = 5.0


def ready(folder: Path) -> Iterator[Figure]:
    """From the start of the process to its first page."""
    folder.mkdir()
    wanted = room.Room(folder, room.SIMULATED)

    def start() -> float:
        began = time.monotonic()
        with ending(wanted.run.start(wanted.command(), wanted.log)):
            return wait_until(wanted.answers, 30, "the first page") - began

    start()  # the first one compiles what later ones find compiled
    (seconds,) = medians("daemon.ready", 5, start)
    yield Figure("daemon.ready", seconds, "s")


def idle(folder: Path) -> Iterator[Figure]:
    """CPU and memory of a room that waits for Start, its children counted."""
    with room.running(folder, room.SIMULATED) as waiting:
        time.sleep(SETTLE_SECONDS)
        before, began = waiting.run.cpu(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (waiting.run.cpu() - before) / (time.monotonic() - began)
        note(f"daemon.idle: {len(waiting.run.pids())} process(es)")
        yield Figure("daemon.idle_cpu", share * 100, "% of a core")
        yield Figure("daemon.idle_rss", waiting.run.rss(), "MB")
