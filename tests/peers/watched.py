"""A server's data folder with one lesson in every form that a student can watch."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.people import People
from lms_server.catalog.tables import Asset
from lms_server.settings import Settings
from lms_server.store.folder import FolderStore
from tests.peers.furnished import NOW, PASSWORD, Furnisher

LENGTH = 30.0
SLIDES = (0.0, 8.0, 16.0, 23.0)
"""Seconds at which the slides of the slidecast change."""
GAP = {"source": "front", "at": 10.0, "seconds": 3.0, "why": "lost"}
MARK = {"at": 12.0, "label": "تعريف النهاية"}
SOURCES = [
    {"id": "front", "kind": "camera", "media": "video", "label": "Front camera", "driver": "rtsp"},
    {"id": "screen", "kind": "camera", "media": "video", "label": "Slides", "driver": "screen"},
    {"id": "lectern", "kind": "microphone", "media": "audio", "label": "Lectern", "driver": "portaudio"},
]


@dataclass(frozen=True)
class Watched:
    """Logins by role, all with PASSWORD, and the lessons: one with everything, one with one picture, one with sound."""

    people: dict[str, str]
    whole: str
    single: str
    sound: str


def encoded(file: Path, picture: str, *, size: str = "640x360", gop: int = 25, chapters: bool = False) -> Path:
    """A progressive MP4 of LENGTH seconds: H.264 with sound, or sound alone when picture is empty."""
    pictures = ["-f", "lavfi", "-i", f"{picture}=size={size}:rate=25"] if picture else []
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", str(gop)] if picture else []
    listing = file.with_suffix(".chapters")
    ends = (*SLIDES[1:], LENGTH)
    blocks = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={round(1000 * at)}\nEND={round(1000 * end)}\ntitle=Slide {number}\n"
        for number, (at, end) in enumerate(zip(SLIDES, ends, strict=True), 1)
    ]
    listing.write_text(";FFMETADATA1\n" + "".join(blocks) if chapters else ";FFMETADATA1\n")
    sound = ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000"]
    number = 2 if picture else 1
    source = ["-f", "ffmetadata", "-i", str(listing), "-map_metadata", str(number), "-map_chapters", str(number)]
    maps = [part for stream in range(number) for part in ("-map", str(stream))]
    shape = ["-c:a", "aac", "-t", str(LENGTH), "-movflags", "+faststart"]
    command = ["ffmpeg", "-v", "error", "-y", *pictures, *sound, *source, *maps, *video, *shape, str(file)]
    subprocess.run(command, check=True)
    return file


def watched(data: Path) -> Watched:
    """A data folder as ``lms-server run`` takes it."""
    settings = Settings(data=data)
    data.mkdir(parents=True)
    migrate(settings.database)
    database = Database(settings.database)
    store = FolderStore(settings.store)
    scratch = data.parent / "scratch"
    scratch.mkdir()
    try:
        house = Furnisher(database, store, scratch)
        everyone = People(database, lambda: NOW)
        everyone.add("amina", "admin", PASSWORD)
        everyone.add("mariem", "teacher", PASSWORD, full_name="Mariem Sidi")
        everyone.add("sidi", "student", PASSWORD)
        people = {"admin": "amina", "teacher": "mariem", "student": "sidi"}
        room = house.room("Amphi A", "Université de Nouakchott", seen=NOW - 40)

        front = encoded(scratch / "front.mp4", "testsrc2")
        screen = encoded(scratch / "screen.mp4", "testsrc")
        slidecast = encoded(scratch / "slidecast.mp4", "testsrc", gop=50, chapters=True)
        proxy = encoded(scratch / "proxy.mp4", "testsrc2", size="320x180")
        sound = encoded(scratch / "sound.m4a", "")

        def lesson(title: str, **more: object) -> str:
            facts = {"teacher": "Dr Mariem Sidi", "seconds": LENGTH, "sources": SOURCES} | more
            return house.lesson(room, "Amphi A", title, NOW - 7200, **facts)

        whole = lesson("Analyse II: suites et séries", gaps=[GAP], marks=[MARK])
        house.output(whole, front, "front.mp4", "programme", "front")
        house.output(whole, screen, "screen.mp4", "programme", "screen")
        house.output(whole, sound, "lectern.m4a", "audio", "lectern")
        for file, kind in ((slidecast, "slidecast"), (proxy, "proxy")):
            _rendition(database, store, whole, file, kind)
        single = lesson("Algèbre", sources=SOURCES[:1])
        house.output(single, front, "front.mp4", "programme", "front")
        spoken = lesson("Histoire", sources=SOURCES[2:])
        house.output(spoken, sound, "lectern.m4a", "audio", "lectern")
        return Watched(people, whole, single, spoken)
    finally:
        database.close()


def _rendition(database: Database, store: FolderStore, lesson: str, file: Path, kind: str) -> None:
    body = file.read_bytes()
    sha256 = hashlib.sha256(body).hexdigest()
    store.adopt(file, sha256)
    facts = {"path": f"renditions/{kind}.mp4", "kind": kind, "source": "", "tier": kind, "sha256": sha256}
    with database.write() as session:
        session.add(Asset(lesson_id=lesson, stored=NOW, receipt="receipt", bytes=len(body), **facts))
