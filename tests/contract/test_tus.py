"""The server's upload protocol, spoken by a room, by strangers, and by a client that is not ours.

Whatever goes wrong here costs a village its lesson, or makes it send hours of data twice over a poor link.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import os
import socket

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from ulid import ULID

from lms_sync import wire
from tests.peers.central import OFFSET_TYPE, Central, SigningRoom, asset, metadata, problem
from tests.peers.http import HTTP
from tests.peers.program import wait_until

# -- the way it goes when all is well
# ---------------------------------------------------------------------------------------


def test_options_say_what_the_server_can(central: Central) -> None:
    answer = HTTP.options(central.url + wire.UPLOADS)
    assert answer.status_code == 204
    assert set(answer.headers["Tus-Extension"].split(",")) == set(wire.TUS_EXTENSIONS)
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert "sha256" in answer.headers["Tus-Checksum-Algorithm"].split(",")
    assert int(answer.headers["Tus-Max-Size"]) > 2**32


def test_a_take_arrives_in_chunks_and_is_receipted(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(2_500_000)
    take = asset(lesson, content)
    made = room.create(take)
    assert made.status_code == 201
    assert made.headers["Upload-Offset"] == "0"
    assert made.headers["Location"].startswith(room.central.url + wire.UPLOADS + "/")
    assert "Upload-Expires" in made.headers
    where, sent = made.headers["Location"], 0
    assert problem(room.ask("GET", f"{where}/receipt")) == (404, "not-complete")
    for piece in (content[:1_000_000], content[1_000_000:1_000_001], content[1_000_001:]):
        answer = room.patch(where, sent, piece)
        assert answer.status_code == 204
        sent += len(piece)
        assert answer.headers["Upload-Offset"] == str(sent)
        assert room.offset(where) == sent
    claims = wire.check_receipt(room.receipt(where), room.server_key, room=room.id, asset=take)
    assert claims["bytes"] == len(content)


def test_creating_twice_gives_the_same_upload_where_it_stands(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(50_000)
    first = room.create(asset(lesson, content))
    room.patch(first.headers["Location"], 0, content[:20_000])
    again = room.create(asset(lesson, content))
    assert again.status_code == 201
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Upload-Offset"] == "20000"
    room.patch(first.headers["Location"], 20_000, content[20_000:])
    stored = room.create(asset(lesson, content))
    assert stored.headers["Upload-Offset"] == "50000"
    assert room.receipt(stored.headers["Location"])


def test_a_receipt_can_be_had_again_after_the_upload_was_forgotten(room: SigningRoom, lesson: str) -> None:
    content = b"slides" * 100
    receipt = room.upload(asset(lesson, content), content)
    where = room.create(asset(lesson, content)).headers["Location"]
    assert room.ask("DELETE", where).status_code == 204
    assert room.ask("HEAD", where).status_code == 404
    anew = room.create(asset(lesson, content))
    assert anew.headers["Upload-Offset"] == str(len(content))
    assert room.receipt(anew.headers["Location"]) == receipt


def test_creation_with_the_first_bytes_saves_a_round_trip(room: SigningRoom, lesson: str) -> None:
    content = b"0123456789" * 1000
    take = asset(lesson, content)
    given = {"Upload_Length": str(len(content)), "Upload_Metadata": metadata(take.metadata())}
    made = room.ask("POST", wire.UPLOADS, body=content, Content_Type=OFFSET_TYPE, **given)
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, str(len(content)))
    wire.check_receipt(room.receipt(made.headers["Location"]), room.server_key, room=room.id, asset=take)


def test_an_empty_file_is_whole_at_once(room: SigningRoom, lesson: str) -> None:
    made = room.create(asset(lesson, b""))
    assert made.status_code == 201
    assert room.receipt(made.headers["Location"])


def test_a_dropped_upload_is_gone(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 100)).headers["Location"]
    room.patch(where, 0, b"x" * 50)
    assert room.ask("DELETE", where).status_code == 204
    assert room.ask("HEAD", where).status_code == 404
    assert problem(room.patch(where, 50, b"x" * 50)) == (404, "no-such-upload")


def test_clients_behind_old_proxies_may_post_what_they_mean(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 100)).headers["Location"]
    override = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": "0", "Content_Type": OFFSET_TYPE}
    assert room.ask("POST", where, body=b"x" * 60, **override).status_code == 204
    assert room.offset(where) == 60


# -- checksums
# -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_damaged_chunk_is_refused_and_the_offset_stays(room: SigningRoom, lesson: str, algorithm: str) -> None:
    content = os.urandom(300_000)
    where = room.create(asset(lesson, content)).headers["Location"]
    good = base64.b64encode(hashlib.new(algorithm, content[:200_000]).digest()).decode()
    damaged = b"\0" + content[1:200_000]
    assert problem(room.patch(where, 0, damaged, Upload_Checksum=f"{algorithm} {good}")) == (460, "checksum-mismatch")
    assert room.offset(where) == 0
    assert room.patch(where, 0, content[:200_000], Upload_Checksum=f"{algorithm} {good}").status_code == 204
    assert room.patch(where, 200_000, content[200_000:]).status_code == 204
    assert room.receipt(where)


def test_an_unknown_checksum_is_refused_in_a_sentence(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 10)).headers["Location"]
    assert problem(room.patch(where, 0, b"x" * 10, Upload_Checksum="crc32 AAAA")) == (400, "bad-checksum")
    assert problem(room.patch(where, 0, b"x" * 10, Upload_Checksum="sha256 not base64")) == (400, "bad-checksum")


def test_a_file_that_is_not_what_was_announced_is_discarded(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(100_000)
    lying = dataclasses.replace(asset(lesson, content), sha256=hashlib.sha256(b"something else").hexdigest())
    where = room.create(lying).headers["Location"]
    assert room.patch(where, 0, content[:50_000]).status_code == 204
    assert problem(room.patch(where, 50_000, content[50_000:])) == (460, "checksum-mismatch")
    assert room.ask("HEAD", where).status_code == 404
    assert problem(room.ask("GET", f"{where}/receipt")) == (404, "no-such-upload")
    digest = hashlib.sha256(content).hexdigest()
    assert not list((room.central.data / "store").rglob(digest))
    assert room.upload(asset(lesson, content), content)  # and the honest one still comes in


# -- sizes and offsets
# -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 9, 11, 10**15])
def test_a_wrong_offset_moves_nothing_and_names_the_right_one(room: SigningRoom, lesson: str, offset: int) -> None:
    where = room.create(asset(lesson, b"x" * 100)).headers["Location"]
    room.patch(where, 0, b"x" * 10)
    answer = room.patch(where, offset, b"x" * 20)
    assert problem(answer) == (409, "wrong-offset")
    assert answer.json()["offset"] == 10
    assert room.offset(where) == 10


def test_more_bytes_than_announced_are_refused(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 100)).headers["Location"]
    assert problem(room.patch(where, 0, b"x" * 101)) == (413, "too-many-bytes")
    assert room.offset(where) == 0


def test_more_bytes_than_announced_are_refused_even_when_nobody_says_how_many(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 100)).headers["Location"]
    path = httpx.URL(where).raw_path.decode()
    body = b"x" * 101
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": OFFSET_TYPE,
        "Authorization": wire.prove(
            room.key,
            room.id,
            method="PATCH",
            path=path,
            body_sha256=hashlib.sha256(body).hexdigest(),
            now=room.central_time(),
        ),
    }
    answer = room.http.patch(where, headers=headers, content=iter([body[:60], body[60:]]))
    assert problem(answer) == (413, "too-many-bytes")
    assert room.offset(where) == 0


def test_a_file_larger_than_the_server_takes_is_refused_before_it_is_sent(room: SigningRoom, lesson: str) -> None:
    huge = dataclasses.replace(asset(lesson, b""), bytes=10**15, sha256="0" * 64)
    assert problem(room.create(huge)) == (413, "too-large")


@pytest.mark.parametrize("length", ["-1", "1e3", "many", "", "9" * 30])
def test_a_length_that_is_none_is_refused(room: SigningRoom, lesson: str, length: str) -> None:
    assert problem(room.create(asset(lesson, b"x"), Upload_Length=length)) == (400, "bad-header")


# -- the protocol's own rules
# ----------------------------------------------------------------------------------------------


def test_another_version_of_tus_is_told_ours(room: SigningRoom, lesson: str) -> None:
    answer = room.create(asset(lesson, b"x"), Tus_Resumable="0.2.2")
    assert problem(answer) == (412, "wrong-tus-version")
    assert answer.headers["Tus-Version"] == "1.0.0"


def test_a_patch_of_another_content_type_is_refused(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 10)).headers["Location"]
    assert problem(room.patch(where, 0, b"x" * 10, Content_Type="video/mp4")) == (415, "wrong-content-type")
    assert room.offset(where) == 0


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "front/../../../etc/passwd",
        "front/.hidden",
        "front//take",
        "front\\take",
        "front/take\n",
        "front/take\0.mp4",
        "",
        "a/b/c/d/e",
        "x" * 101,
    ],
)
def test_a_name_that_climbs_out_is_refused_and_leaves_no_file(room: SigningRoom, lesson: str, path: str) -> None:
    before = sorted(room.central.data.parent.rglob("*"))
    answer = room.create(dataclasses.replace(asset(lesson, b"root:x:0:0"), path=path))
    assert problem(answer) == (400, "bad-metadata")
    after = sorted(room.central.data.parent.rglob("*"))
    assert [file for file in after if file not in before and file.suffix == ".part"] == []


@pytest.mark.parametrize("text", ["", "lesson", "lesson !!!", "lesson //79/w==", "path ZnJvbnQ=,sha256 AAAA"])
def test_broken_metadata_is_refused_in_a_sentence(room: SigningRoom, lesson: str, text: str) -> None:
    assert problem(room.create(asset(lesson, b"x"), Upload_Metadata=text)) == (400, "bad-metadata")


@pytest.mark.parametrize("upload", ["nothing", "..%2f..%2fetc%2fpasswd", "%00", "a" * 300])
def test_an_upload_that_never_was_is_not_found(room: SigningRoom, upload: str) -> None:
    assert room.ask("HEAD", f"{wire.UPLOADS}/{upload}").status_code == 404
    assert room.patch(f"{wire.UPLOADS}/{upload}", 0, b"x").status_code == 404


# -- who may
# ---------------------------------------------------------------------------------------------------------------


def test_without_a_signature_nothing_is_taken(central: Central, lesson: str) -> None:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "1",
        "Upload-Metadata": metadata(asset(lesson, b"x").metadata()),
    }
    answer = HTTP.post(central.url + wire.UPLOADS, headers=headers)
    assert problem(answer) == (401, "not-signed")
    assert wire.TIME_HEADER in answer.headers
    for bad in ("Darsbox nonsense", "Darsbox a.b.c", "Darsbox", "Bearer nonsense", "Basic eDp5"):
        answer = HTTP.post(central.url + wire.UPLOADS, headers={**headers, "Authorization": bad})
        assert answer.status_code == 401, bad
        problem(answer)


def test_a_strangers_key_opens_nothing(central: Central, room: SigningRoom, lesson: str) -> None:
    stranger = SigningRoom(central, "Amphi A")
    stranger.id = room.id
    assert problem(stranger.create(asset(lesson, b"x"))) == (401, "bad-signature")
    stranger.id = str(ULID())
    assert problem(stranger.create(asset(lesson, b"x"))) == (401, "unknown-room")


def test_a_signature_is_good_for_its_own_request_only(room: SigningRoom, lesson: str) -> None:
    where = room.create(asset(lesson, b"x" * 10)).headers["Location"]
    answer = room.ask("PATCH", where, body=b"y" * 10, signed=b"x" * 10, Upload_Offset="0", Content_Type=OFFSET_TYPE)
    assert problem(answer) == (401, "bad-signature")
    assert room.offset(where) == 0
    proof = wire.prove(
        room.key, room.id, method="GET", path="/other", body_sha256=wire.EMPTY_SHA256, now=room.central_time()
    )
    answer = room.http.delete(where, headers={"Authorization": proof, "Tus-Resumable": "1.0.0"})
    assert problem(answer) == (401, "bad-signature")


@pytest.mark.parametrize("skew", [-86400.0, 3600.0, 40 * 365 * 86400.0])
def test_a_wrong_clock_is_told_the_right_time_and_then_comes_in(room: SigningRoom, lesson: str, skew: float) -> None:
    room.skew = skew
    try:
        answer = room.create(asset(lesson, b"x"))
        assert problem(answer) == (401, "clock-skew")
        assert abs(float(answer.headers[wire.TIME_HEADER]) - room.central_time()) < 60
    finally:
        room.skew = 0.0
    assert room.create(asset(lesson, b"x")).status_code == 201


def test_every_answer_to_a_room_carries_the_time(room: SigningRoom, lesson: str) -> None:
    made = room.create(asset(lesson, b"x"))
    refused = room.patch(made.headers["Location"], 5, b"x")
    assert all(float(answer.headers[wire.TIME_HEADER]) > 1.7e9 for answer in (made, refused))


def test_one_room_neither_sees_nor_touches_anothers(central: Central, room: SigningRoom, lesson: str) -> None:
    other = central.room("Amphi B")
    where = room.create(asset(lesson, b"x" * 10)).headers["Location"]
    assert other.ask("HEAD", where).status_code == 404
    assert problem(other.patch(where, 0, b"x" * 10)) == (404, "no-such-upload")
    assert problem(other.ask("DELETE", where)) == (404, "no-such-upload")
    assert problem(other.ask("GET", f"{where}/receipt")) == (404, "no-such-upload")
    assert problem(other.create(asset(lesson, b"y"))) == (403, "foreign-lesson")
    assert room.offset(where) == 0


def test_a_room_that_was_shut_out_gets_nothing_more(central: Central, lesson: str) -> None:
    lost = central.room("Stolen PC")
    where = lost.create(asset(lesson, b"x" * 10)).headers["Location"]
    it = central.token("it-person", "it")
    assert HTTP.post(f"{central.url}/api/v1/rooms/{lost.id}/revoke", headers=it).status_code == 204
    assert problem(lost.patch(where, 0, b"x" * 10)) == (403, "room-revoked")
    assert problem(lost.create(asset(str(ULID()), b"x"))) == (403, "room-revoked")


# -- enrolment
# -------------------------------------------------------------------------------------------------------------


def test_an_enrolment_code_opens_once(central: Central) -> None:
    code = central.code("Lab 1")
    first, second = SigningRoom(central, "Lab 1"), SigningRoom(central, "Lab 1")
    assert first.enrol(code).status_code == 201
    assert problem(second.enrol(code)) == (403, "code-used")
    assert first.enrol(code).status_code == 201, "a room that lost the answer may ask again with the same key"
    assert first.create(asset(str(ULID()), b"x")).status_code == 201


def test_a_code_is_for_its_room_and_survives_sloppy_typing(central: Central) -> None:
    code = central.code("Lab 2")
    assert problem(SigningRoom(central, "Lab 3").enrol(code)) == (403, "code-other-room")
    assert problem(SigningRoom(central, "Lab 2").enrol("00000-00000")) == (403, "code-unknown")
    assert SigningRoom(central, "Lab 2").enrol(f" {code.lower().replace('-', ' ')} ").status_code == 201


def test_a_new_pc_in_the_room_replaces_the_old_ones_key(central: Central) -> None:
    old = central.room("Lab 4")
    new = central.room("Lab 4")
    assert new.id == old.id
    assert problem(old.create(asset(str(ULID()), b"x"))) == (401, "bad-signature")
    assert new.create(asset(str(ULID()), b"x")).status_code == 201


@pytest.mark.parametrize(
    "key", [{}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "OKP", "crv": "X25519", "x": "AA"}]
)
def test_what_is_no_key_is_refused(central: Central, key: dict[str, str]) -> None:
    body = {"code": central.code("Lab 5"), "room": "Lab 5", "public_key": key}
    assert problem(HTTP.post(central.url + wire.ENROLMENTS, json=body)) == (400, "bad-key")


# -- cuts
# ------------------------------------------------------------------------------------------------------------------


def half_a_patch(central: Central, head: bytes, body: bytes, announced: int) -> socket.socket:
    """A PATCH whose connection is open and whose body stopped half-way."""
    connection = socket.create_connection(("127.0.0.1", int(central.url.rpartition(":")[2])), timeout=30)
    connection.sendall(head + f"Content-Length: {announced}\r\n\r\n".encode() + body)
    return connection


def test_what_arrived_before_the_link_broke_is_kept(central: Central, room: SigningRoom, lesson: str) -> None:
    content = os.urandom(400_000)
    service = central.token("cut-service", "service")
    uploaded = TusClient(central.url + wire.UPLOADS, headers=service).uploader(
        file_stream=io.BytesIO(content), metadata={"room": room.id, "lesson": lesson, "filename": "film.mp4"}
    )
    uploaded.set_url(uploaded.create_url())
    path = httpx.URL(uploaded.url).raw_path.decode()
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Authorization: {service['Authorization']}\r\nContent-Type: {OFFSET_TYPE}\r\n"
    ).encode()
    half_a_patch(central, head, content[:250_000], len(content)).close()
    wait_until(lambda: room.offset(path) == 250_000, 10, "the bytes of the broken request")
    uploaded.offset = uploaded.get_offset()
    uploaded.upload()
    assert room.offset(path) == len(content)
    stored = central.data / "store"
    assert [file.read_bytes() for file in stored.rglob(hashlib.sha256(content).hexdigest())] == [content]


def test_a_room_that_comes_back_is_not_locked_out_by_its_dead_connection(room: SigningRoom, lesson: str) -> None:
    content = os.urandom(200_000)
    take = asset(lesson, content)
    where = room.create(take).headers["Location"]
    path = httpx.URL(where).raw_path.decode()
    proof = wire.prove(room.key, room.id, method="PATCH", path=path, body_sha256=take.sha256, now=room.central_time())
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Authorization: {proof}\r\nContent-Type: {OFFSET_TYPE}\r\n"
    ).encode()
    with half_a_patch(room.central, head, content[:120_000], len(content)):
        at = 0

        def moved() -> bool:
            nonlocal at
            at = room.offset(where)
            return at > 0

        wait_until(moved, 10, "the bytes of the silent request")
        assert room.patch(where, at, content[at:]).status_code == 204
    assert room.receipt(where)


# -- a client that is not ours
# ---------------------------------------------------------------------------------------------


def test_a_foreign_client_uploads_megabytes_in_chunks(central: Central, room: SigningRoom, lesson: str) -> None:
    content = os.urandom(6_000_000)
    service = central.token("archive", "service")
    client = TusClient(central.url + wire.UPLOADS, headers=service)
    uploader = client.uploader(
        file_stream=io.BytesIO(content),
        chunk_size=1_000_000,
        metadata={"room": "Amphi A", "lesson": lesson, "filename": "recording.mp4"},
        upload_checksum=True,
    )
    uploader.upload(stop_at=2_000_000)
    again = client.uploader(file_stream=io.BytesIO(content), url=uploader.url, chunk_size=1_500_000)
    assert again.offset == 2_000_000
    again.upload()
    assert [file.stat().st_size for file in (central.data / "store").rglob(hashlib.sha256(content).hexdigest())] == [
        6_000_000
    ]


def test_a_foreign_client_needs_a_services_token_and_a_room(central: Central, lesson: str) -> None:

    def status(headers: dict[str, str], **facts: str) -> int:
        client = TusClient(central.url + wire.UPLOADS, headers=headers)
        with pytest.raises(TusCommunicationError) as refused:
            client.uploader(
                file_stream=io.BytesIO(b"x" * 100), metadata={"lesson": lesson, "filename": "film.mp4", **facts}
            ).upload()
        return int(refused.value.status_code)

    service, student = central.token("mirror", "service"), central.token("pupil", "student")
    assert status(student, room="Amphi A") == 403
    assert status({}, room="Amphi A") == 401
    assert status(service, room="No such room") == 404
    assert status(service) == 404
