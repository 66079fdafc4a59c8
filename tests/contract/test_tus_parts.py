"""Files whose parts come side by side (tus concatenation). If these fail, the server joins what does not belong
together, signs for what it does not have, or keeps a client from ever being done after a join that failed."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from lms_sync import wire
from tests.peers.central import Central, SigningRoom, asset, metadata, problem


def part(room: SigningRoom, content: bytes) -> str:
    """A whole part; its address."""
    made = room.ask("POST", wire.UPLOADS, Upload_Concat="partial", Upload_Length=str(len(content)))
    assert made.status_code == 201, made.text
    where = made.headers["Location"]
    assert room.patch(where, 0, content).status_code == 204
    return where


def join(room: SigningRoom, take: wire.Asset, *parts: str) -> httpx.Response:
    return room.ask(
        "POST", wire.UPLOADS, Upload_Concat=f"final;{' '.join(parts)}", Upload_Metadata=metadata(take.metadata())
    )


def test_parts_that_came_side_by_side_become_one_file(central: Central, room: SigningRoom, lesson: str) -> None:
    content = os.urandom(250_000)
    take = asset(lesson, content)
    second, first = part(room, content[100_000:]), part(room, content[:100_000])
    assert room.ask("HEAD", first).headers["Upload-Concat"] == "partial"
    whole = join(room, take, first, second)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, "250000")
    where = whole.headers["Location"]
    wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)
    assert room.ask("HEAD", where).headers["Upload-Concat"].startswith("final;")
    assert room.ask("HEAD", first).status_code == 404
    assert central.kept(take.sha256) == [content]
    assert not any((central.data / "uploads" / f"{each.rpartition('/')[2]}.part").exists() for each in (first, where))
    assert problem(room.patch(where, 250_000, b"more"))[0] == 403


def test_parts_in_the_wrong_order_are_not_signed_for(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(50_000)
    first, second = part(room, content[:20_000]), part(room, content[20_000:])
    assert problem(join(room, asset(lesson, content), second, first)) == (460, "checksum-mismatch")
    assert join(room, asset(lesson, content), first, second).status_code == 201


def test_what_is_no_whole_part_of_ones_own_is_not_joined(central: Central, room: SigningRoom, lesson: str) -> None:
    content = os.urandom(30_000)
    take = asset(lesson, content)
    other = central.room("Amphi Y")
    whole = room.create(asset(lesson, b"another", path="front/take-002.mp4")).headers["Location"]
    half = room.ask("POST", wire.UPLOADS, Upload_Concat="partial", Upload_Length="30000").headers["Location"]
    mine = part(room, content)
    assert problem(join(room, take, half))[0] == 409
    assert problem(join(room, take, whole))[0] == 400
    assert problem(join(room, take, mine, mine))[0] == 400
    assert problem(join(room, take, "no-such-part"))[0] == 404
    assert problem(join(other, take, mine))[0] == 404
    assert problem(room.ask("POST", wire.UPLOADS, Upload_Concat="final;"))[0] == 400
    assert problem(room.ask("POST", wire.UPLOADS, Upload_Concat="partial", Upload_Defer_Length="1"))[0] == 400
    assert room.ask("DELETE", half).status_code == 204
    assert join(room, take, mine).status_code == 201


def bytes_of(central: Central, where: str) -> Path:
    """The file of an unfinished upload."""
    return central.data / "uploads" / f"{where.rpartition('/')[2]}.part"


@pytest.mark.parametrize("left", [None, 7000], ids=["gone", "cut-short"])
def test_a_part_that_lost_its_bytes_is_asked_for_again_and_the_others_stand(
    central: Central, room: SigningRoom, lesson: str, left: int | None
) -> None:
    content = os.urandom(60_000)
    take = asset(lesson, content)
    first, second = part(room, content[:20_000]), part(room, content[20_000:])
    if left is None:
        bytes_of(central, second).unlink()
    else:
        os.truncate(bytes_of(central, second), left)
    assert problem(join(room, take, first, second)) == (404, "upload-lost")
    assert room.ask("HEAD", second).status_code == 404
    assert room.offset(first) == 20_000
    again = join(room, take, first, part(room, content[20_000:]))
    assert again.status_code == 201
    wire.check_receipt(room.receipt(again.headers["Location"]), room.server_key, room=room.id, asset=take)
    assert room.ask("HEAD", first).status_code == 404


def test_parts_that_the_disk_has_no_room_to_join_are_joined_later(tmp_path: Path, lesson: str) -> None:
    """The disk is full, then the server is killed, then there is room."""
    content = os.urandom(3_000_000)
    take = asset(lesson, content)
    with Central(tmp_path / "data", shell_limits=f"ulimit -f {2_000_000 // 512}") as central:
        room = central.room("Amphi A")
        service = central.token("foreign", "service")
        parts = part(room, content[:1_500_000]), part(room, content[1_500_000:])
        foreign = {**service, "Tus-Resumable": "1.0.0", "Upload-Concat": f"final;{' '.join(parts)}"}
        foreign["Upload-Metadata"] = metadata({**take.metadata(), "room": room.name})
        before = set((central.data / "uploads").iterdir())
        assert problem(central.http.post(central.url + wire.UPLOADS, headers=foreign)) == (507, "server-full")
        assert set((central.data / "uploads").iterdir()) == before, "nobody knows the name of what was left behind"
        assert problem(join(room, take, *parts)) == (507, "server-full")
        assert sum(file.stat().st_size for file in (central.data / "uploads").iterdir()) == 3_000_000
        central.kill()
        central.start(shell_limits="")
        whole = join(room, take, *parts)
        assert whole.status_code == 201
        wire.check_receipt(room.receipt(whole.headers["Location"]), room.server_key, room=room.id, asset=take)
        assert [room.ask("HEAD", each).status_code for each in parts] == [404, 404]
