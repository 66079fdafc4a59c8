"""A server that burnt down comes back from its backup, and what it gives out is to the byte what it was."""

from __future__ import annotations

import hashlib
import shutil
import stat
from pathlib import Path

import httpx
import pytest
from ulid import ULID

from lms_server import backup, keys
from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.tables import LessonRow, OutputRow
from lms_server.errors import StartError
from lms_server.main import build
from lms_server.places import open_places
from lms_server.settings import Settings
from tests.unit.lms_server.conftest import HandClock

pytestmark = pytest.mark.anyio
FILM = b"film" * 1000


class School:
    """A server with lessons, each of one film."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.clock = settings, HandClock()
        settings.data.mkdir(parents=True)
        migrate(settings.database)
        self.database = Database(settings.database)
        self.catalog = Catalog.over(self.database, self.clock)
        self.key = keys.server_key(settings.keys)
        rooms = self.catalog.rooms
        self.room = rooms.enrol(rooms.make_code("Amphi"), "Amphi", "ENS", "{}")
        self.catalog.people.add("amina", "admin", "a-long-enough-one", "ENS")

    def lesson(self, film: bytes) -> str:
        lesson, half = str(ULID()), self.settings.data / "half"
        sha256 = hashlib.sha256(film).hexdigest()
        half.write_bytes(film)
        open_places(self.settings, lambda _: None).store.adopt(half, sha256)
        with self.database.write() as session:
            session.add(
                LessonRow(id=lesson, room_id=self.room, title="Optics", started=1.0, received=1.0, state="ready")
            )
            session.flush()
            facts = {"kind": "programme", "source": "front", "bytes": len(film), "sha256": sha256, "seconds": 60.0}
            session.add(OutputRow(lesson_id=lesson, name="front.mp4", content_type="video/mp4", made=0.0, **facts))
        return lesson

    def back_up(self, to: Path) -> backup.Report:
        self.clock.now += 1
        return backup.make(self.settings, self.database, to, self.clock.now)


@pytest.fixture
def school(tmp_path: Path) -> School:
    return School(Settings(data=tmp_path / "data"))


async def test_a_server_comes_back_and_plays(school: School, tmp_path: Path) -> None:
    lesson, token = school.lesson(FILM), school.catalog.tokens.make_for("amina")
    head = school.catalog.audit.verify()
    report = school.back_up(tmp_path / "backups")
    assert (report.files, report.bytes, report.fresh, report.lost) == (1, len(FILM), 1, [])
    key = school.key.thumbprint()
    school.database.close()
    shutil.rmtree(school.settings.data)
    backup.bring_back(school.settings, Path(report.place))
    server = build(school.settings, school.clock)
    try:
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
            headers = {"Authorization": f"Bearer {token}", "Range": "bytes=4-11"}
            part = await client.get(f"/api/v1/lessons/{lesson}/files/front.mp4", headers=headers)
        assert (part.status_code, part.content) == (206, b"filmfilm")
        assert keys.server_key(school.settings.keys).thumbprint() == key  # rooms go on believing its receipts
        again = Catalog.over(server.database, school.clock).audit.verify((head.rows, head.head))
        assert again.broken is None
    finally:
        server.close()


def test_the_second_backup_copies_only_what_is_new_and_the_first_still_serves(school: School, tmp_path: Path) -> None:
    school.lesson(FILM)
    first = school.back_up(tmp_path / "backups")
    school.lesson(b"other")
    assert school.back_up(tmp_path / "backups").fresh == 1
    elsewhere = Settings(data=tmp_path / "elsewhere")
    assert backup.bring_back(elsewhere, Path(first.place)).files == 1
    with pytest.raises(StartError, match="already"):
        backup.bring_back(elsewhere, Path(first.place))


def test_keys_and_people_are_readable_by_nobody_else(school: School, tmp_path: Path) -> None:
    place = Path(school.back_up(tmp_path / "backups").place)
    for private in (place / "keys" / "server.jwk", place / backup.SQLITE):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_damage_is_said_on_the_way_in_and_on_the_way_back(school: School, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(FILM).hexdigest()
    school.lesson(FILM)
    report = school.back_up(tmp_path / "backups")
    copy = tmp_path / "backups" / backup.OBJECTS / sha256[:2] / sha256[2:4] / sha256
    copy.write_bytes(b"rotten")
    assert backup.bring_back(Settings(data=tmp_path / "back"), Path(report.place)).lost == [sha256]
    (school.settings.store / sha256[:2] / sha256[2:4] / sha256).write_bytes(b"rotten")
    assert school.back_up(tmp_path / "others").lost == [sha256]


def test_a_backup_that_was_killed_is_none(school: School, tmp_path: Path) -> None:
    place = Path(school.back_up(tmp_path / "backups").place)
    (place / backup.NOTE).unlink()
    with pytest.raises(StartError, match="no whole backup"):
        backup.bring_back(Settings(data=tmp_path / "back"), place)
    assert not (tmp_path / "back" / "darsbox.sqlite").exists()
