"""What comes on a stick is taken as if it had come by the link: checked, joined, receipted once; and a bad stick harms
nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc import jwk
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room, UploadRow
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Busy, StartError, StoreFull
from lms_server.ingest.folder_parts import FolderParts
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.intake import Proof
from lms_server.ingest.sticks import BundleReport, Sticks
from lms_server.settings import Settings
from lms_server.store.folder import FolderStore
from lms_sync import wire
from lms_sync.wire import bundle, sealing
from lms_sync.wire.bundle import Entry, Manifest, Segment
from tests.unit.lms_server.conftest import HandClock
from tests.unit.lms_server.ingest.test_ingest import body

pytestmark = pytest.mark.anyio
ROOM_KEY, SERVER_KEY, SEALING_KEY = wire.new_key(), wire.new_key(), sealing.new_sealing_key()
LESSON = str(ULID())
CONTENT = hashlib.shake_256(b"a take").digest(700_000)
TAKE = wire.Asset(
    LESSON, "take", "front", "front/take-001.mp4", "master", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()
)


class Bench:
    """A server's import, and a stick that tests write as a room does, or as no room would."""

    def __init__(self, folder: Path, catalogue: Catalog, uploads: Uploads, clock: HandClock) -> None:
        self.uploads, self.catalogue = uploads, catalogue
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.settings = Settings(data=folder / "data", reserve=0)
        code = catalogue.rooms.make_code("Village")
        room = catalogue.rooms.find(
            catalogue.rooms.enrol(code, "Village", "ENS", wire.dump_key(ROOM_KEY, private=False))
        )
        assert room is not None
        self.room: Room = room
        self.folder = self.stick / bundle.FOLDER / room.id
        self.folder.mkdir(parents=True)
        self.clock = clock
        self.ingest = self.ingest_of(self.settings)
        self.number = 0

    def ingest_of(self, settings: Settings) -> Ingest:
        return Ingest(
            settings=settings,
            uploads=self.uploads,
            parts=self.parts_of(settings),
            store=FolderStore(settings.store),
            key=SERVER_KEY,
            clock=self.clock,
            on_stored=lambda _: None,
        )

    def parts_of(self, settings: Settings) -> FolderParts:
        return FolderParts(settings.uploads, FolderStore(settings.store), self.uploads, settings.reserve)

    def part(self, upload_id: str) -> Path:
        return self.settings.uploads / f"{upload_id}.part"

    def put(self, *stretches: tuple[int, int], asset: wire.Asset = TAKE, content: bytes = CONTENT) -> Entry:
        """Seal these stretches of a file."""
        segments = []
        for start, end in stretches:
            self.number += 1
            name = bundle.segment_name(self.number)
            sealer = sealing.Sealer(SEALING_KEY, sealing.context(self.room.id, asset, start, end - start))
            data = sealer.head
            for at in range(start, end, sealing.FRAME):
                piece = content[at : min(end, at + sealing.FRAME)]
                data += sealer.frame(piece, last=at + len(piece) == end)
            (self.folder / name).write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            segments.append(Segment(file=name, offset=start, length=end - start, bytes=len(data), sha256=digest))
        return Entry.of(asset, tuple(segments))

    def sign(self, *entries: Entry, number: int = 1, key: jwk.OKPKey = ROOM_KEY) -> None:
        addressed = bundle.addressed_to(SERVER_KEY, SEALING_KEY)
        manifest = Manifest(str(ULID()), self.room.id, *addressed, number, 1.8e9, entries)
        (self.folder / bundle.manifest_name(number)).write_bytes(manifest.sign(key))

    async def take_in(self, settings: Settings | None = None) -> BundleReport:
        sticks = Sticks(
            settings=settings or self.settings,
            rooms=self.catalogue.rooms,
            uploads=self.uploads,
            ingest=self.ingest,
            key=SERVER_KEY,
            sealing_key=SEALING_KEY,
        )
        (report,) = await sticks.take_in(self.stick, lambda count: None, lambda path, count: None)
        return report

    def row(self, asset: wire.Asset = TAKE) -> UploadRow:
        return self.uploads.create(self.room, asset, join=True)

    def half(self) -> int:
        """What the stick brings back of the take."""
        word = (self.folder / bundle.HALVES / bundle.receipt_name(TAKE)).read_text()
        return wire.check_half(word, SERVER_KEY, room=self.room.id, asset=TAKE)

    async def by_link(self, start: int, end: int) -> UploadRow:
        row = self.row()
        sent = body(CONTENT[start:end])
        return await self.ingest.append(row.id, start, sent, announced=None, proof=Proof())

    def objects(self) -> Sequence[bytes]:
        return [file.read_bytes() for file in (self.settings.store).rglob("*") if file.is_file()]


@pytest.fixture
def bench(tmp_path: Path, catalogue: Catalog, uploads: Uploads, hands: HandClock) -> Bench:
    return Bench(tmp_path, catalogue, uploads, hands)


async def test_what_comes_in_pieces_is_stored_whole_and_answered_once(bench: Bench) -> None:
    empty = replace(TAKE, path="front/take-002.mp4", bytes=0, sha256=wire.EMPTY_SHA256)
    bench.sign(bench.put((0, 300_000), (300_000, 700_000)), bench.put(asset=empty))
    report = await bench.take_in()
    assert (report.room, report.stored, report.bytes, report.receipts) == ("Village", 2, 700_000, 2)
    assert sorted(bench.objects()) == [b"", CONTENT]
    for asset in (TAKE, empty):
        receipt = (bench.folder / bundle.RECEIPTS / bundle.receipt_name(asset)).read_text()
        wire.check_receipt(receipt, SERVER_KEY, room=bench.room.id, asset=asset)
    before = bench.uploads.receipts()
    again = await bench.take_in()
    assert (again.stored, again.known, again.bytes, again.receipts, again.refused) == (0, 2, 0, 0, [])
    assert bench.uploads.receipts() == before


async def test_stick_link_stick_are_joined_whatever_they_overlap(bench: Bench) -> None:
    bench.sign(bench.put((0, 200_000)))
    report = await bench.take_in()
    assert [half.has for half in report.half] == [200_000]
    assert bench.half() == 200_000
    assert (await bench.by_link(200_000, 350_001)).offset == 350_001
    bench.sign(bench.put((100_000, 400_000), (400_000, 700_000)), number=2)  # the link ended inside of a segment
    report = await bench.take_in()
    assert (report.stored, report.bytes, report.half) == (1, 349_999, [])
    assert bench.objects() == [CONTENT]


async def test_a_stick_that_goes_on_too_far_waits_for_what_is_between(bench: Bench) -> None:
    bench.sign(bench.put((0, 100_000), (500_000, 700_000)))
    report = await bench.take_in()
    assert [half.has for half in report.half] == [100_000]
    (said,) = report.refused
    assert "goes on at byte 500000, but the server has only 100000" in said
    await bench.by_link(100_000, 500_000)
    assert (await bench.take_in()).stored == 1


async def test_bytes_that_are_not_what_the_room_announced_are_never_stored(bench: Bench) -> None:
    """Rightly signed and rightly sealed, and yet another file: the proof of the whole is the last word."""
    bench.sign(bench.put((0, 700_000), content=CONTENT[::-1]))
    report = await bench.take_in()
    assert "not those that were announced" in report.refused[0]
    assert (bench.objects(), report.stored, report.receipts) == ([], 0, 0)
    bench.sign(bench.put((0, 700_000)), number=2)
    assert (await bench.take_in()).stored == 1


async def test_a_damaged_segment_costs_only_itself(bench: Bench) -> None:
    entry = bench.put((0, 300_000), (300_000, 700_000))
    card = replace(TAKE, path="front/take-002.mp4", bytes=5, sha256=hashlib.sha256(b"hello").hexdigest())
    bench.sign(entry, bench.put((0, 5), asset=card, content=b"hello"))
    file = bench.folder / entry.segments[1].file
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"\x00" if whole[-1] else whole[:-1] + b"\x01")
    report = await bench.take_in()
    assert (report.stored, [half.has for half in report.half], len(report.refused)) == (1, [300_000], 1)
    file.write_bytes(whole)
    assert (await bench.take_in()).stored == 1


async def test_a_segment_sealed_as_another_rooms_is_refused(bench: Bench) -> None:
    """A stolen stick does not become somebody else's lesson."""
    entry = bench.put((0, 700_000))
    other = replace(TAKE, lesson=str(ULID()))
    bench.sign(Entry.of(other, entry.segments))
    report = await bench.take_in()
    assert "cannot be opened" in report.refused[0]
    assert bench.objects() == []


async def test_the_newest_good_list_counts_and_forgeries_beside_it_do_not(bench: Bench) -> None:
    bench.sign(number=1)
    bench.sign(bench.put((0, 700_000)), number=2)
    bench.sign(number=3, key=wire.new_key())
    (bench.folder / bundle.manifest_name(4)).write_bytes(b"torn")
    report = await bench.take_in()
    assert (report.stored, len(report.refused)) == (1, 2)


async def test_a_list_that_is_too_large_is_refused_unread(bench: Bench) -> None:
    with (bench.folder / bundle.manifest_name(1)).open("wb") as file:
        file.truncate(10 * bundle.LARGEST_MANIFEST)  # a hole: the stick of a joker
    assert "far too large" in (await bench.take_in()).refused[0]


async def test_a_file_larger_than_the_server_takes_is_refused(bench: Bench) -> None:
    bench.sign(bench.put((0, 700_000)))
    report = await bench.take_in(Settings(data=bench.settings.data, reserve=0, max_upload=699_999))
    assert "at most 699999 bytes" in report.refused[0]
    assert bench.uploads.open_ids() == set()


async def test_a_room_that_was_shut_out_or_enrolled_anew_brings_nothing(bench: Bench, admin: Person) -> None:
    bench.sign(bench.put((0, 700_000)))
    bench.catalogue.rooms.revoke(admin, bench.room.id)
    assert "was shut out" in (await bench.take_in()).refused[0]
    code = bench.catalogue.rooms.make_code("Village")
    bench.catalogue.rooms.enrol(code, "Village", "ENS", wire.dump_key(wire.new_key(), private=False))
    assert "not of this room's key" in (await bench.take_in()).refused[0]
    assert bench.objects() == []


async def test_another_rooms_lesson_stays_another_rooms(bench: Bench, amphi: Room) -> None:
    bench.uploads.create(amphi, TAKE, join=True)
    bench.sign(bench.put((0, 700_000)))
    assert "belongs to another room" in (await bench.take_in()).refused[0]


async def test_a_full_server_says_so_and_keeps_what_it_has(bench: Bench) -> None:
    bench.sign(bench.put((0, 300_000), (300_000, 700_000)))
    usual, bench.ingest = bench.ingest, bench.ingest_of(replace(bench.settings, reserve=2**62))
    with pytest.raises(StoreFull):
        await bench.take_in()
    bench.ingest = usual
    assert (await bench.take_in()).stored == 1


async def test_a_stick_that_cannot_be_written_is_taken_in_all_the_same(bench: Bench) -> None:
    (bench.folder / bundle.RECEIPTS).write_text("a file where a folder should be")
    bench.sign(bench.put((0, 700_000)))
    report = await bench.take_in()
    assert (report.stored, report.receipts) == (1, 0)
    assert "the room gets them by its link" in report.hint


async def test_what_an_import_killed_at_the_last_byte_left_is_finished(bench: Bench) -> None:
    bench.sign(bench.put((0, 700_000)))
    row = bench.row()
    bench.part(row.id).write_bytes(CONTENT)
    bench.uploads.advance(row.id, 0, len(CONTENT))
    report = await bench.take_in()
    assert (report.stored, report.bytes, bench.objects()) == (1, 0, [CONTENT])


async def test_nothing_of_ours_is_one_sentence(bench: Bench, tmp_path: Path) -> None:
    sticks = Sticks(
        settings=bench.settings,
        rooms=bench.catalogue.rooms,
        uploads=bench.uploads,
        ingest=bench.ingest,
        key=SERVER_KEY,
        sealing_key=SEALING_KEY,
    )
    (tmp_path / "empty" / bundle.FOLDER).mkdir(parents=True)
    for place in (tmp_path / "empty", tmp_path / "data", tmp_path / "nowhere"):
        with pytest.raises(StartError, match="nothing of a Darsbox room"):
            await sticks.take_in(place, lambda count: None, lambda path, count: None)
    assert "no list" in (await bench.take_in()).refused[0]


async def test_link_and_stick_at_once_never_cut_each_others_bytes(bench: Bench) -> None:
    """The web process read the offset, then an import of another process moved it: what it made durable stays."""
    before = bench.row()
    await bench.by_link(0, 100_000)
    parts = bench.parts_of(bench.settings)
    with pytest.raises(Busy, match="brought this upload further"):
        parts.open(before)
    assert bench.part(before.id).read_bytes() == CONTENT[:100_000]
    before.id = "another"
    with pytest.raises(Busy):
        parts.open(before)
    assert not bench.part("another").exists()
