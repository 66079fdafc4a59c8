"""A server's data folder as a term leaves it: rooms in every condition, lessons in every state, files that play.

Written through the server's own catalogue and store, so that the real server shows it.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lms_server.catalog.courses import Courses
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.people import People
from lms_server.catalog.rooms import Rooms
from lms_server.catalog.tables import Asset, LessonRow, OutputRow, RenderingRow, Room
from lms_server.catalog.tokens import Tokens
from lms_server.settings import Settings
from lms_server.store.folder import FolderStore
from lms_sync import wire

NOW = time.time()
PASSWORD = "a-long-enough-one"
LENGTH = 20.0
"""Seconds of the recordings that play."""
HTML_TITLE = "<b>Chimie</b> & \"co\" <script>alert('x')</script>"
ARABIC_TITLE = "الإحصاء والاحتمالات: الفصل الثالث (2)"
LONG_TITLE = (
    "Introduction à la résistance des matériaux, septième séance: flexion simple, moments fléchissants et efforts "
    "tranchants dans les poutres continues"
)


@dataclass(frozen=True)
class Furnished:
    """Who may sign in, a token for programs, and the lessons by what is special about them."""

    admin: str
    student: str
    token: str
    lessons: dict[str, str]
    front: Path
    """The very file that the front camera of the whole lesson gave."""


def furnished(data: Path) -> Furnished:
    """A data folder as ``lms-server run`` takes it, with everything the pages can show."""
    settings = Settings(data=data)
    data.mkdir(parents=True)
    migrate(settings.database)
    database = Database(settings.database)
    scratch = data.parent / "scratch"
    scratch.mkdir()
    try:
        return furnish(database, FolderStore(settings.store), scratch)
    finally:
        database.close()


def film(file: Path, picture: str, tone: int) -> Path:
    """A progressive H.264/AAC MP4 of LENGTH seconds with motion, or an M4A when picture is empty."""
    inputs = ["-f", "lavfi", "-i", f"{picture}=size=640x360:rate=25"] if picture else []
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"] if picture else []
    sound = ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=48000"]
    shape = ["-c:a", "aac", "-t", str(LENGTH), "-movflags", "+faststart"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, *sound, *encode, *shape, str(file)], check=True)
    return file


class Furnisher:
    """Puts rooms and lessons into a data folder that is migrated already."""

    def __init__(self, database: Database, store: FolderStore, scratch: Path) -> None:
        self._database, self._store, self._scratch = database, store, scratch
        self._count = 0

    def room(self, name: str, institution: str, *, seen: float | None, enrolled: float = NOW - 40 * 86400) -> str:
        rooms = Rooms(self._database, lambda: enrolled)
        key = wire.dump_key(wire.new_key(), private=False)
        room = rooms.enrol(rooms.make_code(name, institution), name, institution, key)
        with self._database.write() as session:
            row = session.get(Room, room)
            assert row is not None
            row.last_seen = seen
        return room

    def lesson(self, room: str, room_name: str, title: str, started: float, **more: object) -> str:
        self._count += 1
        lesson = f"01KAF0000000000000000{self._count:05d}"
        facts: dict[str, object] = {"state": "ready", "received": started + 60, "seconds": 5340.0} | more
        row = LessonRow(id=lesson, room_id=room, title=title, started=started)
        for name, value in facts.items():
            setattr(row, name, value)
        row.find_by(room_name)
        with self._database.write() as session:
            session.add(row)
        return lesson

    def output(self, lesson: str, file: Path, name: str, kind: str, source: str) -> None:
        body = file.read_bytes()
        sha = hashlib.sha256(body).hexdigest()
        copy = self._scratch / f"adopted-{sha}"
        copy.write_bytes(body)
        self._store.adopt(copy, sha)
        facts = {"name": name, "kind": kind, "source": source, "bytes": len(body), "sha256": sha, "made": NOW}
        kind_of = {"mp4": "video/mp4", "m4a": "audio/mp4", "jpg": "image/jpeg"}[name.rpartition(".")[2]]
        with self._database.write() as session:
            session.add(OutputRow(lesson_id=lesson, seconds=LENGTH, content_type=kind_of, **facts))

    def picture(self, lesson: str, colour: tuple[int, int, int]) -> None:
        """Of a lesson, for lists; and the server is making its small film."""
        file = self._scratch / "thumbnail.jpg"
        Image.new("RGB", (320, 180), colour).save(file)
        self.output(lesson, file, "renditions/thumbnail.jpg", "thumbnail", "")
        with self._database.write() as session:
            lease = {"lease_owner": "worker", "lease_until": NOW + 100, "progress": 0.42}
            session.add(RenderingRow(lesson_id=lesson, kind="proxy", due=0.0, **lease))

    def take(self, lesson: str, path: str, size: int, source: str = "") -> None:
        """A recorded file. Up to a megabyte it is really there; a longer one is only known of."""
        body = hashlib.sha256(path.encode()).digest() * (size // 32) if size <= 1_000_000 else path.encode()
        sha = hashlib.sha256(body).hexdigest()
        copy = self._scratch / f"adopted-{sha}"
        copy.write_bytes(body)
        self._store.adopt(copy, sha)
        length = len(body) if size <= 1_000_000 else size
        kind = "take" if source else "manifest"
        facts = {"path": path, "kind": kind, "source": source, "tier": "master", "bytes": length, "sha256": sha}
        with self._database.write() as session:
            session.add(Asset(lesson_id=lesson, stored=NOW, receipt="receipt", **facts))


def course(database: Database, institution: str) -> None:
    """One, of this year."""
    courses, year = Courses(database, lambda: NOW), time.gmtime(NOW).tm_year
    courses.add_term(institution, "S1", f"{year - 1}-09-15", f"{year + 1}-07-31")
    courses.add(institution, "S1", "MAT201", "Analyse II")


def people(database: Database) -> tuple[str, str, str]:
    everyone = People(database, lambda: NOW)
    everyone.add("amina", "admin", PASSWORD)
    everyone.add("sidi", "student", PASSWORD)
    return "amina", "sidi", Tokens(database, lambda: NOW).make_for("amina")


SOURCES = [
    {"id": "front", "kind": "camera", "media": "video", "label": "Front camera"},
    {"id": "board", "kind": "camera", "media": "video", "label": "السبورة"},
    {"id": "lectern", "kind": "microphone", "media": "audio", "label": "Lectern microphone"},
]


def furnish(database: Database, store: FolderStore, scratch: Path) -> Furnished:
    """Everything the pages can show."""
    admin, student, token = people(database)
    house = Furnisher(database, store, scratch)
    uni, school = "Université de Nouakchott", "Lycée El Mina"
    amphi = house.room("Amphi A", uni, seen=NOW - 40)
    hall = house.room("قاعة المحاضرات الكبرى", uni, seen=NOW - 3 * 3600)
    lab = house.room("Salle 12", school, seen=NOW - 5 * 86400)
    broken = house.room("Amphi B", uni, seen=NOW - 600)
    house.room("Salle 7", school, seen=None, enrolled=NOW - 2 * 86400)

    front = film(scratch / "front.mp4", "testsrc2", 440)
    board = film(scratch / "board.mp4", "smptehdbars", 660)
    sound = film(scratch / "sound.m4a", "", 550)

    lessons: dict[str, str] = {}
    gaps = [
        {"source": "front", "at": 6.0, "seconds": 1.4, "why": "lost"},
        {"source": "board", "at": 12.0, "seconds": 3.0, "why": "cut"},
    ]
    marks = [{"at": 4.0, "label": "Exercice 3"}, {"at": 9.5, "label": "تعريف التقارب"}, {"at": 15.0, "label": ""}]
    lessons["whole"] = house.lesson(
        amphi,
        "Amphi A",
        "Analyse II: suites et séries",
        NOW - 7200,
        teacher="Dr Sidi",
        seconds=LENGTH,
        sources=SOURCES,
        gaps=gaps,
        marks=marks,
    )
    for name, file, source in (("front.mp4", front, "front"), ("board.mp4", board, "board")):
        house.output(lessons["whole"], file, name, "programme", source)
    house.output(lessons["whole"], sound, "lectern.m4a", "audio", "lectern")
    house.picture(lessons["whole"], (32, 90, 140))
    course(database, uni)
    house.take(lessons["whole"], "lesson.json", 3200)
    house.take(lessons["whole"], "front/take-001.mp4", 960_000, "front")
    house.take(lessons["whole"], "front/take-002.mp4", 640_000, "front")
    house.take(lessons["whole"], "board/take-001.mp4", 512_000, "board")

    lessons["receiving"] = house.lesson(
        hall, "قاعة المحاضرات الكبرى", ARABIC_TITLE, NOW - 86400, state="receiving", teacher="د. فاطمة"
    )
    house.take(lessons["receiving"], "front/take-001.mp4", 214_000_000, "front")
    lessons["assembling"] = house.lesson(amphi, "Amphi A", "Algèbre linéaire", NOW - 9000, state="assembling")
    lessons["failed"] = house.lesson(
        broken,
        "Amphi B",
        LONG_TITLE,
        NOW - 3 * 86400,
        state="failed",
        problem="board/take-003.mp4 holds no picture that can be read.",
        sources=SOURCES,
    )
    house.take(lessons["failed"], "board/take-003.mp4", 1_830_000_000, "board")
    lessons["html"] = house.lesson(lab, "Salle 12", HTML_TITLE, NOW - 6 * 86400, seconds=LENGTH, sources=SOURCES[:1])
    house.output(lessons["html"], front, "front.mp4", "programme", "front")
    lessons["untitled"] = house.lesson(lab, "Salle 12", "", NOW - 8 * 86400, seconds=48.0)
    subjects = ("Physique quantique", "Droit commercial", "اللغة العربية", "Thermodynamique", "History of Science")
    for number in range(60):
        title = f"{subjects[number % 5]} {number // 5 + 1}"
        lesson = house.lesson(
            amphi if number % 2 else hall,
            "Amphi A" if number % 2 else "قاعة المحاضرات الكبرى",
            title,
            NOW - (10 + number) * 86400 + (number % 4) * 6600,
            seconds=2700.0 + 660 * (number % 7),
            gaps=gaps[: number % 3] if number % 4 == 0 else [],
        )
        house.take(lesson, "front/take-001.mp4", 180_000_000 + 37_000_000 * (number % 9), "front")
    return Furnished(admin, student, token, lessons, front)
