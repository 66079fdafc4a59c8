"""server.download: how fast a student's program gets a film, beside nginx with the same file; both by curl."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ulid import ULID

from benchmarks import peers, sending
from benchmarks.harness import Figure, medians
from lms_server.catalog.database import Database
from lms_server.catalog.tables import Institution, LessonRow, OutputRow, Room
from lms_server.store.folder import FolderStore

BYTES = 256 * 1024 * 1024
RUNS = 7


def download(folder: Path) -> Iterator[Figure]:
    """MB/s of 256 MiB over the loopback, each transfer a connection of its own."""
    with sending.server(folder) as central:
        film = folder / "film.mp4"
        film.write_bytes(os.urandom(BYTES))
        found = peers.programs(folder / "programs")
        kept = film.read_bytes()
        ours = [*_asked(central.token), f"{central.url}{_given(central.data, film)}"]
        if "nginx" not in found:
            yield Figure("server.download", medians("server.download", RUNS, lambda: _rate(ours))[0], "MB/s")
            return
        with peers.nginx(found["nginx"], folder / "nginx", "127.0.0.1") as (url, files):
            (files / "film.mp4").write_bytes(kept)
            values = medians(
                "server.download", RUNS, lambda: _rate(ours), lambda: _rate([url.replace("take.mp4", "film.mp4")])
            )
    yield Figure("server.download", values[0], "MB/s", "nginx", values[1])


def _given(data: Path, film: Path) -> str:
    """A lesson with this film, put into the library; the film's address."""
    sha256 = hashlib.sha256(film.read_bytes()).hexdigest()
    lesson, room, now = str(ULID()), str(ULID()), time.time()
    FolderStore(data / "store").adopt(film, sha256)
    database = Database(data / "darsbox.sqlite")
    with database.write() as session:
        owner = Institution(name="Films")
        session.add(owner)
        session.flush()
        session.add(Room(id=room, institution_id=owner.id or 0, name="Films", public_key="{}", enrolled=now))
        session.flush()
        session.add(LessonRow(id=lesson, room_id=room, title="Film", started=now, state="ready", received=now))
        session.flush()
        session.add(
            OutputRow(
                lesson_id=lesson,
                name="front.mp4",
                kind="programme",
                source="front",
                bytes=BYTES,
                sha256=sha256,
                seconds=60.0,
                content_type="video/mp4",
                made=now,
            )
        )
    database.close()
    return f"/api/v1/lessons/{lesson}/files/front.mp4"


def _asked(token: str) -> list[str]:
    return ["-H", f"Authorization: Bearer {token}"]


def _rate(arguments: list[str]) -> float:
    """MB/s as curl counts them. Raises ValueError when not every byte came."""
    form = "%{http_code} %{size_download} %{speed_download}"
    command = ["curl", "-sS", "-o", "/dev/null", "-w", form, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, size, speed = done.stdout.split()
    if (code, int(size)) != ("200", BYTES):
        raise ValueError(f"{command[-1]} answered {code} with {size} bytes.")
    return float(speed) / 1e6
