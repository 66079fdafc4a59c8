"""The real commands of a room and a server with a stick between them and no link. If these fail, a village's lessons
stay in the village, or somebody who finds a stick can put lessons of his own before the students."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger
from lms_sync import wire
from lms_sync.stages import asset_of
from lms_sync.wire import bundle, sealing
from tests.peers import mounts, zygote
from tests.peers.program import wait_until
from tests.peers.spool import keep_lesson
from tests.peers.sticks import AS_SOLD
from tests.system.deployment import BIN, Server, command

NUMBERS = count(5000)
TAKE = 3_000_000


class Village:
    """A room that was enrolled once and has had no link since."""

    def __init__(self, folder: Path, server: Server, name: str = "") -> None:
        self.number = next(NUMBERS)
        self.name = name or f"Village {self.number}"
        self.spool = Spool(folder / f"spool-{self.number}")
        self.server = server
        code = command(["lms-server", "enrol-code", self.name, "--data", str(server.data)]).split()[-1]
        where = ["--spool", str(self.spool.root), "--server", server.url]
        command(["lms-sync", "enrol", *where, "--code", code, "--room", self.name])
        self.facts = json.loads((self.spool.identity / "server.json").read_text())
        self.room = str(self.facts["room_id"])

    def keep(self, *sizes: int) -> str:
        return keep_lesson(self.spool.root, next(NUMBERS), *sizes, room=self.name).id

    def rows(self) -> list[AssetRow]:
        with Ledger(self.spool.ledger_file) as ledger:
            return ledger.assets()

    def states(self) -> set[str]:
        return {row.state for row in self.rows()}

    def export(self, stick: Path, *more: str) -> dict[str, Any]:
        where = ["--usb", str(stick), "--spool", str(self.spool.root)]
        return dict(json.loads(command(["appliance", "export", *where, "--json", *more])))

    def folder(self, stick: Path) -> Path:
        return stick / bundle.FOLDER / self.room

    def manifest(self, stick: Path) -> bundle.Manifest:
        key = wire.load_key((self.spool.identity / "device.jwk").read_text())
        (file,) = self.folder(stick).glob("*.jws")
        return bundle.verify(file.read_bytes(), key)

    def check_arrived(self) -> None:
        """Every asset is stored once and to the byte, listed once, and its receipt lies in the spool."""
        listed = command(["lms-server", "receipts", "--json", "--data", str(self.server.data)])
        ours = {row.lesson for row in self.rows()}
        stored = [line for line in map(json.loads, listed.splitlines()) if line["lesson"] in ours]
        rows = self.rows()
        assert sorted((line["lesson"], line["path"]) for line in stored) == [(row.lesson, row.path) for row in rows]
        key = wire.load_key(self.facts["server_key"])
        for row in rows:
            receipt = self.spool.receipt_file(row.lesson, row.path, row.sha256).read_text()
            wire.check_receipt(receipt, key, room=self.room, asset=asset_of(row))
            (file,) = (path for path in self.server.data.rglob(row.sha256) if path.is_file())
            assert hashlib.sha256(file.read_bytes()).hexdigest() == row.sha256


@pytest.fixture
def village(tmp_path: Path, server: Server) -> Village:
    return Village(tmp_path, server)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def take_in(server: Server, stick: Path, *, status: int = 0) -> tuple[list[dict[str, Any]], str]:
    """lms-server import: what came of each room, and what was said."""
    done = tell(["lms-server", "import", str(stick), "--data", str(server.data), "--json"])
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if done.stdout else [], done.stderr


def tell(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return zygote.run(argv)


def test_a_lesson_goes_by_stick_and_its_receipts_come_back(village: Village, stick: Path) -> None:
    village.keep(TAKE, 1000, 0)
    village.keep(TAKE)
    written = village.export(stick)
    assert (written["left"], written["problems"], len(written["files"])) == ([], [], 6)
    assert village.states() == {"waiting"}, "on a stick is not on the server"
    (report,), said = take_in(village.server, stick)
    assert (report["stored"], report["known"], report["half"], report["receipts"], said) == (6, 0, [], 6, "")
    (again,), _ = take_in(village.server, stick)
    assert (again["stored"], again["known"], again["receipts"], again["bytes"]) == (0, 6, 0, 0)
    taken = command(["lms-sync", "receipts", str(stick), "--spool", str(village.spool.root), "--json"])
    assert json.loads(taken) == {"receipts": 6, "left": 0, "problems": []}
    assert village.states() == {"receipted"}
    village.check_arrived()
    done = village.export(stick)  # the next export frees the stick
    assert (done["files"], done["bytes"]) == ([], 0)
    assert list(village.folder(stick).glob("*.seg")) == []


def test_the_next_export_takes_up_the_receipts_and_carries_only_what_is_new(village: Village, stick: Path) -> None:
    village.keep(TAKE)
    village.export(stick)
    take_in(village.server, stick)
    new = village.keep(2000)
    written = village.export(stick)
    assert written["receipts"] == 2
    assert {file["lesson"] for file in written["files"]} == {new}
    take_in(village.server, stick)
    village.export(stick)
    village.check_arrived()


def test_the_link_brings_the_receipts_of_what_came_by_stick(village: Village, stick: Path) -> None:
    """And not one byte a second time."""
    village.keep(TAKE)
    village.export(stick)
    take_in(village.server, stick)
    before = sum(file.stat().st_mtime_ns for file in (village.server.data / "store").rglob("*") if file.is_file())
    command(["lms-sync", "once", "--spool", str(village.spool.root)])
    assert village.states() == {"receipted"}
    village.check_arrived()
    after = sum(file.stat().st_mtime_ns for file in (village.server.data / "store").rglob("*") if file.is_file())
    assert before == after


def test_a_take_larger_than_the_stick_is_joined_from_two(village: Village, tmp_path: Path) -> None:
    """The first stick is filled to the brim with whole segments, the second one begins where it ends."""
    village.keep(20_000_000)
    with (
        mounts.memory(tmp_path / "one", 8 * 1024 * 1024) as one,
        mounts.memory(tmp_path / "two", 15 * 1024 * 1024) as two,
    ):
        first = village.export(one)
        assert 5_000_000 < first["bytes"] < 8_000_000
        brim = _here(first, "front/take-001.mp4")
        assert [left["missing"] for left in first["left"]] == [first["bytes_left"]] == [20_000_000 - brim]
        second = village.export(two)
        assert second["left"] == [], "every byte is on one of the two"
        take = next(entry for entry in village.manifest(two).entries if entry.path == "front/take-001.mp4")
        offsets = {segment.file: segment.offset for segment in take.segments}
        assert offsets["00000001.seg"] == brim, "what no stick has is written first"
        assert take.here < 20_000_000
        (report,), _ = take_in(village.server, one)
        assert [half["has"] for half in report["half"]] == [brim]
        (report,), _ = take_in(village.server, two)
        assert (report["stored"], report["half"]) == (1, [])
        village.export(one)
        village.export(two)
    assert village.states() == {"receipted"}
    village.check_arrived()


@pytest.mark.parametrize("kind", sorted(AS_SOLD))
def test_a_stick_as_they_are_sold_is_filled_emptied_and_filled_again(
    village: Village, tmp_path: Path, kind: str
) -> None:
    village.keep(TAKE, 90_000_000)
    with AS_SOLD[kind](tmp_path / "sold", 80 * 1024 * 1024) as stick:
        first = village.export(stick)
        assert first["problems"] == []
        assert 76_000_000 < first["bytes"] < 84_000_000
        (report,), _ = take_in(village.server, stick)
        brim = _here(first, "front/take-002.mp4")
        assert [half["has"] for half in report["half"]] == [brim]
        second = village.export(stick)
        assert (second["left"], second["problems"]) == ([], [])
        (report,), _ = take_in(village.server, stick)
        assert (report["stored"], report["bytes"]) == (1, 90_000_000 - brim)
        done = village.export(stick)
        assert (done["files"], list(village.folder(stick).glob("*.seg"))) == ([], [])
    assert village.states() == {"receipted"}
    village.check_arrived()


@pytest.mark.parametrize("told", [True, False])
def test_the_link_goes_on_where_the_stick_ended(village: Village, tmp_path: Path, told: bool) -> None:
    """Not a byte is paid for twice, whether the stick was back in the room first or not."""
    village.keep(10_000_000)
    with mounts.memory(tmp_path / "one", 8 * 1024 * 1024) as one:
        brim = _here(village.export(one), "front/take-001.mp4")
        take_in(village.server, one)
        if told:
            command(["lms-sync", "receipts", str(one), "--spool", str(village.spool.root)])
            assert village.states() == {"sending", "receipted"}
    done = tell(["lms-sync", "once", "--spool", str(village.spool.root)])
    assert done.returncode == 0, done.stderr
    uploads = list((village.server.data / "uploads").glob("*.part"))
    assert 0 < brim < 10_000_000
    assert uploads == []
    village.check_arrived()


def _here(report: dict[str, Any], path: str) -> int:
    return int(next(file["here"] for file in report["files"] if file["path"] == path))


def test_the_second_half_before_the_first_waits_for_it(village: Village, tmp_path: Path) -> None:
    """Nothing is lost by the wrong order: it is said, and the second import of the same stick joins them."""
    village.keep(20_000_000)
    with (
        mounts.memory(tmp_path / "small", 8 * 1024 * 1024) as small,
        mounts.memory(tmp_path / "other", 20 * 1024 * 1024) as other,
    ):
        village.export(small)
        written = village.export(other)
        assert _here(written, "front/take-001.mp4") < 20_000_000
        _, said = take_in(village.server, other, status=1)
        assert "import the stick before this one first" in said
        assert len(said.splitlines()) == 1
        take_in(village.server, small)
        take_in(village.server, other)
        village.export(other)
    assert village.states() == {"receipted"}
    village.check_arrived()


def test_a_stick_pulled_out_at_any_instant_goes_on(village: Village, stick: Path) -> None:
    """What a manifest lists is whole at every instant, is not written again, and can be imported as it is."""
    village.keep(*[6_000_000] * 8)
    chance = random.Random(7)
    argv = ["lms-sync", "export", str(stick), "--spool", str(village.spool.root)]
    for _ in range(4):
        kill_when(argv, partial(_more_than, stick, _on(stick) + chance.randrange(12_000_000)))
    listed = _listed(village, stick)
    before = {name: (village.folder(stick) / name).stat().st_ino for name in listed}
    written = village.export(stick)
    assert written["left"] == []
    now = {file.name: file.stat().st_ino for file in village.folder(stick).glob("*.seg")}
    assert {name: now.get(name) for name in before} == before
    take_in(village.server, stick)
    village.export(stick)
    village.check_arrived()


def kill_when(argv: Sequence[str], ready: Callable[[], bool]) -> None:
    """As pulling the plug would, at that instant; or let it end before."""
    process = subprocess.Popen([str(BIN / argv[0]), *argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: process.poll() is not None or ready(), 60, "the instant")
    process.kill()
    process.wait()


def _more_than(stick: Path, size: int) -> bool:
    return _on(stick) > size


def _answered(village: Village, stick: Path, more_than: int) -> bool:
    return _receipts(village, stick) > more_than


def _receipts(village: Village, stick: Path) -> int:
    return len(list(village.folder(stick).glob("receipts/*.jws")))


def _on(stick: Path) -> int:
    return sum(file.stat().st_size for file in stick.rglob("*.seg"))


def _listed(village: Village, stick: Path) -> set[str]:
    """The files of the newest manifest; there may be none yet, or one and its forerunner."""
    key = wire.load_key((village.spool.identity / "device.jwk").read_text())
    found = sorted(village.folder(stick).glob("*.jws"))
    if not found:
        return set()
    return {part.file for entry in bundle.verify(found[-1].read_bytes(), key).entries for part in entry.segments}


def test_an_import_killed_at_any_instant_goes_on(village: Village, stick: Path) -> None:
    village.keep(*[6_000_000] * 6)
    village.export(stick)
    argv = ["lms-server", "import", str(stick), "--data", str(village.server.data)]
    chance = random.Random(8)
    for _ in range(3):
        kill_when(argv, partial(_answered, village, stick, _receipts(village, stick) + chance.randrange(2)))
    take_in(village.server, stick)
    village.export(stick)
    village.check_arrived()


# -- what is refused
# ---------------------------------------------------------------------------------------------------


def test_what_is_forged_is_refused_and_the_rest_is_taken(village: Village, stick: Path, tmp_path: Path) -> None:
    """A list signed by another key, a changed segment, a cut one, a missing one: a sentence each, and the good files
    and the good room beside them arrive."""
    other = Village(tmp_path, village.server)
    other.keep(1000)
    other.export(stick)
    village.keep(5000, 6000, 7000, 8000)
    village.export(stick)
    by_path = {entry.path: entry.segments[0].file for entry in village.manifest(stick).entries}
    changed = village.folder(stick) / by_path["front/take-001.mp4"]
    data = bytearray(changed.read_bytes())
    data[-20] ^= 1
    changed.write_bytes(data)
    cut = village.folder(stick) / by_path["front/take-002.mp4"]
    cut.write_bytes(cut.read_bytes()[:-1])
    (village.folder(stick) / by_path["front/take-003.mp4"]).unlink()
    forged = village.manifest(stick)
    (village.folder(stick) / "00000099.jws").write_bytes(forged.sign(wire.new_key()))
    reports, said = take_in(village.server, stick, status=1)
    assert {report["room"]: report["stored"] for report in reports} == {village.name: 2, other.name: 2}
    lines = said.splitlines()
    assert len(lines) == 4, lines
    for words in ("not of this room's key", "is not what the room wrote", "was cut off", "is missing"):
        assert any(words in line for line in lines), words
    village.export(stick)  # finds what is no longer whole, and writes it again
    take_in(village.server, stick)
    village.export(stick)
    village.check_arrived()


def test_a_room_that_is_unknown_or_shut_out_or_another_universitys_is_refused(
    village: Village, stick: Path, tmp_path: Path
) -> None:
    village.keep(1000)
    village.export(stick)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Server(tmp_path / "elsewhere")
    _, said = take_in(elsewhere, stick, status=1)
    assert "for another server" in said
    room = village.manifest(stick)
    stranger = bundle.Manifest(
        room.bundle, "01JD4R6YJ3M3W9VZB0Q7RZB6C5", room.server, room.sealed_for, 7, room.made, room.entries
    )
    folder = stick / bundle.FOLDER / stranger.room
    folder.mkdir()
    (folder / bundle.manifest_name(7)).write_bytes(stranger.sign(wire.new_key()))
    reports, said = take_in(village.server, stick, status=1)
    assert "not enrolled here" in said
    assert sum(report["stored"] for report in reports) == 2


def test_nothing_outside_of_the_stick_is_read_or_written(village: Village, stick: Path, tmp_path: Path) -> None:
    """Names that climb and links are refused on both sides, whoever signed them."""
    village.keep(1000)
    village.export(stick)
    outside = tmp_path / "outside"
    outside.mkdir()
    (stick / bundle.FOLDER / "linked").symlink_to(outside)
    (village.folder(stick) / bundle.RECEIPTS).symlink_to(outside)
    segment = village.folder(stick) / "00000001.seg"
    moved = tmp_path / "moved.seg"
    segment.rename(moved)
    segment.symlink_to(moved)
    _, said = take_in(village.server, stick, status=1)
    assert said.count("is a link or no plain file") == 3
    assert list(outside.iterdir()) == []
    # A folder of the room that is a link: the room does not write through it either.
    for file in stick.rglob("*"):
        if file.is_symlink() or file.is_file():
            file.unlink()
    (village.folder(stick)).rmdir()
    village.folder(stick).symlink_to(outside)
    done = tell(["lms-sync", "export", str(stick), "--spool", str(village.spool.root)])
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert list(outside.iterdir()) == []


def test_a_forged_receipt_moves_nothing(village: Village, stick: Path) -> None:
    """Else whoever has the stick for an hour could make the room delete its lessons."""
    village.keep(1000)
    village.export(stick)
    folder = village.folder(stick) / bundle.RECEIPTS
    folder.mkdir()
    for row in village.rows():
        asset = asset_of(row)
        forged = wire.sign_receipt(wire.new_key(), server="darsbox", room=village.room, asset=asset, now=1.8e9)
        (folder / bundle.receipt_name(asset)).write_text(forged)
    done = tell(["lms-sync", "receipts", str(stick), "--spool", str(village.spool.root)])
    assert done.returncode == 1
    assert done.stderr.count("is not believed") == 2
    assert village.states() == {"waiting"}
    assert list(village.spool.root.rglob("receipts/*.jws")) == []


def test_a_room_enrolled_before_there_were_sticks_is_told_to_enrol_again(village: Village, stick: Path) -> None:
    """Never is a lesson put on a stick that everybody can read."""
    village.keep(1000)
    file = village.spool.identity / "server.json"
    file.write_text(json.dumps({name: value for name, value in village.facts.items() if name != "sealing_key"}))
    done = tell(["appliance", "export", "--usb", str(stick), "--spool", str(village.spool.root)])
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "lms-sync enrol" in done.stderr
    assert list(stick.rglob("*.seg")) == []


def test_a_stick_found_on_the_road_shows_no_lesson(village: Village, stick: Path) -> None:
    """Nor its title: only how many, how long and when."""
    lesson = village.keep(100_000)
    village.export(stick)
    everything = b"".join(file.read_bytes() for file in stick.rglob("*") if file.is_file())
    take = village.spool.lesson_dir(lesson) / "front/take-001.mp4"
    assert take.read_bytes()[:64] not in everything
    assert b"Lesson " not in everything
    with (village.folder(stick) / "00000001.seg").open("rb") as file, pytest.raises(sealing.OtherKey):
        list(sealing.unseal(file, sealing.new_sealing_key(), b"", 10))
