"""What the server has of a room already is not sent again. If these fail, a poor link carries the same hours twice, or
a hash alone gets somebody a file that is not his."""

from __future__ import annotations

import os

from ulid import ULID

from lms_sync import wire
from tests.peers.central import Central, asset


def test_the_same_bytes_under_another_name_are_receipted_without_being_sent(central: Central) -> None:
    room, content = central.room("Amphi A"), os.urandom(100_000)
    room.upload(asset(str(ULID()), content), content)
    again = asset(str(ULID()), content, "side/take-001.mp4", source="side")
    made = room.create(again)
    assert made.status_code == 201
    assert made.headers["Upload-Offset"] == str(len(content))
    wire.check_receipt(room.receipt(made.headers["Location"]), room.server_key, room=room.id, asset=again)
    assert len([file for file in (central.data / "store").rglob(again.sha256) if file.is_file()]) == 1


def test_another_rooms_bytes_must_be_sent(central: Central) -> None:
    content = os.urandom(100_000)
    one, other = central.room("Amphi B"), central.room("Amphi C")
    one.upload(asset(str(ULID()), content), content)
    made = other.create(asset(str(ULID()), content))
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "0")


def test_bytes_that_the_store_has_lost_are_asked_for(central: Central) -> None:
    room, content = central.room("Amphi D"), os.urandom(100_000)
    first = asset(str(ULID()), content)
    room.upload(first, content)
    for file in (central.data / "store").rglob(first.sha256):
        file.unlink()
    made = room.create(asset(str(ULID()), content))
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "0")
