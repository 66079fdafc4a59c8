"""A PC that was sent to a village with a stick must find its server without anybody who can type."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from appliance.spool.layout import Spool
from lms_sync import identity, wire
from lms_sync.client import Client
from lms_sync.joining import Joining
from lms_sync.wire.slip import NAME, Slip

pytestmark = pytest.mark.anyio
SERVER_KEY = wire.new_key()
SLIP = Slip("http://server.example", "7QK2M-9XDR4", "Amphi A", "ENS", wire.thumbprint(SERVER_KEY), 0.0)
GOOD = {"room_id": "r1", "server_key": SERVER_KEY.as_dict(private=False)}


class Server(httpx.AsyncBaseTransport):
    """Answers every request alike, and remembers what it was told."""

    def __init__(self, status: int = 201, **facts: object) -> None:
        self.status, self.facts = status, facts
        self.heard: list[dict[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(json.loads(await request.aread()))
        if not self.status:
            raise httpx.ConnectError("nobody there")
        kind = "application/json" if self.status < 300 else "application/problem+json"
        stream = httpx.ByteStream(json.dumps(self.facts).encode())
        return httpx.Response(self.status, headers={"Content-Type": kind}, stream=stream)


class Place:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool = Spool(root / "spool")
        self.joining = Joining(self.spool, root=root)

    def stick(self, text: str = SLIP.text(), where: str = "media/usb") -> Path:
        file = self.root / where / NAME
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    async def look(self, server: Server) -> None:
        self.joining._client = Client("http://server.example", transport=server)
        await self.joining.look()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("where", ["media/usb", "media/amina/STICK", "run/media/amina/STICK", "etc/darsbox", "mnt"])
async def test_a_stick_enrols_a_room_that_has_no_server(place: Place, where: str) -> None:
    place.stick(where=where)
    server = Server(**GOOD)
    await place.look(server)
    assert place.joining.enrolled()
    assert [(said["code"], said["room"], said["institution"]) for said in server.heard] == [
        ("7QK2M-9XDR4", "Amphi A", "ENS")
    ]
    assert identity.read(place.spool).room == "r1"


async def test_a_code_that_was_used_is_asked_once_and_a_new_file_again(place: Place) -> None:
    place.stick()
    server = Server(403, code="code-used")
    await place.look(server)
    await place.look(server)
    assert len(server.heard) == 1
    assert not place.joining.enrolled()
    place.stick(SLIP.text() + "\n")
    await place.look(Server(**GOOD))
    assert place.joining.enrolled()


async def test_without_a_link_it_is_tried_until_there_is_one(place: Place) -> None:
    place.stick()
    away = Server(0)
    await place.look(away)
    await place.look(away)
    assert len(away.heard) == 2
    await place.look(Server(**GOOD))
    assert place.joining.enrolled()


async def test_a_server_with_another_key_than_the_file_names_is_not_believed(place: Place) -> None:
    place.stick()
    await place.look(Server(room_id="r1", server_key=wire.new_key().as_dict(private=False)))
    assert not place.joining.enrolled()


async def test_what_is_no_enrolment_file_harms_nothing(place: Place) -> None:
    place.stick('{"darsbox-enrolment": 9}', where="media/a")
    (place.root / "media/b" / NAME).mkdir(parents=True)
    place.stick(where="media/c")
    await place.look(Server(**GOOD))
    assert place.joining.enrolled()


async def test_a_room_that_has_a_server_looks_at_no_stick(place: Place) -> None:
    place.stick()
    await place.look(Server(**GOOD))
    await place.joining.run()  # ends at once
