"""If these fail, a lesson is deleted that nobody else has, or a full disk stops a lesson that had room to be made."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.recorder import recovery
from appliance.spool import keeping, targets
from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger, assets_of, open_or_rebuild
from appliance.spool.receipts import Notary, Unproven
from appliance.spool.retention import LONGEST_SILENCE, SKEW, Candidate, choose, make_room, survey
from lms_sync import wire
from tests.peers.spool import keep_lesson, lesson_id

NOW = 1.8e9
SERVER_KEY, OTHER_KEY = wire.new_key(), wire.new_key()
ALL = 1.0
"""A share of the disk that is never free: everything that may go must go."""


@dataclass
class Room:
    """A room with kept lessons of two takes each, and a server that signs."""

    spool: Spool
    lessons: int

    def rows(self) -> list[AssetRow]:
        with Ledger(self.spool.ledger_file) as ledger:
            return ledger.assets()

    def sign(self, row: AssetRow, *, key=SERVER_KEY, room: str = "room-1", now: float = NOW, **other: object) -> None:
        asset = wire.Asset(row.lesson, row.kind, row.source, row.path, row.tier, row.bytes, row.sha256)
        text = wire.sign_receipt(key, server="https://s", room=room, asset=replace(asset, **other), now=now)
        self.spool.receipt_file(row.lesson, row.path, row.sha256).write_text(text)
        with Ledger(self.spool.ledger_file) as ledger:
            ledger.move(row.lesson, row.path, "receipted", sent=row.bytes)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.spool.lessons)) for path in self.spool.lessons.glob("*/*/take-*.mp4")}

    def audit(self) -> list[dict[str, object]]:
        log = self.spool.root / "audit.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return furnish(tmp_path)


def furnish(root: Path, lessons: int = 2) -> Room:
    for number in range(1, lessons + 1):
        keep_lesson(root, number, 4000, 5000)
    spool = Spool(root)
    spool.prepare()
    facts = {"server": "https://s", "room_id": "room-1", "server_key": SERVER_KEY.as_dict(private=False)}
    (spool.identity / "server.json").write_text(json.dumps(facts))
    return Room(spool, lessons)


def takes(room: Room) -> list[AssetRow]:
    return [row for row in room.rows() if row.kind == "take"]


def test_what_the_server_signed_for_goes_and_the_rest_stays(room: Room) -> None:
    first, second, third, fourth = takes(room)
    room.sign(first)
    room.sign(fourth)
    outcome = make_room(room.spool, ALL, NOW)
    assert [gone.path for gone in outcome.removed] == [first.path, fourth.path]
    assert room.files() == {f"{row.lesson}/{row.path}" for row in (second, third)}
    assert outcome.freeable == 0


def test_every_deletion_is_on_record(room: Room) -> None:
    row = takes(room)[0]
    room.sign(row)
    make_room(room.spool, ALL, NOW)
    (line,) = room.audit()
    assert {name: line[name] for name in ("what", "lesson", "path", "bytes", "sha256", "receipt_signed")} == {
        "what": "removed",
        "lesson": row.lesson,
        "path": row.path,
        "bytes": row.bytes,
        "sha256": row.sha256,
        "receipt_signed": NOW,
    }


def test_a_torn_line_in_the_record_does_not_spoil_the_next(room: Room) -> None:
    (room.spool.root / "audit.log").write_bytes(b'{"what": "remo')
    room.sign(takes(room)[0])
    make_room(room.spool, ALL, NOW)
    last = (room.spool.root / "audit.log").read_bytes().splitlines()[-1]
    assert json.loads(last)["what"] == "removed"


def test_nothing_goes_that_cannot_be_put_on_record(room: Room) -> None:
    before = room.files()
    room.sign(takes(room)[0])
    (room.spool.root / "audit.log").mkdir()
    with pytest.raises(OSError, match="directory"):
        make_room(room.spool, ALL, NOW)
    assert room.files() == before


def test_the_description_and_the_receipts_stay(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    make_room(room.spool, ALL, NOW)
    assert room.files() == set()
    for lesson in room.spool.lesson_ids():
        assert room.spool.read_lesson(lesson).state == "kept"
        assert len(list((room.spool.lesson_dir(lesson) / "receipts").iterdir())) == 3


def test_a_lesson_without_its_takes_is_no_damaged_lesson(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    make_room(room.spool, ALL, NOW)
    assert recovery.unfinished(room.spool) == []
    lesson = room.spool.read_lesson(lesson_id(1))
    assert {row.state for row in assets_of(room.spool, lesson)} == {"receipted"}
    room.spool.ledger_file.unlink()
    ledger, _ = open_or_rebuild(room.spool)
    with ledger:
        assert {row.state for row in ledger.assets()} == {"receipted"}
    assert make_room(room.spool, ALL, NOW).removed == ()


def test_a_disk_with_room_is_left_alone(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    before = room.files()
    outcome = make_room(room.spool, 0.0, NOW)
    assert (outcome.removed, room.files()) == ((), before)
    assert outcome.freeable == sum(row.bytes for row in takes(room))


FORGED = {
    "another key": {"key": OTHER_KEY},
    "another room": {"room": "room-2"},
    "another hash": {"sha256": "0" * 64},
    "another lesson": {"lesson": lesson_id(9)},
    "another path": {"path": "front/take-009.mp4"},
    "another length": {"bytes": 1},
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED)
def test_a_receipt_for_something_else_lets_nothing_go(room: Room, forgery: dict[str, object]) -> None:
    before = room.files()
    for row in takes(room):
        room.sign(row, **forgery)
    assert make_room(room.spool, ALL, NOW).removed == ()
    assert room.files() == before
    assert room.audit() == []


@pytest.mark.parametrize("text", ["", "a.b.c", "{}", "\x00" * 200, "e30.e30.e30"])
def test_what_is_no_receipt_lets_nothing_go(room: Room, text: str) -> None:
    row = takes(room)[0]
    room.sign(row)
    room.spool.receipt_file(row.lesson, row.path, row.sha256).write_text(text)
    assert make_room(room.spool, ALL, NOW).removed == ()


def test_a_proof_of_a_request_is_no_receipt(room: Room) -> None:
    row = takes(room)[0]
    room.sign(row)
    proof = wire.prove(SERVER_KEY, "room-1", method="GET", path="/", body_sha256=row.sha256, now=NOW)
    room.spool.receipt_file(row.lesson, row.path, row.sha256).write_text(proof.split()[1])
    assert make_room(room.spool, ALL, NOW).removed == ()


def test_of_two_takes_alike_to_the_byte_only_the_one_that_is_signed_for_goes_even_when_the_ledger_is_lost(
    tmp_path: Path,
) -> None:
    room = furnish(tmp_path, lessons=0)
    keep_lesson(tmp_path, 1, 4000, 4000, alike=True)
    first, second = takes(room)
    assert first.sha256 == second.sha256
    room.sign(first)
    room.spool.ledger_file.unlink()
    ledger, _ = open_or_rebuild(room.spool)
    ledger.close()
    assert [row.state for row in takes(room)] == ["receipted", "waiting"]
    assert [gone.path for gone in make_room(room.spool, ALL, NOW).removed] == [first.path]
    room.sign(second)
    assert [gone.path for gone in make_room(room.spool, ALL, NOW).removed] == [second.path]


def test_a_receipt_that_an_older_program_named_by_its_sha256_alone_counts_for_the_asset_it_speaks_of(
    tmp_path: Path,
) -> None:
    room = furnish(tmp_path, lessons=0)
    keep_lesson(tmp_path, 1, 4000, 4000, alike=True)
    first, second = takes(room)
    room.sign(second)
    with Ledger(room.spool.ledger_file) as ledger:
        ledger.move(first.lesson, first.path, "receipted", sent=first.bytes)
    file = room.spool.receipt_file(second.lesson, second.path, second.sha256)
    file.rename(file.with_name(f"{second.sha256}.jws"))
    assert [row.state for row in assets_of(room.spool, room.spool.read_lesson(first.lesson))[1:]] == [
        "waiting",
        "receipted",
    ]
    assert [gone.path for gone in make_room(room.spool, ALL, NOW).removed] == [second.path]


@pytest.mark.parametrize("now", [NOW - SKEW - 1, 0.0, 6e8, NOW + LONGEST_SILENCE + 1, NOW + 10 * 365 * 86400])
def test_a_clock_that_cannot_be_right_lets_nothing_go(room: Room, now: float) -> None:
    before = room.files()
    for row in room.rows():
        room.sign(row)
    outcome = make_room(room.spool, ALL, now)
    assert outcome.removed == ()
    assert "clock" in outcome.refusal
    assert room.files() == before


def test_a_room_without_a_server_keeps_everything(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    (room.spool.identity / "server.json").unlink()
    assert make_room(room.spool, ALL, NOW).removed == ()


def test_what_the_server_lost_and_is_offered_again_stays(room: Room) -> None:
    row = takes(room)[0]
    room.sign(row)
    with Ledger(room.spool.ledger_file) as ledger:
        ledger.move(row.lesson, row.path, "waiting")
    assert make_room(room.spool, ALL, NOW).removed == ()


def test_a_file_that_is_not_what_was_signed_for_stays(room: Room) -> None:
    row = takes(room)[0]
    room.sign(row)
    with (room.spool.lesson_dir(row.lesson) / row.path).open("ab") as file:
        file.write(b"more")
    assert make_room(room.spool, ALL, NOW).removed == ()


def test_a_lesson_that_is_not_kept_loses_nothing(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    lesson = room.spool.read_lesson(lesson_id(1))
    lesson.state = "recording"
    room.spool.write_lesson(lesson)
    assert {gone.lesson for gone in make_room(room.spool, ALL, NOW).removed} == {lesson_id(2)}


def test_the_room_and_the_wire_agree_on_what_a_receipt_is(room: Room) -> None:
    row = takes(room)[0]
    room.sign(row)
    text = room.spool.receipt_file(row.lesson, row.path, row.sha256).read_bytes()
    notary = Notary.of(room.spool)
    assert notary.check(text, row) == NOW
    with pytest.raises(Unproven, match="something else"):
        notary.check(text, replace(row, bytes=row.bytes + 1))
    assert [found.path for found in survey(room.spool, [replace(row, state="receipted")], notary)] == [row.path]


candidates = st.lists(
    st.builds(
        Candidate,
        lesson=st.integers(0, 5).map(lesson_id),
        path=st.sampled_from(["lesson.json", "front/take-001.mp4", "lectern/take-001.mp4", "renditions/proxy.mp4"]),
        tier=st.sampled_from(["card", "slidecast", "proxy", "master"]),
        bytes=st.integers(0, 1000),
        sha256=st.just(""),
        signed=st.floats(NOW - 1e6, NOW),
    )
)


@given(candidates, st.integers(0, 3000), st.integers(0, 3000))
def test_no_more_goes_than_must_and_the_oldest_first(found: list[Candidate], free: int, keep_free: int) -> None:
    going = choose(found, free=free, keep_free=keep_free, now=NOW)
    assert all(each in found and each.tier != "card" and each.path != "lesson.json" for each in going)
    for place, _each in enumerate(going):
        assert free + sum(before.bytes for before in going[:place]) < keep_free
    masters = [each.lesson for each in going if each.tier == "master"]
    assert masters == sorted(masters)
    order = [("master", "proxy", "slidecast").index(each.tier) for each in going]
    assert order == sorted(order)


@given(candidates, st.floats(-1e9, 1e11))
def test_no_clock_makes_more_go_than_is_signed_for(found: list[Candidate], now: float) -> None:
    going = choose(found, free=0, keep_free=10**9, now=now)
    assert not going or max(each.signed for each in found) - SKEW <= now


@pytest.mark.thorough
@given(st.lists(st.sampled_from(["none", "good", "forged", "garbage"]), min_size=4, max_size=4))
def test_no_take_goes_without_a_receipt_that_holds(tmp_path_factory: pytest.TempPathFactory, fates: list[str]) -> None:
    room = furnish(tmp_path_factory.mktemp("room"))
    rows = takes(room)
    for row, fate in zip(rows, fates, strict=True):
        if fate != "none":
            room.sign(row, key=OTHER_KEY if fate == "forged" else SERVER_KEY)
        if fate == "garbage":
            room.spool.receipt_file(row.lesson, row.path, row.sha256).write_text("garbage")
    make_room(room.spool, ALL, NOW)
    kept = {f"{row.lesson}/{row.path}" for row, fate in zip(rows, fates, strict=True) if fate != "good"}
    assert room.files() == kept


def test_a_lesson_that_a_required_target_lacks_stays_whole_whatever_the_server_signed(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    table = {"id": "oc", "kind": "opencast", "url": "https://oc", "user": "u", "password": "p", "workflow": "w"}
    targets.write(room.spool, [{**table, "required": True}])
    targets.keep(room.spool, lesson_id(1), "oc", targets.Progress("delivered"))
    gone = make_room(room.spool, ALL, NOW).removed
    assert {each.lesson for each in gone} == {lesson_id(1)}
    targets.file_of(room.spool).write_text("{")
    outcome = make_room(room.spool, ALL, NOW)
    assert (outcome.removed, outcome.refusal[:12]) == ((), "targets.json")


def test_a_lesson_that_a_teacher_keeps_here_stays_whole(room: Room) -> None:
    for row in room.rows():
        room.sign(row)
    keeping.keep(room.spool, lesson_id(1))
    make_room(room.spool, ALL, NOW)
    assert {name.split("/")[0] for name in room.files()} == {lesson_id(1)}
    keeping.release(room.spool, lesson_id(1))
    make_room(room.spool, ALL, NOW)
    assert room.files() == set()
