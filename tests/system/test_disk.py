"""A small disk that fills up. If these fail, a full disk tears a lesson, or takes one that nobody else has.

A file system of its own in memory, real daemon, real keepers; receipts are signed by a key that the room has pinned.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from lms_sync import wire
from tests.peers import mounts
from tests.peers.program import wait_until
from tests.peers.rtsp_camera import rtsp_camera
from tests.system.deployment import Room, closing_all

MB = 1_000_000
DISK = 200 * MB
SMALL = "320x180"
KEY = wire.new_key()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 MB."""
    with mounts.memory(tmp_path / "disk", DISK) as folder:
        yield folder


@pytest.fixture
def room(tmp_path: Path, disk: Path) -> Iterator[Room]:
    with rtsp_camera(tmp_path) as camera, rtsp_camera(tmp_path, size=SMALL) as small:
        devices = f"""
[disk]
keep_free_percent = 40
reserve_percent = 5
warn_hours = 0.02

[[camera]]
id = "front"
driver = "rtsp"
url = "{camera.url}"
substream = "{small.url}"
"""
        room = Room(tmp_path, devices, spool=disk / "spool")
        with closing_all(room):
            room.start()
            yield room


def record(room: Room, title: str) -> str:
    lesson = str(room.touch("start", title=title)["lesson"]["id"])
    room.wait_recording("front")
    room.wait_elapsed(2)
    room.touch("stop")
    return lesson


def sign(room: Room, *lessons: str) -> None:
    """What the sync agent leaves when a server has taken these lessons."""
    spool = Spool(room.spool)
    facts = {"server": "https://s", "room_id": "room-1", "server_key": KEY.as_dict(private=False)}
    (spool.identity / "server.json").write_text(json.dumps(facts))
    with Ledger(spool.ledger_file) as ledger:
        for row in [row for lesson in lessons for row in ledger.assets(lesson)]:
            asset = wire.Asset(row.lesson, row.kind, row.source, row.path, row.tier, row.bytes, row.sha256)
            now = (spool.lesson_dir(row.lesson) / "lesson.json").stat().st_mtime
            receipt = wire.sign_receipt(KEY, server="https://s", room="room-1", asset=asset, now=now)
            spool.receipt_file(row.lesson, row.path, row.sha256).write_text(receipt)
            ledger.move(row.lesson, row.path, "receipted", sent=row.bytes)


def leave_free(disk: Path, free: int) -> None:
    """Somebody else's data grows until so much is free."""
    with (disk / "ballast").open("ab") as ballast:
        grown = ballast.tell() + shutil.disk_usage(disk).free - free
        os.posix_fallocate(ballast.fileno(), 0, grown)


def takes_of(room: Room, lesson: str) -> list[Path]:
    return sorted((room.spool / "lessons" / lesson).glob("*/take-*.mp4"))


def test_a_disk_that_fills_gives_what_is_delivered_then_warns_then_stops_with_all_it_has(
    room: Room, disk: Path
) -> None:
    delivered = [record(room, "Delivered"), record(room, "Delivered too")]
    waiting = record(room, "Not delivered yet")
    sign(room, *delivered)
    said = [room.status()["health"]["code"]]

    def say() -> str:
        code = str(room.status()["health"]["code"])
        if code != said[-1]:
            said.append(code)
        return code

    leave_free(disk, 95 * MB)
    lesson = str(room.touch("start", title="The last one")["lesson"]["id"])
    room.wait_recording("front")
    assert len(takes_of(room, delivered[0])) == 1
    leave_free(disk, 52 * MB)
    wait_until(lambda: not any(takes_of(room, each) for each in delivered), 20, "room made by what is delivered")
    wait_until(lambda: say() == "disk-quality", 20, "lower quality before any warning")
    wait_until(lambda: len(takes_of(room, lesson)) == 2, 20, "the camera's smaller stream")
    leave_free(disk, DISK * 5 // 100 + 20 * MB)
    wait_until(lambda: say() == "disk-low", 20, "the warning")
    room.wait_elapsed(2)
    assert len(takes_of(room, waiting)) == 1
    leave_free(disk, DISK * 5 // 100 - MB)
    wait_until(lambda: say() == "disk-full", 20, "the alarm")
    wait_until(lambda: room.status()["lesson"] is None, 20, "the end of the lesson")
    assert [code for code in said if code.startswith("disk")] == ["disk-quality", "disk-low", "disk-full"]

    listed = {entry["id"]: entry for entry in room.lessons()}
    assert {each: listed[each]["removed"] for each in listed} == {
        delivered[0]: True,
        delivered[1]: True,
        waiting: False,
        lesson: False,
    }
    assert {entry["state"] for entry in listed.values()} == {"kept"}
    assert {(asset["kind"], asset["removed"]) for asset in listed[delivered[0]]["assets"]} == {
        ("manifest", False),
        ("take", True),
    }
    first, take = sorted(takes_of(room, lesson))
    facts = [json.loads(each.with_suffix(".json").read_text()) for each in (first, take)]
    assert [(each["width"], each["ended"]) for each in facts] == [(640, "eased"), (320, "full")]
    assert [remark["code"] for remark in listed[lesson]["quality"]["front"]] == ["disk-quality"]
    decoded = ["ffmpeg", "-v", "error", "-i", str(take), "-f", "null", "-"]
    assert subprocess.run(decoded, capture_output=True, check=True).stderr == b""
    gone = [json.loads(line) for line in (room.spool / "audit.log").read_text().splitlines()]
    assert [line["lesson"] for line in gone] == delivered
    refused = room.http.post("/lesson/start", json={"title": "No room"})
    assert (refused.status_code, refused.json()["code"]) == (507, "disk-full")


def test_a_lesson_is_not_refused_while_delivered_ones_take_its_room(room: Room, disk: Path) -> None:
    delivered = record(room, "Delivered")
    (take,) = takes_of(room, delivered)
    with take.open("ab") as file:  # as long as a real lesson's take
        os.posix_fallocate(file.fileno(), 0, 40 * MB)
    _enter_as_it_is(room, delivered, take)
    sign(room, delivered)
    leave_free(disk, DISK * 5 // 100 + 10 * MB)
    room.touch("start", title="There is room for me")
    room.wait_recording("front")
    assert takes_of(room, delivered) == []


def _enter_as_it_is(room: Room, lesson: str, take: Path) -> None:
    """Make the lesson say the take's new size."""
    spool = Spool(room.spool)
    described = spool.read_lesson(lesson)
    described.takes[0].bytes = take.stat().st_size
    described.takes[0].sha256 = "5" * 64
    spool.write_lesson(described)
    with Ledger(spool.ledger_file) as ledger:
        (row,) = [row for row in ledger.assets(lesson) if row.kind == "take"]
        ledger.add_assets([type(row)(row.lesson, row.path, row.kind, row.source, row.tier, 40 * MB, "5" * 64)])
