"""A room that cannot say who it is sends nothing; one whose key leaks is not safe."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from appliance.spool.layout import Spool
from lms_sync import identity, wire
from lms_sync.client import Client
from lms_sync.wire import sealing

pytestmark = pytest.mark.anyio
KEY = wire.new_key().as_dict(private=False)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    place = Spool(tmp_path / "spool")
    place.prepare()
    return place


def answering(status: int, **facts: object) -> Client:
    kind = "application/json" if status < 300 else "application/problem+json"
    content = json.dumps(facts).encode()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"Content-Type": kind}, stream=httpx.ByteStream(content))

    return Client("http://server.example", transport=httpx.MockTransport(answer))


async def enrol(spool: Spool, client: Client) -> tuple[identity.Identity, bool]:
    url = "http://server.example/"
    return await identity.enrol(spool, server=url, code="C", room="Amphi A", institution="", client=client)


async def test_an_enrolled_room_knows_its_server_and_keeps_its_key(spool: Spool) -> None:
    server_key = wire.new_key()
    good = {"room_id": "r1", "server": "x", "server_key": server_key.as_dict(private=False), "time": 1.0}
    who, before = await enrol(spool, answering(201, **good))
    assert (who.server, who.room, before) == ("http://server.example", "r1", False)
    assert identity.key_file(spool).stat().st_mode & 0o777 == 0o600
    assert "private" not in identity.server_file(spool).read_text()
    again = identity.read(spool)
    assert wire.thumbprint(again.key) == wire.thumbprint(who.key)
    assert again.key.is_private
    # The same code a second time: the server says it was used, and nothing changes.
    who, before = await enrol(spool, answering(403, code="code-used", detail="Used."))
    assert (who.room, before) == ("r1", True)


async def test_the_key_to_seal_for_is_kept_and_an_older_servers_lack_of_it_too(spool: Spool) -> None:
    """Without it a room can send but not carry; enrolling again brings it."""
    good = {"room_id": "r1", "server_key": wire.new_key().as_dict(private=False)}
    who, _ = await enrol(spool, answering(201, **good))
    assert who.sealing_key is identity.read(spool).sealing_key is None
    key = sealing.new_sealing_key()
    await enrol(spool, answering(201, **good, sealing_key=key.as_dict(private=False)))
    kept = identity.read(spool).sealing_key
    assert kept is not None
    assert (wire.thumbprint(kept), kept.is_private) == (wire.thumbprint(key), False)


@pytest.mark.parametrize(
    ("status", "facts", "words"),
    [
        (403, {"code": "code-used"}, "was used already"),
        (403, {"code": "code-expired"}, "has expired"),
        (403, {"code": "code-unknown"}, "does not know this enrolment code"),
        (403, {"code": "code-other-room", "detail": "This code is for another room."}, "for another room"),
        (422, {"code": "bad-name", "detail": "A room has a name."}, "A room has a name"),
        (500, {}, "Check the address and the network"),
        (201, {"room_id": "r", "server_key": KEY, "sealing_key": KEY}, "does not answer like a Darsbox server"),
        (201, {"room_id": "r"}, "does not answer like a Darsbox server"),
        (201, {"room_id": "r", "server_key": {"kty": "RSA"}}, "does not answer like a Darsbox server"),
    ],
)
async def test_what_goes_wrong_is_one_sentence(spool: Spool, status: int, facts: dict[str, object], words: str) -> None:
    with pytest.raises(identity.IdentityError, match=words):
        await enrol(spool, answering(status, **facts))
    assert not identity.server_file(spool).exists()
    with pytest.raises(identity.NotEnrolled):
        identity.read(spool)


async def test_a_room_is_not_moved_to_another_server_by_mistake(spool: Spool) -> None:
    good = {"room_id": "r1", "server": "x", "server_key": wire.new_key().as_dict(private=False), "time": 1.0}
    await enrol(spool, answering(201, **good))
    with pytest.raises(identity.IdentityError, match=r"enrolled with http://server\.example"):
        await identity.enrol(spool, server="http://other.example", code="C", room="A", institution="")


@pytest.mark.parametrize(
    "text", ["", "lessons.example.edu", "ftp://x", "http://", "http://u:p@x", "http://x/y", "http://["]
)
def test_an_address_is_scheme_host_and_port(text: str) -> None:
    with pytest.raises(identity.IdentityError, match=r"https://lessons\.example\.edu"):
        identity.server_url(text)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"server": 1}', b"\xff\xfe"])
async def test_a_damaged_identity_is_said_not_crashed_on(spool: Spool, damage: bytes) -> None:
    good = {"room_id": "r1", "server": "x", "server_key": wire.new_key().as_dict(private=False), "time": 1.0}
    await enrol(spool, answering(201, **good))
    whole = identity.server_file(spool).read_bytes()
    identity.server_file(spool).write_bytes(damage)
    with pytest.raises(identity.IdentityError, match="enrol the room again"):
        identity.read(spool)
    identity.server_file(spool).write_bytes(whole)
    identity.key_file(spool).write_bytes(damage)
    with pytest.raises(identity.IdentityError):
        identity.read(spool)
    with pytest.raises(identity.IdentityError, match="not this room's key"):
        identity.device_key(spool)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (" https://Lessons.example.edu/ ", "https://lessons.example.edu"),
        ("http://127.0.0.1:8500", "http://127.0.0.1:8500"),
        ("http://[::1]:8500/", "http://[::1]:8500"),
    ],
)
def test_an_address_is_understood_as_people_type_it(text: str, url: str) -> None:
    assert identity.server_url(text) == url
