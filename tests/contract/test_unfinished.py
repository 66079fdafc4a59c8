"""Bytes of unfinished uploads, in a folder and in a bucket: whoever noted them first has won, and what is whole is
proven before it is stored."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc import jwk
from ulid import ULID

from lms_server.catalog.tables import Room, UploadRow
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Busy, ChecksumMismatch, Conflict
from lms_server.ingest.ingest import Ingest, Proof
from lms_server.places import Places, open_places
from lms_server.settings import Settings
from lms_server.store.bucket import Bucket
from lms_sync import wire
from tests.peers.seaweedfs import SeaweedFS
from tests.unit.lms_server.conftest import HandClock, amphi, catalogue, database, fresh_database, hands, uploads
from tests.unit.lms_server.ingest.test_ingest import body

__all__ = ["amphi", "catalogue", "database", "fresh_database", "hands", "uploads"]
KEY: jwk.OKPKey = wire.new_key()
MIB = 1024 * 1024
CONTENT = random.Random(7).randbytes(13 * MIB + 321)
pytestmark = pytest.mark.anyio


@dataclass
class Bench:
    """Any number of web processes' ingests over one catalogue and one place."""

    settings: Settings
    places: Places
    uploads: Uploads
    room: Room
    clock: Callable[[], float]
    stored: list[int]
    bucket: Bucket | None

    def web(self) -> Ingest:
        return Ingest(
            settings=self.settings,
            uploads=self.uploads,
            parts=self.places.parts(self.uploads, self.clock),
            store=self.places.store,
            key=KEY,
            clock=self.clock,
            on_stored=self.stored.append,
        )

    def create(self, content: bytes, path: str = "front/take-001.mp4") -> UploadRow:
        digest = hashlib.sha256(content).hexdigest()
        asset = wire.Asset(str(ULID()), "take", "front", path, "master", len(content), digest)
        return self.uploads.create(self.room, asset, join=True)

    def now(self, row: UploadRow) -> UploadRow:
        found = self.uploads.get(row.id)
        assert found is not None
        return found

    def kept(self, content: bytes) -> bool:
        return b"".join(self.places.store.read(hashlib.sha256(content).hexdigest())) == content

    def leavings(self) -> list[str]:
        """What lies about of unfinished uploads."""
        files = [str(path) for path in self.settings.uploads.iterdir()]
        if self.bucket is None:
            return files
        with self.uploads._database.read() as session:
            rows = session.connection().exec_driver_sql("SELECT key FROM upload_piece").scalars().all()
        objects = [found.key for page in self.bucket.list("uploads/") for found in page]
        assert sorted(objects) == sorted(rows)
        return [*files, *objects]


def put(bench: Bench, row: UploadRow, data: bytes) -> None:
    """As a process does that is killed after it."""
    part = bench.places.parts(bench.uploads, bench.clock).open(row)
    try:
        part.write(data)
        part.commit()
    finally:
        part.close()


async def send(web: Ingest, row: UploadRow, offset: int, data: bytes, **more: bool) -> UploadRow:
    return await web.append(row.id, offset, body(data, **more), announced=None, proof=Proof())


@pytest.fixture(params=["folder", "seaweedfs"])
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, uploads: Uploads, amphi: Room, hands: HandClock
) -> Iterator[Bench]:
    seaweed: SeaweedFS | None = request.getfixturevalue("seaweed") if request.param == "seaweedfs" else None
    settings = Settings(data=tmp_path, reserve=0, store_address=seaweed.make() if seaweed is not None else "")
    bucket = Bucket(settings.store_address) if settings.store_address else None
    yield Bench(settings, open_places(settings, lambda _: None), uploads, amphi, hands, [], bucket)
    if bucket is not None:
        bucket.close()


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([100, 6 * MIB, 6 * MIB, MIB + 221], id="long ones between short ones"),
        pytest.param([MIB] * 13 + [321], id="many short ones"),
        pytest.param([13 * MIB + 321], id="one"),
        pytest.param([3 * MIB, 10 * MIB + 321], id="a short one first"),
    ],
)
async def test_two_processes_by_turns_make_one_file_whole(bench: Bench, sizes: list[int]) -> None:
    row = bench.create(CONTENT)
    webs, at = [bench.web(), bench.web()], 0
    for turn, size in enumerate(sizes):
        row = await send(webs[turn % 2], row, at, CONTENT[at : at + size])
        at += size
    assert (row.state, bench.stored, bench.kept(CONTENT)) == ("stored", [len(CONTENT)], True)
    assert bench.leavings() == []


async def test_of_two_who_bring_the_same_bytes_one_counts(bench: Bench) -> None:
    """A room came back through another process before its old request was known to be dead."""
    row = bench.create(CONTENT[:2000])
    before = bench.now(row)
    old, new = bench.web(), bench.web()
    await send(new, row, 0, CONTENT[:1000])
    with pytest.raises(Busy, match="further"):  # in a folder he does not even begin
        put(bench, before, CONTENT[:700])
    assert len(bench.leavings()) == 1
    with pytest.raises(Conflict) as told:
        await send(old, row, 0, CONTENT[:700])
    assert told.value.headers["Upload-Offset"] == "1000"
    assert (await send(old, row, 1000, CONTENT[1000:2000])).state == "stored"
    assert bench.kept(CONTENT[:2000])


async def test_two_who_finish_at_once_store_once(bench: Bench) -> None:
    row = bench.create(CONTENT[:5000])
    put(bench, row, CONTENT[:5000])
    with bench.places.parts(bench.uploads, bench.clock).whole(bench.now(row)) as whole:
        whole.adopt(row.sha256)  # one process is here …
    for web in (bench.web(), bench.web()):
        bench.uploads.verifying(row.id, row.sha256)
        web.finish(row.id)  # … when others finish it
    assert (bench.now(row).state, bench.stored, bench.leavings()) == ("stored", [5000], [])


async def test_a_process_killed_with_every_byte_here_is_made_good_by_another(bench: Bench) -> None:
    row = bench.create(CONTENT)
    web, at = bench.web(), 0
    for size in (6 * MIB, 7 * MIB):
        await send(web, row, at, CONTENT[at : at + size])
        at += size
    put(bench, bench.now(row), CONTENT[at:])
    bench.web().recover()
    assert (bench.now(row).state, bench.kept(CONTENT), bench.leavings()) == ("stored", True, [])


async def test_bytes_before_a_broken_connection_are_kept_for_the_other_process(bench: Bench) -> None:
    row = bench.create(CONTENT[:3000])
    with pytest.raises(Busy):
        await send(bench.web(), row, 0, CONTENT[:1234], cut=True)
    assert (await bench.web().offset(row.id)).offset == 1234
    assert (await send(bench.web(), row, 1234, CONTENT[1234:3000])).state == "stored"


async def test_what_is_not_what_was_announced_is_never_stored(bench: Bench) -> None:
    row = bench.create(CONTENT[:3000])
    await send(bench.web(), row, 0, CONTENT[:1000])
    with pytest.raises(ChecksumMismatch):
        await send(bench.web(), row, 1000, bytes(2000))
    assert bench.places.store.size(row.sha256) is None
    assert (bench.uploads.get(row.id), bench.leavings()) == (None, [])


async def test_parts_are_joined_in_their_order(bench: Bench) -> None:
    web, middle = bench.web(), 6 * MIB + 5
    rows = [bench.uploads.create_part(bench.room, size) for size in (middle, len(CONTENT) - middle)]
    await send(web, rows[1], 0, CONTENT[middle:])
    await send(web, rows[0], 0, CONTENT[:middle])
    whole = bench.create(CONTENT)
    done = await bench.web().join(whole.id, [bench.now(row) for row in rows])
    assert (done.state, bench.kept(CONTENT), bench.leavings()) == ("stored", True, [])
    assert [bench.uploads.get(row.id) for row in rows] == [None, None]


async def test_an_empty_file_is_a_file(bench: Bench) -> None:
    row = await bench.web().finish_new(bench.create(b"").id)
    assert (row.state, bench.kept(b"")) == ("stored", True)


async def test_what_nobody_came_back_for_is_swept(bench: Bench, hands: HandClock) -> None:
    row = bench.create(CONTENT)
    await send(bench.web(), row, 0, CONTENT[:1000])
    assert len(bench.leavings()) == 1
    hands.now += 31 * 86400
    assert await bench.web().sweep() == 1
    assert bench.leavings() == []
