"""Bodies proven piece by piece. If these fail, a cut link costs a village what it had sent, or damage gets into a
film."""

from __future__ import annotations

import hashlib
import os
import socket

import httpx
import pytest
from ulid import ULID

from lms_sync import wire
from tests.peers.central import OFFSET_TYPE, SigningRoom, asset
from tests.peers.program import wait_until

PIECE = wire.SMALLEST_PIECE


def patch(room: SigningRoom, where: str, offset: int, body: bytes, pieces: wire.Pieces) -> httpx.Response:
    header = pieces.header
    given = {"Upload_Offset": str(offset), "Content_Type": OFFSET_TYPE, "Darsbox_Pieces": header}
    return room.ask("PATCH", where, body=body, signed=header.encode(), **given)


def cut_patch(room: SigningRoom, where: str, body: bytes, pieces: wire.Pieces, sent: int) -> socket.socket:
    """A PATCH of the whole body whose connection stopped after so many bytes."""
    path = httpx.URL(where).raw_path.decode()
    signed = hashlib.sha256(pieces.header.encode()).hexdigest()
    proof = wire.prove(room.key, room.id, method="PATCH", path=path, body_sha256=signed, now=room.central_time())
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nAuthorization: {proof}\r\n"
        f"{wire.PIECES_HEADER}: {pieces.header}\r\nContent-Type: {OFFSET_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", int(room.central.url.rpartition(":")[2])), timeout=30)
    connection.sendall(head.encode() + body[:sent])
    return connection


def test_whole_pieces_arrive_and_the_file_is_receipted(room: SigningRoom) -> None:
    content = os.urandom(5 * PIECE + 77)
    take = asset(str(ULID()), content)
    where = room.create(take).headers["Location"]
    answer = patch(room, where, 0, content, wire.Pieces.of(content))
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(content)))
    wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)


def test_a_broken_body_keeps_every_whole_piece_and_nothing_more(room: SigningRoom) -> None:
    content = os.urandom(6 * PIECE)
    where = room.create(asset(str(ULID()), content)).headers["Location"]
    with cut_patch(room, where, content, wire.Pieces.of(content), 3 * PIECE + 5000):
        wait_until(lambda: room.offset(where) == 3 * PIECE, 20, "the pieces of the broken request")
    rest = content[3 * PIECE :]
    assert patch(room, where, 3 * PIECE, rest, wire.Pieces.of(rest)).status_code == 204
    assert room.receipt(where)


def test_only_a_damaged_piece_and_what_followed_it_is_sent_again(room: SigningRoom) -> None:
    content = os.urandom(6 * PIECE)
    where = room.create(asset(str(ULID()), content)).headers["Location"]
    damaged = bytearray(content)
    damaged[4 * PIECE + 9] ^= 0x20
    answer = patch(room, where, 0, bytes(damaged), wire.Pieces.of(content))
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum-mismatch")
    assert answer.headers["Upload-Offset"] == str(4 * PIECE)
    assert room.offset(where) == 4 * PIECE
    rest = content[4 * PIECE :]
    assert patch(room, where, 4 * PIECE, rest, wire.Pieces.of(rest)).status_code == 204
    assert room.receipt(where)


def test_pieces_nobody_signed_are_not_looked_at(room: SigningRoom) -> None:
    content = os.urandom(2 * PIECE)
    where = room.create(asset(str(ULID()), content)).headers["Location"]
    header = wire.Pieces.of(os.urandom(2 * PIECE)).header
    given = {"Upload_Offset": "0", "Content_Type": OFFSET_TYPE, "Darsbox_Pieces": header}
    answer = room.ask("PATCH", where, body=content, **given)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")
    assert room.offset(where) == 0


@pytest.mark.parametrize("length", [PIECE, 3 * PIECE], ids=["fewer", "more"])
def test_a_body_of_another_length_than_its_pieces_is_damaged(room: SigningRoom, length: int) -> None:
    content = os.urandom(4 * PIECE)
    where = room.create(asset(str(ULID()), content)).headers["Location"]
    pieces = wire.Pieces.of(content[: 2 * PIECE])
    answer = patch(room, where, 0, content[:length], pieces)
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum-mismatch")
    assert room.offset(where) == min(length, 2 * PIECE)


NONSENSE = ["xxh3-128", "xxh3-128 16384", "xxh3-128 16384 !", "xxh3-128 8 AAAA", "xxh3-128 16384 AAAA"]


@pytest.mark.parametrize(
    "header", ["", *NONSENSE, f"xxh3-128 {PIECE} {'A' * 4000}", f"sha256 {PIECE} {'A' * 24}", f"{PIECE} {'A' * 24}"]
)
def test_a_header_that_makes_no_sense_is_refused_in_a_sentence(room: SigningRoom, header: str) -> None:
    content = os.urandom(PIECE)
    where = room.create(asset(str(ULID()), content)).headers["Location"]
    given = {"Upload_Offset": "0", "Content_Type": OFFSET_TYPE, "Darsbox_Pieces": header}
    answer = room.ask("PATCH", where, body=content, signed=header.encode() or content, **given)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-pieces")
    assert answer.json()["detail"].startswith("Darsbox-Pieces ")
    assert room.offset(where) == 0
