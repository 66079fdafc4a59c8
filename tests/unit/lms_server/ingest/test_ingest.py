"""No byte that was acknowledged is lost, and none is kept that was not meant."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from joserfc import jwk
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message
from ulid import ULID

from lms_server.catalog.tables import Room, UploadRow
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Busy, ChecksumMismatch, NotFound, StoreFull, TooLarge, Unauthenticated
from lms_server.ingest.body import Body
from lms_server.ingest.folder_parts import FolderParts
from lms_server.ingest.headers import Checksum
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.intake import Proof
from lms_server.settings import Settings
from lms_server.store.folder import FolderStore
from lms_sync import wire
from tests.unit.lms_server.conftest import KEEP, HandClock

CONTENT = os.urandom(3_000_000)
KEY: jwk.OKPKey = wire.new_key()
pytestmark = pytest.mark.anyio


def body(*pieces: bytes, cut: bool = False) -> Body:
    """A request's body in these pieces; cut: the connection breaks after them."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return Body(Request({"type": "http", "method": "PATCH", "headers": []}, receive))


class Bench:
    """An Ingest over a folder, which can be put together anew as after a restart."""

    def __init__(
        self, folder: Path, uploads: Uploads, room: Room, clock: Callable[[], float], reserve: int = 0
    ) -> None:
        self.folder, self.uploads, self.room, self.clock, self.reserve = folder, uploads, room, clock, reserve
        self.store = FolderStore(folder / "store")
        self.stored: list[int] = []
        self.restart()

    def restart(self) -> None:
        settings = Settings(data=self.folder, reserve=self.reserve)
        self.ingest = Ingest(
            settings=settings,
            uploads=self.uploads,
            parts=FolderParts(settings.uploads, self.store, self.uploads, self.reserve),
            store=self.store,
            key=KEY,
            clock=self.clock,
            on_stored=self.stored.append,
        )

    def create(self, content: bytes, sha256: str | None = None) -> UploadRow:
        digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
        asset = wire.Asset(str(ULID()), "take", "front", "front/take-001.mp4", "master", len(content), digest)
        return self.uploads.create(self.room, asset, join=True)

    async def append(self, row: UploadRow, offset: int, sent: Body, **expected: object) -> UploadRow:
        checksum, proof = expected.get("checksum"), expected.get("proof")
        assert checksum is None or isinstance(checksum, Checksum)
        assert proof is None or isinstance(proof, str)
        held = Proof(None, checksum, proof)
        return await self.ingest.append(row.id, offset, sent, announced=None, proof=held)

    def offset(self, row: UploadRow) -> int:
        found = self.uploads.get(row.id)
        assert found is not None
        return found.offset

    def part(self, row: UploadRow) -> Path:
        return self.folder / "uploads" / f"{row.id}.part"

    def objects(self) -> Sequence[bytes]:
        return [file.read_bytes() for file in (self.folder / "store").rglob("*") if file.is_file()]


@pytest.fixture
def bench(tmp_path: Path, uploads: Uploads, amphi: Room, hands: HandClock) -> Bench:
    return Bench(tmp_path / "data", uploads, amphi, hands)


async def test_a_whole_file_is_stored_and_receipted(bench: Bench) -> None:
    row = bench.create(CONTENT)
    done = await bench.append(row, 0, body(CONTENT[:1_500_000], CONTENT[1_500_000:]))
    assert done.state == "stored"
    assert bench.objects() == [CONTENT]
    assert bench.stored == [len(CONTENT)]
    assert not bench.part(row).exists()
    receipt = bench.uploads.receipt(done)
    assert receipt is not None
    assert receipt.count(".") == 2


async def test_bytes_before_a_broken_connection_are_kept(bench: Bench) -> None:
    row = bench.create(CONTENT)
    with pytest.raises(Busy):
        await bench.append(row, 0, body(CONTENT[:1_234_567], cut=True))
    assert bench.offset(row) == 1_234_567
    assert (await bench.append(row, 1_234_567, body(CONTENT[1_234_567:]))).state == "stored"
    assert bench.objects() == [CONTENT]


async def test_with_a_checksum_half_a_body_is_nothing(bench: Bench) -> None:
    row = bench.create(CONTENT)
    whole = Checksum("sha256", hashlib.sha256(CONTENT).digest())
    with pytest.raises(Busy):
        await bench.append(row, 0, body(CONTENT[:2_000_000], cut=True), checksum=whole)
    assert bench.offset(row) == 0
    assert bench.part(row).stat().st_size == 0


@pytest.mark.parametrize("pieces", [(b"x" * 10,), (b"x" * 2_000_000, b"y" * 900_000)])
async def test_a_body_of_another_hash_leaves_no_trace(bench: Bench, pieces: tuple[bytes, ...]) -> None:
    row = bench.create(CONTENT)
    await bench.append(row, 0, body(CONTENT[:100]))
    with pytest.raises(ChecksumMismatch):
        await bench.append(row, 100, body(*pieces), checksum=Checksum("sha1", b"0" * 20))
    with pytest.raises(Unauthenticated):
        await bench.append(row, 100, body(*pieces), proof="0" * 64)
    assert (bench.offset(row), bench.part(row).read_bytes()) == (100, CONTENT[:100])
    assert (await bench.append(row, 100, body(CONTENT[100:]))).state == "stored"


async def test_too_many_bytes_leave_no_trace(bench: Bench) -> None:
    row = bench.create(CONTENT)
    with pytest.raises(TooLarge):
        await bench.append(row, 0, body(CONTENT, b"x"))
    assert (bench.offset(row), bench.part(row).stat().st_size) == (0, 0)


async def test_a_wrong_whole_is_discarded(bench: Bench) -> None:
    row = bench.create(CONTENT, sha256="0" * 64)
    with pytest.raises(ChecksumMismatch):
        await bench.append(row, 0, body(CONTENT))
    with pytest.raises(NotFound):
        await bench.ingest.offset(row.id)
    assert bench.objects() == []
    assert not bench.part(row).exists()


async def test_a_restart_cuts_what_was_never_acknowledged(bench: Bench) -> None:
    row = bench.create(CONTENT)
    await bench.append(row, 0, body(CONTENT[:1000]))
    with bench.part(row).open("ab") as part:
        part.write(b"torn")
    bench.restart()
    assert (await bench.append(row, 1000, body(CONTENT[1000:]))).state == "stored"
    assert bench.objects() == [CONTENT]


async def test_after_a_restart_the_whole_is_proven_from_the_disk(bench: Bench) -> None:
    row = bench.create(CONTENT)
    await bench.append(row, 0, body(CONTENT[:1000]))
    bench.part(row).write_bytes(b"\0" + CONTENT[1:1000])  # a bit rots while the server is down
    bench.restart()
    with pytest.raises(ChecksumMismatch):
        await bench.append(row, 1000, body(CONTENT[1000:]))
    assert bench.objects() == []


async def test_bytes_the_disk_lost_are_asked_for_again(bench: Bench) -> None:
    row = bench.create(CONTENT)
    await bench.append(row, 0, body(CONTENT[:1000]))
    bench.part(row).write_bytes(CONTENT[:500])
    with pytest.raises(NotFound) as refused:
        await bench.append(row, 1000, body(CONTENT[1000:]))
    assert refused.value.code == "upload-lost"
    with pytest.raises(NotFound):
        await bench.ingest.offset(row.id)
    again = bench.create(CONTENT)
    assert (await bench.append(again, 0, body(CONTENT))).state == "stored"


@pytest.mark.parametrize("killed_after", ["last byte", "proof", "move"])
async def test_a_kill_before_the_receipt_is_made_good(bench: Bench, killed_after: str) -> None:
    row = bench.create(CONTENT)
    bench.part(row).write_bytes(CONTENT)
    bench.uploads.advance(row.id, 0, len(CONTENT))
    if killed_after != "last byte":
        bench.uploads.verifying(row.id, row.sha256)
    if killed_after == "move":
        bench.store.adopt(bench.part(row), row.sha256)
    bench.restart()
    bench.ingest.recover()
    found = bench.uploads.get(row.id)
    assert found is not None
    assert found.state == "stored"
    assert bench.objects() == [CONTENT]
    assert bench.uploads.receipt(found)


@pytest.mark.parametrize(
    "killed", ["while copying", "before it was noted", "before the proof", "before the parts went"]
)
async def test_a_kill_while_parts_are_joined_is_made_good(bench: Bench, killed: str) -> None:
    parts = [bench.uploads.create_part(bench.room, length) for length in (1_000_000, 2_000_000)]
    await bench.append(parts[0], 0, body(CONTENT[:1_000_000]))
    await bench.append(parts[1], 0, body(CONTENT[1_000_000:]))
    row = bench.create(CONTENT)
    bench.part(row).write_bytes(CONTENT[:1_500_000] if killed == "while copying" else CONTENT)
    if killed in {"before the proof", "before the parts went"}:
        assert bench.uploads.joins(row.id, parts)
    if killed == "before the parts went":
        bench.ingest.finish(row.id)
    bench.restart()
    bench.ingest.recover()
    assert (await bench.ingest.join(row.id, parts)).state == "stored"
    assert bench.objects() == [CONTENT]
    assert [bench.uploads.get(part.id) for part in parts] == [None, None]


async def test_a_disk_without_room_takes_nothing(
    tmp_path: Path, uploads: Uploads, amphi: Room, hands: HandClock
) -> None:
    full = Bench(tmp_path / "data", uploads, amphi, hands, reserve=2**60)
    row = full.create(CONTENT)
    with pytest.raises(StoreFull):
        await full.append(row, 0, body(CONTENT))
    assert (full.offset(row), full.part(row).stat().st_size) == (0, 0)
    full.reserve = 0
    full.restart()
    assert (await full.append(row, 0, body(CONTENT))).state == "stored"


async def test_forgotten_uploads_are_swept_with_their_bytes(bench: Bench, hands: HandClock) -> None:
    row, kept = bench.create(CONTENT), bench.create(b"x" * 100)
    await bench.append(row, 0, body(CONTENT[:1000]))
    hands.now += KEEP / 2
    await bench.append(kept, 0, body(b"x" * 50))
    hands.now += KEEP / 2 + 1
    assert await bench.ingest.sweep() == 1
    assert not bench.part(row).exists()
    assert bench.part(kept).exists()


async def test_a_body_is_drained_only_once() -> None:
    sent = body(b"x", b"y")
    assert [piece async for piece in sent] == [b"x", b"y"]
    await sent.drain()  # returns at once; asking the connection again would wait for ever


async def test_a_broken_body_says_so() -> None:
    with pytest.raises(ClientDisconnect):
        _ = [piece async for piece in body(b"x", cut=True)]
