"""Recordings that are sent while they grow. If these fail, the server joins what does not belong together, or signs for
what it does not have."""

from __future__ import annotations

import os

import httpx
import pytest

from lms_sync import wire
from tests.peers.central import Central, SigningRoom, asset, metadata, problem


def grow(room: SigningRoom, take: wire.Asset) -> httpx.Response:
    """Create an upload of a take whose end nobody knows yet."""
    facts = {key: value for key, value in take.metadata().items() if key != "sha256"}
    return room.ask("POST", wire.UPLOADS, Upload_Defer_Length="1", Upload_Metadata=metadata(facts))


def test_a_kept_take_goes_on_where_it_stood_while_it_grew(central: Central, room: SigningRoom, lesson: str) -> None:
    content = os.urandom(300_000)
    take = asset(lesson, content)
    growing = grow(room, take)
    assert growing.status_code == 201
    where = growing.headers["Location"]
    assert room.patch(where, 0, content[:200_000]).status_code == 204
    asked = room.ask("HEAD", where)
    assert asked.headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in asked.headers
    assert grow(room, take).headers["Location"] == where
    assert problem(room.ask("GET", f"{where}/receipt"))[0] == 404

    kept = room.create(take)
    assert (kept.headers["Location"], kept.headers["Upload-Offset"]) == (where, "200000")
    assert room.patch(where, 200_000, content[200_000:]).status_code == 204
    wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)
    assert central.kept(take.sha256) == [content]


def test_a_take_of_which_all_has_come_while_it_grew_is_whole_at_once(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(100_000)
    take = asset(lesson, content)
    where = grow(room, take).headers["Location"]
    room.patch(where, 0, content)
    kept = room.create(take)
    assert kept.headers["Upload-Offset"] == str(len(content))
    wire.check_receipt(room.receipt(kept.headers["Location"]), room.server_key, room=room.id, asset=take)


def test_what_grew_into_something_else_is_not_signed_for(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(100_000)
    take = asset(lesson, content)
    where = grow(room, take).headers["Location"]
    room.patch(where, 0, os.urandom(60_000))
    assert room.create(take).headers["Location"] == where
    assert problem(room.patch(where, 60_000, content[60_000:])) == (460, "checksum-mismatch")
    assert room.ask("HEAD", where).status_code == 404
    assert room.upload(take, content)


def test_a_take_that_a_power_cut_shortened_begins_anew(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(50_000)
    where = grow(room, asset(lesson, content)).headers["Location"]
    room.patch(where, 0, content)
    shorter = asset(lesson, content[:40_000])
    assert room.create(shorter).headers["Location"] != where
    assert room.upload(shorter, content[:40_000])


def test_another_room_does_not_get_what_grew(central: Central, room: SigningRoom, lesson: str) -> None:
    content = os.urandom(50_000)
    grow(room, asset(lesson, content))
    assert problem(grow(central.room("Amphi Z"), asset(lesson, content))) == (403, "foreign-lesson")


def test_a_length_told_later_ends_the_upload(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(80_000)
    take = asset(lesson, content)
    where = grow(room, take).headers["Location"]
    room.patch(where, 0, content[:50_000])
    assert problem(room.patch(where, 50_000, b"", Upload_Length="40000"))[0] == 400
    assert problem(room.patch(where, 40_000, b"", Upload_Length="80000"))[0] == 409
    assert room.patch(where, 50_000, content[50_000:], Upload_Length="80000").status_code == 204
    assert problem(room.patch(where, 80_000, b"", Upload_Length="90000"))[0] == 400
    wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)


@pytest.mark.parametrize("headers", [{"Upload_Defer_Length": "2"}, {"Upload_Defer_Length": "1", "Upload_Length": "5"}])
def test_a_length_that_is_both_or_neither_is_refused(room: SigningRoom, lesson: str, headers: dict[str, str]) -> None:
    facts = metadata(asset(lesson, b"film").metadata())
    assert problem(room.ask("POST", wire.UPLOADS, Upload_Metadata=facts, **headers)) == (400, "bad-header")
