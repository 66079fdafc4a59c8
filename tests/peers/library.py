"""A server with one course and a few lessons of it, asked in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.migrate import migrate
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import CourseMember, CourseRow, LessonRow, OutputRow
from lms_server.main import Server, build
from lms_server.settings import Settings
from tests.unit.lms_server.conftest import HandClock

STARTED = 1_794_000_000.0


@dataclass
class Library:
    server: Server
    catalog: Catalog
    clock: HandClock
    pupil: Person
    course: int
    room: str

    def lesson(self, title: str, started: float = STARTED, *, files: bool = True, **facts: Any) -> str:
        """A lesson of the course that can be played, with its sound and its film; nobody has their bytes."""
        facts = {"course_id": self.course, "teacher": "Amina Haddad", "language": "fr", "seconds": 3600.0, **facts}
        row = LessonRow(id=str(ULID()), room_id=self.room, title=title, started=started, state="ready", received=0.0)
        for name, value in facts.items():
            setattr(row, name, value)
        row.find_by("Amphi A")
        lesson = row.id
        with self.server.database.write() as session:
            session.add(row)
            session.flush()
            for name, kind, content in (("lectern.m4a", "audio", "audio/mp4"), ("front.mp4", "programme", "video/mp4")):
                if files:
                    made = {"bytes": 1000, "sha256": "ab" * 32, "seconds": 3599.6, "made": 0.0, "source": "front"}
                    session.add(OutputRow(lesson_id=lesson, name=name, kind=kind, content_type=content, **made))
        return lesson

    async def get(self, url: str, method: str = "GET", **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
            return await client.request(method, url, headers=headers)


@contextmanager
def library(folder: Path, **settings: Any) -> Iterator[Library]:
    clock = HandClock()
    chosen = Settings(data=folder, **settings)
    folder.mkdir(exist_ok=True)
    migrate(chosen.database)
    server = build(chosen, clock)
    catalog = Catalog.over(server.database, clock)
    room = catalog.rooms.find(catalog.rooms.enrol(catalog.rooms.make_code("Amphi A"), "Amphi A", "ENS", "{}"))
    assert room is not None
    catalog.courses.add_term("ENS", "Autumn 2026", "2026-09-01", "2027-01-31")
    catalog.courses.add("ENS", "Autumn 2026", "PHY 101", "Optique & ondes")
    pupil = catalog.people.add("pupil", "student", "a-long-enough-one", "ENS")
    with server.database.write() as session:
        course = session.exec(select(CourseRow.id)).one()
        assert course is not None
        session.add(CourseMember(course_id=course, person_id=pupil.id, part="student"))
    yield Library(server, catalog, clock, pupil, course, room.id)
    server.database.close()
