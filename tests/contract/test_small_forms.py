"""What the server makes of a lesson whose room sent nothing small: students on a poor link can watch it, too."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import av
import pytest
from PIL import Image
from sqlmodel import select
from ulid import ULID

from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.rendering import Rendering
from lms_server.catalog.tables import OutputRow, RenderingRow
from lms_server.store.folder import FolderStore
from lms_server.worker.worker import Worker
from media.lesson import Original, Source, Span
from tests.measure import decode_errors
from tests.measure.room import FRONT, LECTERN, Room
from tests.peers.kept import put, put_lesson, ready


class Server:
    """A store, a catalogue with one lesson in it, and a worker."""

    def __init__(self, folder: Path) -> None:
        migrate(folder / "darsbox.sqlite")
        self.database = Database(folder / "darsbox.sqlite")
        self.store = FolderStore(folder / "store")
        self.lesson = str(ULID())
        self.worker = Worker(Rendering(self.database, time.time), self.store, folder / "work", "one", "small")

    def made(self) -> dict[str, OutputRow]:
        """Works until nothing is left to do; the files by kind."""
        while self.worker.once(threading.Event()):
            pass
        with self.database.read() as session:
            assert session.exec(select(RenderingRow.problem)).all() == []
            return {row.kind: row for row in session.exec(select(OutputRow))}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_room_s_lesson_gets_sound_and_slides_a_small_film_and_pictures(server: Server, tmp_path: Path) -> None:
    room = Room(tmp_path, FRONT, LECTERN)
    room.video(0.0, 4)
    room.audio(0.0, 4)
    ready(server.database, server.lesson, *put_lesson(server.store, room), "slidecast", "proxy")
    made = server.made()
    assert set(made) == {"slidecast", "poster", "proxy", "thumbnail"}
    for kind in ("slidecast", "proxy"):
        with server.store.local(made[kind].sha256) as file:
            assert decode_errors(file) == ""
            with av.open(str(file)) as container:
                assert {"video", "audio"} <= {stream.type for stream in container.streams}
        assert made[kind].seconds == pytest.approx(4.0, abs=0.1)
    with server.store.local(made["thumbnail"].sha256) as file, Image.open(file) as image:
        assert image.format == "JPEG"
        assert image.width <= 320
    assert made["thumbnail"].bytes < 12_000


def test_a_lesson_of_another_system_gets_them_from_the_files_that_were_made_of_it(
    server: Server, tmp_path: Path
) -> None:
    room = Room(tmp_path, FRONT, LECTERN)
    room.video(0.0, 3)
    room.audio(0.0, 3)
    outputs = [
        OutputRow(
            lesson_id=server.lesson,
            name=output.name,
            kind=output.kind,
            source=output.source,
            bytes=output.bytes,
            sha256=put(server.store, output.path),
            seconds=output.seconds,
            content_type=output.content_type,
            made=1.0,
        )
        for output in room.assemble().values()
    ]
    room.lesson.sources = [Source("front", "camera", "video")]
    room.lesson.takes, room.lesson.spans = [], [Span(boot="", mono=0.0, wall=1.0, ended="stopped")]
    room.lesson.originals = [Original("front", "front/original.mkv", 1, "0" * 64)]
    manifest, _ = put_lesson(server.store, room)
    takes: list[dict[str, object]] = [{"path": "front/original.mkv", "sha256": "0" * 64}]
    ready(server.database, server.lesson, manifest, takes, "slidecast", outputs=outputs)
    slidecast = server.made()["slidecast"]
    with server.store.local(slidecast.sha256) as file, av.open(str(file)) as container:
        assert {"video", "audio"} <= {stream.type for stream in container.streams}
    assert slidecast.seconds == pytest.approx(3.0, abs=0.2)
