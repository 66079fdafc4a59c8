"""The server killed at any instant, and starved of disk: nothing that it had acknowledged is lost, nothing invented."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import threading
from pathlib import Path

import httpx
from ulid import ULID

from lms_sync import wire
from tests.peers.central import OFFSET_TYPE, Central, SigningRoom, asset
from tests.peers.program import wait_until


def test_a_server_killed_in_mid_upload_goes_on_at_the_offset(central: Central) -> None:
    room, content = central.room("Amphi A"), os.urandom(3_000_000)
    take = asset(str(ULID()), content)
    where = room.create(take).headers["Location"]
    at = 0
    for number in range(1, 4):
        room.patch(where, at, content[at : at + 300_000])
        at += 300_000
        # A chunk on its way, half of it here, when the power goes.
        path = httpx.URL(where).raw_path.decode()
        piece = content[at : at + 200_000]
        proof = wire.prove(
            room.key,
            room.id,
            method="PATCH",
            path=path,
            body_sha256=hashlib.sha256(piece).hexdigest(),
            now=room.central_time(),
        )
        with socket.create_connection(("127.0.0.1", int(central.url.rpartition(":")[2])), timeout=10) as link:
            link.sendall(
                (
                    f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {at}\r\n"
                    f"Content-Type: {OFFSET_TYPE}\r\nContent-Length: {len(piece)}\r\nAuthorization: {proof}\r\n\r\n"
                ).encode()
                + piece[: 30_000 * number]
            )
            central.kill()
        central.start()
        assert room.offset(where) == at, f"after kill {number}"
    assert room.patch(where, at, content[at:]).status_code == 204
    wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)
    stored = list((central.data / "store").rglob(take.sha256))
    assert [file.read_bytes() for file in stored] == [content]


def test_a_server_killed_between_the_last_byte_and_the_receipt_finishes_by_itself(central: Central) -> None:
    room, content = central.room("Amphi A"), os.urandom(500_000)
    take = asset(str(ULID()), content)
    where = room.create(take).headers["Location"]
    room.patch(where, 0, content[:400_000])
    central.kill()
    # As a kill right after the last fsync leaves it: every byte on the disk, the offset at the length, nothing proven.
    upload = where.rpartition("/")[2]
    with (central.data / "uploads" / f"{upload}.part").open("ab") as part:
        part.write(content[400_000:])
    with sqlite3.connect(central.data / "darsbox.sqlite") as database:
        database.execute('UPDATE upload SET "offset" = length WHERE id = ?', (upload,))
    database.close()
    central.start()

    def receipted() -> bool:
        return room.ask("GET", f"{where}/receipt").status_code == 200

    wait_until(receipted, 10, "the receipt")
    wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)
    assert not list((central.data / "uploads").glob("*.part"))


def test_kills_at_any_instant_of_many_uploads_lose_and_invent_nothing(central: Central) -> None:
    room = central.room("Amphi A")
    contents = [os.urandom(150_000 + 1000 * number) for number in range(12)]
    takes = [asset(str(ULID()), content) for content in contents]
    done = threading.Event()

    def send() -> None:
        for take, content in zip(takes, contents, strict=True):
            while not done.is_set():
                try:
                    _send_on(room, take, content)
                except httpx.TransportError:
                    continue  # the server was killed; a room asks again
                else:
                    break

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(3):
            before = central.words().count('"stored"')
            wait_until(lambda b=before: central.words().count('"stored"') > b or not sender.is_alive(), 20, "an upload")
            central.kill()
            central.start()
        sender.join(60)
        assert not sender.is_alive()
    finally:
        done.set()
        sender.join(30)
    for take, content in zip(takes, contents, strict=True):
        receipt = room.upload(take, content)
        wire.check_receipt(receipt, room.server_key, room=room.id, asset=take)
        assert [file.read_bytes() for file in (central.data / "store").rglob(take.sha256)] == [content]


def _send_on(room: SigningRoom, take: wire.Asset, content: bytes) -> None:
    made = room.create(take)
    at = int(made.headers["Upload-Offset"])
    while at < len(content):
        answer = room.patch(made.headers["Location"], at, content[at : at + 40_000])
        at = int(answer.headers["Upload-Offset"])


# -- a full disk
# ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_refuses_and_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    blocks = 3 * 1024 * 2  # of 512 bytes: no file of this server may pass 3 MiB
    content = os.urandom(5_000_000)
    take = asset(str(ULID()), content)
    with Central(tmp_path / "data", shell_limits=f"ulimit -f {blocks}") as central:
        room = central.room("Amphi A")
        where = room.create(take).headers["Location"]
        assert room.patch(where, 0, content[:2_500_000]).status_code == 204
        full = room.patch(where, 2_500_000, content[2_500_000:])
        assert (full.status_code, full.json()["code"]) == (507, "server-full")
        assert room.offset(where) == 2_500_000
        assert (central.data / "uploads" / f"{where.rpartition('/')[2]}.part").stat().st_size == 2_500_000
        small = b"a small one still fits"
        assert room.upload(asset(str(ULID()), small), small)
        central.kill()
        central.start(shell_limits="")
        assert room.patch(where, 2_500_000, content[2_500_000:]).status_code == 204
        wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)
