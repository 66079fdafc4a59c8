"""Two web and two worker processes over one catalogue and one store, one of each killed at work: nothing is lost, and
nothing is there twice. The same on SQLite and a folder, and on PostgreSQL and a real S3 store, where the processes
share nothing else but the server's keys, as on two machines."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.catalog.database import Database
from lms_server.catalog.tables import LessonRow, UploadPiece, UploadRow
from lms_sync import wire
from media.lesson import Lesson, Source
from tests.measure.takes import add_audio, add_video, lesson_of
from tests.peers.central import LMS_SERVER, OFFSET_TYPE, Central, SigningRoom, asset, order
from tests.peers.postgresql import PostgreSQL
from tests.peers.program import stop, wait_until
from tests.peers.seaweedfs import SeaweedFS

LESSONS = 2
PATIENCE = 150.0
"""Seconds: on a busy machine so many programs take their time to start."""
BIG = os.urandom(13_000_000)


@dataclass
class Deployment:
    """place: of the catalogue. folders: one a machine."""

    place: Path | str
    folders: list[Path]
    env: dict[str, str]
    webs: list[Central] = field(default_factory=list)

    def worker(self, at: int) -> subprocess.Popen[bytes]:
        folder = self.folders[at]
        with (folder.parent / f"worker-{at}.log").open("ab") as log:
            command = [LMS_SERVER, "worker", "--data", str(folder)]
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **self.env})


@pytest.fixture(scope="module", params=["sqlite and a folder", "postgresql and s3"])
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    tmp_path = tmp_path_factory.mktemp("deployment")
    if request.param == "postgresql and s3":
        postgres: PostgreSQL = request.getfixturevalue("postgres")
        seaweed: SeaweedFS = request.getfixturevalue("seaweed")
        address = postgres.make(f"two_{os.getpid()}")
        env = {"DARSBOX_DATABASE": address, "DARSBOX_STORE": seaweed.make(), "DARSBOX_KEYS": str(tmp_path / "keys")}
        found = Deployment(address, [tmp_path / "one", tmp_path / "two"], env)
    else:
        found = Deployment(tmp_path / "data" / "darsbox.sqlite", [tmp_path / "data"] * 2, {})
    found.webs += [Central(folder, env=found.env, name=f"web-{at}") for at, folder in enumerate(found.folders)]
    with ExitStack() as running:
        for web in found.webs:
            running.push(web)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Central.start, found.webs))  # on nothing: they agree on tables and keys
        yield found


@pytest.fixture
def database(deployment: Deployment) -> Iterator[Database]:
    """A look from the side."""
    opened = Database(deployment.place)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lesson, Path]:
    folder = tmp_path_factory.mktemp("room")
    sources = [Source("front", "camera", "video", "Front camera"), Source("lectern", "microphone", "audio", "Lectern")]
    lesson = lesson_of(sources)
    add_video(lesson, folder, "front", 0.0, 3.0, ended="lost")
    add_video(lesson, folder, "front", 4.0, 2.0)
    add_audio(lesson, folder, "lectern", 0.0, 6.0)
    return lesson, folder


def files_of(lesson: Lesson, folder: Path) -> list[tuple[wire.Asset, bytes]]:
    """The files of such a lesson under another id, lesson.json first."""
    again = Lesson.from_json(lesson.to_json())
    again.id = str(ULID())
    text = again.to_json().encode()
    manifest = asset(again.id, text, "lesson.json", kind="manifest", source="", tier="card")
    takes = [(take, (folder / take.file).read_bytes()) for take in again.takes]
    return [(manifest, text), *((asset(again.id, data, take.file, source=take.source), data) for take, data in takes)]


def deliver(room: SigningRoom, webs: Iterator[Central], sent: wire.Asset, content: bytes, over: threading.Event) -> str:
    """Every request goes to the next of the processes, whatever became of the one before; the receipt. over: it is of
    no use any more."""
    path, at, size = "", 0, len(content) // 3 + 1
    while not over.is_set():
        room.central = next(webs)
        try:
            if not path:
                made = room.create(sent)
                assert made.status_code == 201, made.text
                path, at = httpx.URL(made.headers["Location"]).path, int(made.headers["Upload-Offset"])
                continue
            if at < 0:
                at = room.offset(path)
            if at < len(content):
                answer = room.patch(path, at, content[at : at + size])
                assert answer.status_code in {204, 409, 423}, answer.text
                at = int(answer.headers["Upload-Offset"]) if answer.status_code == 204 else -1
            else:
                answer = room.ask("GET", f"{path}/receipt")
                if answer.status_code == 200:
                    return str(answer.json()["receipt"])
                assert answer.json()["code"] == "verifying", answer.text
                at = -1
        except httpx.TransportError:
            at = -1  # that one was killed; what it had made durable, the other knows
    return ""


class PunctualRoom(SigningRoom):
    """Asks nobody for the time: it would be half of all requests."""

    def central_time(self) -> float:
        return time.time()


@pytest.fixture(scope="module")
def room(deployment: Deployment) -> PunctualRoom:
    one = deployment.webs[0]
    room = PunctualRoom(one, "Amphi A")
    assert room.enrol(one.code("Amphi A")).status_code == 201
    return room


def half_a_request(room: SigningRoom, web: Central, path: str, at: int, piece: bytes) -> socket.socket:
    """A PATCH of which the network has brought only the beginning; the server has begun to take it in."""
    room.central = web
    now, digest = room.central_time(), hashlib.sha256(piece).hexdigest()
    proof = wire.prove(room.key, room.id, method="PATCH", path=path, body_sha256=digest, now=now)
    link = socket.create_connection(("127.0.0.1", int(web.url.rpartition(":")[2])), timeout=10)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {at}\r\n"
        f"Content-Type: {OFFSET_TYPE}\r\nContent-Length: {len(piece)}\r\nAuthorization: {proof}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    link.sendall(head.encode())
    assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    link.sendall(piece[: len(piece) // 2])
    return link


def test_a_room_that_comes_back_through_another_process_goes_on_there(
    deployment: Deployment, room: PunctualRoom
) -> None:
    """Its old request still hangs at the process that was killed, or that only believes the link to be alive."""
    one, two = deployment.webs
    room.central, content = one, BIG[:600_000]
    take = asset(str(ULID()), content)
    path = httpx.URL(room.create(take).headers["Location"]).path
    assert room.patch(path, 0, content[:200_000]).status_code == 204
    stale = half_a_request(room, one, path, 200_000, content[200_000:400_000])
    try:
        room.central = two
        assert room.offset(path) == 200_000
        if deployment.env:
            assert room.patch(path, 200_000, content[200_000:500_000]).status_code == 204
            stale.sendall(content[300_000:400_000])  # and now the rest of the old one comes after all
            assert b"423" in stale.recv(100)
            assert room.offset(path) == 500_000
        else:  # in a folder the process that holds the file keeps it until its peer is silent for too long, or it ends
            assert room.patch(path, 200_000, content[200_000:500_000]).status_code == 423
            one.kill()
            assert room.patch(path, 200_000, content[200_000:500_000]).status_code == 204
            one.start()
        assert room.patch(path, 500_000, content[500_000:]).status_code == 204
        wire.check_receipt(room.receipt(path), room.server_key, room=room.id, asset=take)
    finally:
        stale.close()


@pytest.mark.timeout(400)
def test_one_of_each_killed_at_work_costs_no_byte_and_doubles_none(
    deployment: Deployment, database: Database, room: PunctualRoom, recorded: tuple[Lesson, Path]
) -> None:
    one, two = deployment.webs
    admin = one.token("admin", "admin")
    sent = [file for _ in range(LESSONS) for file in files_of(*recorded)]
    sent.append((asset(str(ULID()), BIG), BIG))
    lessons = list(dict.fromkeys(each.lesson for each, _ in sent))[:LESSONS]
    receipts: list[str] = []
    over = threading.Event()

    def send() -> None:
        webs = itertools.cycle([one, two])
        for each, content in sent:
            receipts.append(deliver(room, webs, each, content, over))

    workers = [deployment.worker(at) for at in (0, 1)]

    def at_work() -> int | None:
        """Who has a lesson, as a place in the list of workers."""
        with database.read() as session:
            owners = session.exec(select(LessonRow.lease_owner)).all()
        pids = [int(owner.split(":")[1]) for owner in owners if owner]
        return next((at for at, worker in enumerate(workers) if worker.pid in pids), None)

    sender = threading.Thread(target=send)
    try:
        sender.start()
        wait_until(lambda: len(receipts) > 2 or not sender.is_alive(), PATIENCE, "the first files")
        one.kill()
        wait_until(lambda: at_work() is not None, PATIENCE, "a worker at a lesson")
        killed = at_work()
        if killed is not None:  # it may have been done in the very moment
            os.kill(workers[killed].pid, signal.SIGKILL)
            workers[killed].wait()
        one.start()
        sender.join(PATIENCE)
        assert not sender.is_alive()
        assert len(receipts) == len(sent)
        for (each, _), receipt in zip(sent, receipts, strict=True):
            wire.check_receipt(receipt, room.server_key, room=room.id, asset=each)

        def states() -> set[str]:
            answers = [httpx.get(f"{two.url}/api/v1/lessons/{lesson}", headers=admin) for lesson in lessons]
            return {answer.json()["state"] for answer in answers}

        wait_until(lambda: states() == {"ready"}, PATIENCE, "every lesson, by whoever is left")
    finally:
        over.set()
        sender.join(60)
        for worker in workers:
            stop(worker)
    listed = order(deployment.folders[1], "receipts", "--json", env=deployment.env).stdout.splitlines()
    ours = {each.lesson for each, _ in sent}
    kept = [(line["lesson"], line["path"], line["sha256"]) for line in map(json.loads, listed)]
    mine = Counter(each for each in kept if each[0] in ours)
    assert mine == Counter((each.lesson, each.path, each.sha256) for each, _ in sent)
    contents = {(each.lesson, each.path): content for each, content in sent}
    for lesson, web in zip(lessons, itertools.cycle([one, two]), strict=False):
        found = httpx.get(f"{web.url}/api/v1/lessons/{lesson}", headers=admin).json()["files"]
        made = Counter(file["name"] for file in found if file["kind"] in {"programme", "audio"})
        assert made == Counter(["front.mp4", "lectern.m4a"])
        for file in found:
            got = httpx.get(web.url + file["url"], headers=admin).content
            assert (len(got), hashlib.sha256(got).hexdigest()) == (file["bytes"], file["sha256"])
            assert contents.get((lesson, file["name"]), got) == got
    with database.read() as session:
        assert session.exec(select(UploadPiece.key)).all() == []
        assert set(session.exec(select(UploadRow.state))) == {"stored"}
    assert [file for folder in deployment.folders for file in (folder / "uploads").iterdir()] == []
