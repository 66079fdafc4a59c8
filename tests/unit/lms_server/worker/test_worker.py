"""A worker that needs long for one lesson keeps it, and one that has lost it stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ulid import ULID

from lms_server.catalog.database import Database
from lms_server.catalog.jobs import Jobs
from lms_server.catalog.tables import LessonRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.store.folder import FolderStore
from lms_server.worker import worker
from tests.peers.program import wait_until
from tests.unit.lms_server.arrivals import asset, card, manifest, store


def test_a_lease_is_renewed_while_files_are_fetched_until_somebody_else_has_it(
    database: Database, uploads: Uploads, amphi: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LEASE", 0.1)
    lesson = str(ULID())
    store(uploads, amphi, asset(lesson))
    manifest(uploads, amphi, lesson, card("Optics"))
    jobs = Jobs(database, time.time)
    job = jobs.claim("one")
    assert job is not None

    def row() -> LessonRow:
        with database.read() as session:
            return session.get_one(LessonRow, lesson)

    def change(deed: Callable[[LessonRow], None]) -> None:
        with database.write() as session:
            deed(session.get_one(LessonRow, lesson))

    one = worker.Worker(jobs, FolderStore(tmp_path / "store"), tmp_path / "work", "one")
    first = row().lease_until
    with one._renewing(job, tmp_path) as lost:
        wait_until(lambda: row().lease_until > first, 20, "a renewed lease")
        assert not lost.is_set()
        (tmp_path / worker.PROGRESS).write_text("0.4200")
        wait_until(lambda: row().progress == 0.42, 20, "how far it is")
        change(lambda found: setattr(found, "lease_owner", "two"))
        assert lost.wait(20)
