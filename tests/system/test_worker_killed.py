"""A worker killed in the middle of a small film: nothing half is offered, and another worker makes it, once."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

from sqlmodel import select, update
from ulid import ULID

from lms_server.catalog.database import Database
from lms_server.catalog.tables import OutputRow, RenderingRow
from lms_server.store.folder import FolderStore
from tests.measure import decode_errors, durations
from tests.measure.room import FRONT, LECTERN
from tests.measure.room import Room as Recorded
from tests.peers.http import HTTP
from tests.peers.kept import put_lesson, ready
from tests.peers.program import wait_until
from tests.system.deployment import Server, closing_all, wait_gone

SECONDS = 12
"""Of the lesson: long enough that the work on it is seen before it is done."""
PATIENCE = 120
"""Seconds for work of the lowest priority on a busy machine."""


def children(pid: int) -> list[int]:
    """Of all threads of a process; proc_pid_task(5)."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for each in lists for word in each.read_text().split()]


def test_a_small_film_whose_worker_was_killed_is_made_once_by_the_next(tmp_path: Path) -> None:
    server, lesson = Server(tmp_path), str(ULID())
    database, store = Database(server.data / "darsbox.sqlite"), FolderStore(server.data / "store")
    work = server.data / "work"
    recorded = Recorded(tmp_path, FRONT, LECTERN)
    recorded.video(0.0, SECONDS)
    recorded.audio(0.0, SECONDS)
    ready(database, lesson, *put_lesson(store, recorded), "proxy")
    before = {file.name for file in (server.data / "store").rglob("*") if file.is_file()}

    def offered() -> list[dict[str, str]]:
        return [file for file in server.get(f"/lessons/{lesson}")["files"] if file["kind"] == "proxy"]

    with closing_all(server):
        server.start()
        wait_until(lambda: list(work.glob("*.proxy")), PATIENCE, "the worker's turn to the film")
        wait_until(lambda: list(work.glob("*.proxy/progress")), PATIENCE, "the beginning of the film")
        (assembly,) = children(server.worker.pid)
        os.kill(assembly, signal.SIGSTOP)  # it stays where it is, in the middle, until its worker is dead
        assert list(work.glob("*.proxy/proxy.mp4")), "it was done before it could be stopped"
        assert offered() == []
        server.worker.kill()
        os.kill(assembly, signal.SIGCONT)
        wait_gone(assembly, PATIENCE)
        assert offered() == []
        assert HTTP.get(f"{server.url}/api/v1/lessons/{lesson}/files/renditions/proxy.mp4").status_code == 401

        with database.write() as session:  # as a quarter of a minute later: nobody renews what a dead worker held
            session.exec(update(RenderingRow).values(lease_until=0.0))
        server.worker.start()
        wait_until(offered, PATIENCE, f"the film ({server.worker.words()[-2000:]})")
        (film,) = offered()
        bearer = {"Authorization": f"Bearer {server.token}"}
        content = HTTP.get(f"{server.url}{film['url']}", headers=bearer).content
        assert hashlib.sha256(content).hexdigest() == film["sha256"]
        copy = tmp_path / "film.mp4"
        copy.write_bytes(content)
        assert decode_errors(copy) == ""
        assert abs(durations(copy).file - SECONDS) < 0.2
        wait_until(lambda: not list(work.iterdir()), 10, "the end of the work")
    with database.read() as session:
        assert session.exec(select(OutputRow.sha256).where(OutputRow.lesson_id == lesson)).all() == [film["sha256"]]
        assert session.exec(select(RenderingRow.kind)).all() == []
    database.close()
    after = {file.name for file in (server.data / "store").rglob("*") if file.is_file()}
    assert after - before == {film["sha256"]}, "the killed worker left something in the store"
