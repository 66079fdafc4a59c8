"""A stick that goes to the server carries what is worth most, once, and what it says it carries."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, AssetState, Ledger
from lms_sync import identity, wire
from lms_sync.carrier import RESERVE, SMALLEST, Carrier, Space, StickBad
from lms_sync.export import CannotExport, Export, Report, Run, find, plan
from lms_sync.stages import asset_of
from lms_sync.wire import bundle, sealing
from lms_sync.wire.stick import Folder
from tests.peers.spool import keep_lesson

pytestmark = pytest.mark.anyio
MB = 1_000_000
SERVER, SEALING = wire.new_key(), sealing.new_sealing_key()
ROOM = str(ULID())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """With one lesson of 2 MB."""
    place = Spool(tmp_path / "spool")
    keep_lesson(place.root, 1, 2 * MB)
    identity.device_key(place)
    facts = {"server": "http://x", "room_id": ROOM}
    keys = {"server_key": SERVER.as_dict(private=False), "sealing_key": SEALING.as_dict(private=False)}
    identity.server_file(place).write_text(json.dumps({**facts, **keys}))
    return place


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


@pytest.fixture
def ledger(spool: Spool) -> Iterator[Ledger]:
    with Ledger(spool.ledger_file) as opened:
        yield opened


async def export(spool: Spool, ledger: Ledger, stick: Path, free: int = 1000 * MB, whole: bool = False) -> Report:
    """With so many bytes free on the stick before it is written to."""

    def space() -> Space:
        return free - sum(file.stat().st_size for file in stick.rglob("*.seg")), 4096

    work = Export(spool, identity.read(spool), stick, whole=whole, space=space)
    return await work.run(ledger, lambda count: None, lambda row, count: None)


def ours(stick: Path) -> Path:
    return stick / bundle.FOLDER / ROOM


def here(report: Report, path: str = "front/take-001.mp4") -> list[tuple[int, int]]:
    return [(s.offset, s.end) for entry in report.entries if entry.path == path for s in entry.segments]


# -- the plan
# ---------------------------------------------------------------------------------------------------------


def row(lesson: str, path: str, tier: str, size: int = 100, **other: object) -> AssetRow:
    return dataclasses.replace(AssetRow(lesson, path, "take", "", tier, size, "0" * 64), **other)  # type: ignore[arg-type]  # facts of a row


def test_the_order_is_that_of_sending_and_nothing_receipted_goes() -> None:
    rows = [
        row("L1", "take", "master"),
        row("L2", "lesson.json", "card"),
        row("L1", "lesson.json", "card"),
        row("L0", "lesson.json", "card", state="receipted"),
        row("L2", "slides", "slidecast"),
    ]
    runs = plan(rows, lambda key: [], lambda key: [], whole=False)
    assert [(run.row.lesson, run.row.path) for run in runs] == [
        ("L1", "lesson.json"),
        ("L2", "lesson.json"),
        ("L2", "slides"),
        ("L1", "take"),
    ]


def test_what_the_server_or_another_stick_has_is_not_carried_before_all_else() -> None:
    half = row("L1", "take", "master", state="sending", sent=40)
    card = row("L9", "lesson.json", "card")
    elsewhere = {("L1", "take"): [(60, 80)], ("L9", "lesson.json"): [(0, 100)]}
    runs = plan([half, card], lambda key: [(90, 95)] if key[0] == "L1" else [], lambda key: elsewhere[key], whole=False)
    assert [(run.start, run.end, run.again) for run in runs] == [
        (40, 60, False),
        (80, 90, False),
        (95, 100, False),
        (0, 100, True),
        (60, 80, True),
    ]
    whole = plan([half], lambda key: [], lambda key: [], whole=True)
    assert [(run.start, run.end) for run in whole] == [(0, 100)]


STRETCHES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda ends: (min(ends), max(ends))))


@given(here=STRETCHES, there=STRETCHES, sent=st.integers(0, 49))
def test_every_byte_is_planned_exactly_once_or_is_here(
    here: list[tuple[int, int]], there: list[tuple[int, int]], sent: int
) -> None:
    half = row("L", "p", "master", 50, state="sending", sent=sent)
    runs = plan([half], lambda key: here, lambda key: there, whole=False)
    planned = [byte for run in runs for byte in range(run.start, run.end)]
    on_it = {byte for start, end in here for byte in range(start, end)}
    assert sorted(planned) == sorted(set(range(sent, 50)) - on_it)
    other = {byte for start, end in there for byte in range(start, end)}
    assert {byte for run in runs if run.again for byte in range(run.start, run.end)} <= other


def test_an_empty_file_goes_too() -> None:
    assert plan([row("L", "p", "master", 0)], lambda key: [], lambda key: [], whole=False) == [
        Run(row("L", "p", "master", 0), 0, 0)
    ]


# -- the stick
# --------------------------------------------------------------------------------------------------------


async def test_a_small_stick_is_filled_to_the_brim_with_whole_segments(
    spool: Spool, ledger: Ledger, stick: Path
) -> None:
    """And says what did not fit; with more room the next export goes on from there."""
    keep_lesson(spool.root, 2, 8 * MB)
    free = 6 * MB
    first = await export(spool, ledger, stick, free)
    used = sum(file.stat().st_size for file in ours(stick).iterdir())
    assert free - RESERVE - 100_000 < used < free - RESERVE
    assert [(left.path, missing) for left, missing in first.left] == [
        ("front/take-001.mp4", 10 * MB - _of_takes(first))
    ]
    assert "did not fit" in first.sentence
    before = {file.name: file.stat().st_mtime_ns for file in ours(stick).glob("*.seg")}
    second = await export(spool, ledger, stick)
    assert second.left == []
    assert "everything that the server lacks" in second.sentence
    after = {file.name: file.stat().st_mtime_ns for file in ours(stick).glob("*.seg")}
    assert after.items() > before.items()


def _of_takes(report: Report) -> int:
    return sum(entry.here for entry in report.entries if entry.kind == "take")


async def test_a_stick_without_room_is_left_as_it_is(spool: Spool, ledger: Ledger, stick: Path) -> None:
    report = await export(spool, ledger, stick, free=RESERVE)
    assert (report.entries, len(report.left)) == ((), 2)
    assert list(ours(stick).iterdir()) == []


async def test_a_piece_is_worth_a_segment_or_waits(spool: Spool, ledger: Ledger, stick: Path) -> None:
    """A stick is not littered with crumbs, and none is larger than FAT32 takes."""
    who = identity.read(spool)
    with Folder.at(stick) as folder:
        free = [0]
        work = Carrier(spool, who, SEALING, folder, space=lambda: (free[0], 32768))
        for free[0] in (0, RESERVE, RESERVE + SMALLEST // 2):
            assert work.room_for(10 * MB) == 0
        assert work.room_for(1000) == 1000
        free[0] = 100_000 * MB
        assert work.room_for(50_000 * MB) == bundle.SEGMENT < 2**32


async def test_a_recording_of_more_than_4_gib_goes_on_a_fat32_stick_under_names_that_it_takes(
    spool: Spool, ledger: Ledger, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT32 has no file of 4 GiB, and no two names that differ in their case alone."""
    (stick / "ours").mkdir()
    with Folder.at(stick / "ours") as folder:
        work = Carrier(spool, identity.read(spool), SEALING, folder, space=lambda: (64 * 2**30, 32768))
        assert work.room_for(5 * 2**30) == bundle.SEGMENT
    frames = -(-bundle.LARGEST_SEGMENT // sealing.FRAME)
    assert bundle.LARGEST_SEGMENT + frames * sealing.TAG + sealing.LARGEST_WRAP + 10 < 2**32
    assert bundle.LARGEST_MANIFEST + bundle.LARGEST_HEAD < 2**32
    monkeypatch.setattr(bundle, "SEGMENT", SMALLEST)
    report = await export(spool, ledger, stick)
    assert here(report) == [(at, min(at + SMALLEST, 2 * MB)) for at in range(0, 2 * MB, SMALLEST)]
    names = [file.name for file in (stick / bundle.FOLDER).rglob("*")] + [
        bundle.receipt_name(asset_of(ledger.assets()[0]))
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}(\.[a-z]{3})?", name) for name in names)
    assert len({name.casefold() for name in names}) == len(names)


async def test_what_the_stick_itself_refuses_to_hold_waits_for_the_next_one(
    spool: Spool, ledger: Ledger, stick: Path
) -> None:
    """A file system may promise more room than it gives: here no file may pass 1 MB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MB, hard))
    try:
        report = await export(spool, ledger, stick)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [entry.path for entry in report.entries] == ["lesson.json"]
    assert [(left.path, missing) for left, missing in report.left] == [("front/take-001.mp4", 2 * MB)]
    assert len(list(ours(stick).glob("*.seg"))) == 1, "what was half written is gone"
    assert (await export(spool, ledger, stick)).left == []


async def test_what_is_no_longer_whole_is_written_again(spool: Spool, ledger: Ledger, stick: Path) -> None:
    """Cheap sticks rot; leftovers of an interrupted export and old lists go."""
    await export(spool, ledger, stick)
    segment = sorted(ours(stick).glob("*.seg"))[-1]
    data = bytearray(segment.read_bytes())
    data[1000] ^= 1
    segment.write_bytes(data)
    (ours(stick) / "00000077.seg").write_bytes(b"half")
    (ours(stick) / "00000078.seg.new").write_bytes(b"half")
    (ours(stick) / "99999999.seg").write_bytes(b"a joker's")
    (ours(stick) / "99999999.jws").write_bytes(b"torn")
    (ours(stick) / "holiday.jpg").write_bytes(b"not ours")
    report = await export(spool, ledger, stick)
    assert sum(end - start for start, end in here(report)) == 2 * MB
    (left,) = ours(stick).glob("*.jws")
    listed = bundle.verify(left.read_bytes(), identity.read(spool).key)
    on_it = {file.name for file in ours(stick).iterdir()}
    assert on_it == {left.name, "holiday.jpg", *(part.file for entry in listed.entries for part in entry.segments)}
    assert {part.bytes for entry in listed.entries for part in entry.segments} == {
        file.stat().st_size for file in ours(stick).glob("*.seg")
    }


async def test_a_stick_that_forgets_is_found_out_at_once(
    spool: Spool, ledger: Ledger, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sticks that lie about their size are sold everywhere; the trip to the town is long."""
    monkeypatch.setattr(Carrier, "_whole", lambda self, segment: False)
    with pytest.raises(StickBad, match="use another one"):
        await export(spool, ledger, stick)
    assert list(ours(stick).glob("*.seg")) == []


async def test_a_lesson_that_rotted_in_the_room_is_said_and_the_others_go(
    spool: Spool, ledger: Ledger, stick: Path
) -> None:
    keep_lesson(spool.root, 2, MB)
    take = spool.lesson_dir(keep_lesson(spool.root, 3, MB).id) / "front/take-001.mp4"
    data = bytearray(take.read_bytes())
    data[500] ^= 1
    take.write_bytes(data)
    report = await export(spool, ledger, stick)
    assert len(report.entries) == 5
    assert len(report.problems) == 1
    assert "has changed on the disk" in report.problems[0]


async def test_what_another_stick_has_comes_last_until_it_is_receipted(
    spool: Spool, ledger: Ledger, stick: Path, tmp_path: Path
) -> None:
    """A lost stick costs a trip, never a lesson."""
    await export(spool, ledger, stick)
    new = keep_lesson(spool.root, 2, 3 * MB).id
    other = tmp_path / "other"
    other.mkdir()
    small = await export(spool, ledger, other, free=RESERVE + 4 * MB)
    takes = [entry.lesson for entry in small.entries if entry.kind == "take"]
    assert takes == [new]
    assert (small.left, small.elsewhere) == ([], 2 * MB)
    assert "(2.0 MB more are on other sticks, which have not come back)" in small.sentence
    large = await export(spool, ledger, other)
    assert len([entry for entry in large.entries if entry.kind == "take"]) == 2
    assert large.elsewhere == 0


async def test_what_the_server_acknowledged_by_the_link_is_not_carried(
    spool: Spool, ledger: Ledger, stick: Path
) -> None:
    lesson = ledger.assets()[0].lesson
    ledger.move(lesson, "front/take-001.mp4", "sending", sent=1_500_000)
    assert here(await export(spool, ledger, stick)) == [(1_500_000, 2 * MB)]
    ledger.move(lesson, "front/take-001.mp4", "sending", sent=1_800_000)
    assert here(await export(spool, ledger, stick)) == [(1_500_000, 2 * MB)], "what is there is not written again"
    assert here(await export(spool, ledger, stick, whole=True))[-1] == (1_500_000, 2 * MB)
    ledger.move(lesson, "front/take-001.mp4", "verifying")
    ledger.move(lesson, "front/take-001.mp4", "receipted")
    assert here(await export(spool, ledger, stick)) == []


async def test_a_room_that_got_another_key_seals_anew(spool: Spool, ledger: Ledger, stick: Path) -> None:
    """What was sealed for a key that the server no longer has could never be read."""
    await export(spool, ledger, stick)
    facts = json.loads(identity.server_file(spool).read_text())
    new = sealing.new_sealing_key()
    facts["sealing_key"] = new.as_dict(private=False)
    identity.server_file(spool).write_text(json.dumps(facts))
    report = await export(spool, ledger, stick)
    for entry in report.entries:
        for part in entry.segments:
            about = sealing.context(ROOM, entry.asset, part.offset, part.length)
            with (ours(stick) / part.file).open("rb") as file:
                assert sum(map(len, sealing.unseal(file, new, about, part.length))) == part.length


async def test_what_is_no_stick_is_said(spool: Spool, ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(CannotExport, match="is no folder"):
            await export(spool, ledger, place)
        with pytest.raises(CannotExport, match="nothing of this room"):
            find(spool, ledger, identity.read(spool), place)


# -- receipts
# ---------------------------------------------------------------------------------------------------------


def answer(stick: Path, *rows: AssetRow, key: object = SERVER) -> None:
    folder = ours(stick) / bundle.RECEIPTS
    folder.mkdir(parents=True, exist_ok=True)
    for each in rows:
        signed = wire.sign_receipt(key, server="s", room=ROOM, asset=asset_of(each), now=1.8e9)  # type: ignore[arg-type]  # any key
        (folder / bundle.receipt_name(asset_of(each))).write_text(signed)


@pytest.mark.parametrize("state", ["waiting", "sending", "verifying", "refused"])
def test_a_receipt_is_kept_whatever_the_ledger_thought(spool: Spool, ledger: Ledger, stick: Path, state: str) -> None:
    rows = ledger.assets()
    for each in rows:
        ledger.move(each.lesson, each.path, state)  # type: ignore[arg-type]  # a state of those above
    answer(stick, *rows)
    taken = find(spool, ledger, identity.read(spool), stick)
    assert (taken.count, taken.bad) == (2, [])
    assert {each.state for each in ledger.assets()} == {"receipted"}
    for each in rows:
        receipt = spool.receipt_file(each.lesson, each.path, each.sha256).read_text()
        wire.check_receipt(receipt, SERVER, room=ROOM, asset=asset_of(each))
    assert find(spool, ledger, identity.read(spool), stick).count == 0


def test_a_receipt_that_is_not_the_servers_or_of_something_else_is_not_believed(
    spool: Spool, ledger: Ledger, stick: Path
) -> None:
    card, take = ledger.assets()
    answer(stick, card, key=wire.new_key())
    folder = ours(stick) / bundle.RECEIPTS
    right = wire.sign_receipt(SERVER, server="s", room="another room", asset=asset_of(take), now=1.8e9)
    (folder / bundle.receipt_name(asset_of(take))).write_text(right)
    assert len(find(spool, ledger, identity.read(spool), stick).bad) == 2
    (folder / bundle.receipt_name(asset_of(take))).write_bytes(b"\xff" * 40_000)
    assert len(find(spool, ledger, identity.read(spool), stick).bad) == 2
    os.remove(folder / bundle.receipt_name(asset_of(take)))
    os.mkfifo(folder / bundle.receipt_name(asset_of(take)))
    assert len(find(spool, ledger, identity.read(spool), stick).bad) == 2
    assert {each.state for each in ledger.assets()} == {"waiting"}


def say_half(stick: Path, row: AssetRow, has: int, *, key: object = SERVER) -> None:
    folder = ours(stick) / bundle.HALVES
    folder.mkdir(parents=True, exist_ok=True)
    signed = wire.sign_half(key, server="s", room=ROOM, asset=asset_of(row), has=has, now=1.8e9)  # type: ignore[arg-type]  # any key
    (folder / bundle.receipt_name(asset_of(row))).write_text(signed)


@pytest.mark.parametrize(
    ("before", "then"),
    [
        (("waiting", 0), ("sending", 500)),
        (("sending", 100), ("sending", 500)),
        (("sending", 900), ("sending", 900)),  # the link has brought more since
        (("verifying", 1000), ("verifying", 1000)),
        (("refused", 0), ("refused", 0)),
    ],
)
def test_what_the_server_has_of_a_file_is_carried_no_more(
    spool: Spool, ledger: Ledger, stick: Path, before: tuple[AssetState, int], then: tuple[AssetState, int]
) -> None:
    _, take = ledger.assets()
    ledger.move(take.lesson, take.path, before[0], sent=before[1])
    say_half(stick, take, 500)
    taken = find(spool, ledger, identity.read(spool), stick)
    assert (taken.count, taken.bad) == (0, [])
    _, now = ledger.assets()
    assert (now.state, now.sent) == then
    assert list((ours(stick) / bundle.HALVES).iterdir()) == [], "it is said once"


def test_a_half_that_the_server_did_not_speak_of_is_not_believed(spool: Spool, ledger: Ledger, stick: Path) -> None:
    _, take = ledger.assets()
    say_half(stick, take, 500, key=wire.new_key())
    assert len(find(spool, ledger, identity.read(spool), stick).bad) == 1
    assert {each.state for each in ledger.assets()} == {"waiting"}


def test_the_sentence_says_what_is_on_it(spool: Spool) -> None:
    assert "Nothing of this room waits" in Report().sentence
    assert Report(receipts=1).sentence.startswith("1 receipt came back on it.")
