"""server.rooms_10000: how soon ten thousand rooms are answered, all of them at one web process over SQLite."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import select
from ulid import ULID

from benchmarks import crowd, sending
from benchmarks.harness import Figure, cpu_of, note, rss_of
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.tables import Institution, Room

ROOMS = 10_000
WARM, SECONDS = 65, 60
"""Until every room waits and has spoken once, and how long is measured."""


def ten_thousand(folder: Path) -> Iterator[Figure]:
    """The 99th percentile of a request's answer, of a wait's: how much later than it was asked for."""
    with sending.server(folder) as central:
        rooms = _enrolled(central.data / "darsbox.sqlite")
        command = [sys.executable, "-m", "benchmarks.crowd", str(central.port), str(ROOMS), str(WARM), str(SECONDS)]
        pid, figures = central.web.pid, []

        def look() -> None:
            figures.append((rss_of(pid), cpu_of(pid), time.monotonic()))

        timers = [threading.Timer(at, look) for at in (WARM, WARM + SECONDS - 1)]
        for timer in timers:
            timer.start()
        done = subprocess.run(command, input=" ".join(rooms), capture_output=True, text=True, check=True)
        for timer in timers:
            timer.join()
    said = json.loads(done.stdout)
    taken = sorted([*said["beats"], *said["polls"]])
    (before, cpu, began), (after, spent, ended) = figures
    note(f"{len(taken) / SECONDS:.0f} requests/s, {said['broken']} not answered well")
    note(f"heartbeats {_spread(said['beats'])}; waits {_spread(said['polls'])}")
    note(f"{(spent - cpu) / (ended - began):.2f} of a core; {before:.0f} MB at first, {after:.0f} MB at the end")
    yield Figure("server.rooms_10000", 1000 * _percentile(taken, 99), "ms p99")
    yield Figure("server.rooms_10000.memory", after / before, "end / begin")


def _enrolled(file: Path) -> list[str]:
    """The rooms' ids. The server may run: it has read nothing of them yet."""
    migrate(file)
    database, now = Database(file), time.time()
    rooms = [str(ULID.from_timestamp(now)) for _ in range(ROOMS)]
    with database.write() as session:
        session.add(Institution(name="Crowd"))
        session.flush()
        owner = session.exec(select(Institution.id)).one() or 0
        session.add_all(
            Room(id=id_, institution_id=owner, name=f"Room {number}", public_key=crowd.public_jwk(number), enrolled=now)
            for number, id_ in enumerate(rooms)
        )
    database.close()
    return rooms


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _spread(taken: list[float]) -> str:
    ordered = sorted(taken)
    return " / ".join(f"{1000 * _percentile(ordered, each):.1f}" for each in (50, 95, 99)) + " ms (50, 95, 99 %)"
