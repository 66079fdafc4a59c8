"""A lesson gets captions from the institution's program once, and never in the place of a person's."""

from __future__ import annotations

import hashlib
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.captions import Captions
from lms_server.catalog import Catalog
from lms_server.catalog.captioning import TRIES, Captioning
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import CaptioningRow, CaptionRow, LessonRow, OutputRow, Room
from lms_server.store.folder import FolderStore
from lms_server.worker.captioning import Captioner
from tests.unit.lms_server.conftest import HandClock

VTT = "WEBVTT\\n\\n00:01.000 --> 00:02.000\\n"
SAYS = f"import sys; print('{VTT}' + open(sys.argv[1]).read() + ' ' + sys.argv[2])"


class World:
    def __init__(self, database: Database, catalogue: Catalog, room: Room, hands: HandClock, folder: Path) -> None:
        self.database, self.catalogue, self.hands, self.folder = database, catalogue, hands, folder
        self.store = FolderStore(folder / "store")
        self.captions = Captions(catalogue.editing, self.store, folder / "uploads")
        self.jobs = Captioning(database, hands)
        self.lesson = str(ULID())
        sound = folder / "sound.m4a"
        sound.write_text("Optics")
        sha256 = hashlib.sha256(b"Optics").hexdigest()
        self.store.adopt(sound, sha256)
        with database.write() as session:
            facts: dict[str, Any] = {
                "room_id": room.id,
                "started": 1.0,
                "received": 1.0,
                "state": "ready",
                "language": "fr",
            }
            session.add(LessonRow(id=self.lesson, title="Optics", **facts))
            session.flush()
            file: dict[str, Any] = {
                "kind": "audio",
                "source": "mic",
                "bytes": 6,
                "sha256": sha256,
                "seconds": 60.0,
                "made": 1.0,
            }
            session.add(OutputRow(lesson_id=self.lesson, name="mic.m4a", content_type="audio/mp4", **file))

    def worker(self, says: str, owner: str = "one") -> Captioner:
        command = [sys.executable, "-c", says]
        folder = self.folder / "work"
        return Captioner(self.jobs, self.captions, self.store, command=command, owner=owner, folder=folder)

    def given(self) -> list[str]:
        with self.database.read() as session:
            found = session.exec(select(CaptionRow.sha256)).all()
        return ["".join(map(bytes.decode, self.store.read(each))) for each in found]

    def row(self) -> CaptioningRow:
        with self.database.read() as session:
            return session.exec(select(CaptioningRow)).one()


@pytest.fixture
def world(database: Database, catalogue: Catalog, amphi: Room, hands: HandClock, tmp_path: Path) -> World:
    return World(database, catalogue, amphi, hands, tmp_path)


def test_the_program_hears_the_sound_and_its_language_once(world: World, admin: Person) -> None:
    stop = threading.Event()
    assert world.worker(SAYS).once(stop)
    assert world.given() == ["WEBVTT\n\n00:01.000 --> 00:02.000\nOptics fr\n"]
    assert not world.worker(SAYS).once(stop)
    world.catalogue.editing.uncaption(admin, world.lesson, "fr")
    assert not world.worker(SAYS).once(stop)  # whoever took them away meant it


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ("import sys; sys.exit('The model is missing.')", "ended with 1: The model is missing."),
        ("print('hello')", "That is not WebVTT"),
        (f"print('WEBVTT' + 'x' * {3 * 1024**2})", "at most 2 MiB"),
    ],
)
def test_a_program_that_fails_is_asked_again_later_and_not_for_ever(world: World, says: str, problem: str) -> None:
    stop = threading.Event()
    for _ in range(TRIES):
        assert world.worker(says).once(stop)
        assert not world.worker(says).once(stop)
        assert problem in world.row().problem
        world.hands.now += 3601
    assert not world.worker(says).once(stop)
    assert world.given() == []


def test_a_worker_that_ends_gives_the_lesson_back_and_one_that_was_killed_loses_it(world: World) -> None:
    ending = threading.Event()
    ending.set()
    assert world.worker("import time; time.sleep(60)").once(ending)
    sound = world.jobs.claim("killed")
    assert sound is not None
    assert not world.worker(SAYS).once(threading.Event())
    world.hands.now += 16
    assert world.worker(SAYS, "two").once(threading.Event())
    assert len(world.given()) == 1
    assert not world.jobs.wanted(sound, "killed")


def test_what_a_person_gave_meanwhile_stays(world: World, admin: Person) -> None:
    sound = world.jobs.claim("one")
    assert sound is not None
    world.captions.take(admin, world.lesson, "ar", b"WEBVTT\n\n00:01.000 --> 00:02.000\nBy hand\n")
    assert not world.jobs.wanted(sound, "one")
    world.jobs.release(sound, "one")
    assert not world.worker(SAYS).once(threading.Event())
