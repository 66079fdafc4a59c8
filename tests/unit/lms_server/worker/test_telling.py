"""A program of others hears what became of its institution's lessons and rooms, and can prove who says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import AlarmRow, LessonRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.catalog.webhooks import PATIENCE, Webhooks
from lms_server.cli import app
from lms_server.errors import BadRequest, NotFound
from lms_server.worker.telling import sign, telling
from lms_sync.wire_control import Heartbeat
from tests.unit.lms_server.arrivals import card, manifest
from tests.unit.lms_server.conftest import HandClock

START = 2e9
"""After the machine's own clock, which the database's triggers have."""


@dataclass
class Listener:
    """A program that is told. answers: with which it answers, the last for ever."""

    url: str
    answers: list[int] = field(default_factory=lambda: [204])
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener("")

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.heard.append(({name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if len(found.answers) > 1 else found.answers[0])
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        found.url = f"http://localhost:{server.server_port}/told?by=darsbox"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@dataclass
class World:
    database: Database
    uploads: Uploads
    room: Room
    clock: HandClock
    webhooks: Webhooks

    def ready(self) -> str:
        """A lesson that has just become so."""
        lesson = str(ULID())
        manifest(self.uploads, self.room, lesson, card("Optique"))
        with self.database.write() as session:
            session.get_one(LessonRow, lesson).state = "ready"
        return lesson


@pytest.fixture
def world(database: Database, uploads: Uploads, amphi: Room, hands: HandClock) -> World:
    hands.now = START
    return World(database, uploads, amphi, hands, Webhooks(database, hands))


def test_a_listener_hears_of_its_institution_alone_and_can_prove_who_speaks(
    catalogue: Catalog, admin: Person, world: World, listener: Listener
) -> None:
    catalogue.institutions.add("FST")
    secret = world.webhooks.add(listener.url, "ENS", [])
    world.webhooks.add(listener.url, "FST", [])
    lesson = world.ready()
    catalogue.editing.publish(admin, lesson, "withdrawn")
    catalogue.editing.describe(admin, lesson, title="Nothing that is told")
    tell = telling(world.webhooks, world.clock, private=True)
    tell()
    tell()
    assert listener.events == ["lesson.ready", "lesson.withdrawn"]
    headers, body = listener.heard[0]
    assert json.loads(body)["data"]["lesson"]["id"] == lesson
    moment, identity = headers["webhook-timestamp"], headers["webhook-id"]
    assert moment == str(int(START))
    assert headers["webhook-signature"] == sign(secret, identity, moment, body)
    assert headers["host"].startswith("localhost:")


def test_the_beginning_and_the_end_of_an_alarm_are_told_once_each(
    catalogue: Catalog, world: World, listener: Listener
) -> None:
    catalogue.institutions.add("FST")
    world.webhooks.add(listener.url, "ENS", ["alarm.raised", "alarm.cleared"])
    world.webhooks.add(listener.url, "FST", [])
    tell = telling(world.webhooks, world.clock, private=True)

    def after(seconds: float, hours: float) -> None:
        world.clock.now += seconds
        room = catalogue.rooms.find(world.room.id)
        assert room is not None
        catalogue.rooms.saw(room)
        catalogue.desks.heard(room, Heartbeat("1", state="ready", disk_hours=hours))
        catalogue.alarms.look()
        tell()

    for seconds, hours in ((0, 2.0), (130, 2.0), (60, 2.0), (60, 9.0), (130, 9.0)):
        after(seconds, hours)
    assert listener.events == ["alarm.raised", "alarm.cleared"]
    raised, cleared = (json.loads(body)["data"]["alarm"] for _, body in listener.heard)
    assert (raised["room"], raised["institution"], raised["trouble"]["code"]) == ("Amphi A", "ENS", "disk-filling")
    assert raised["cleared"] is None
    assert (cleared["id"], cleared["cleared"] > raised["raised"]) == (raised["id"], True)


def test_an_alarm_that_rings_at_once_is_told_too(world: World, listener: Listener) -> None:
    world.webhooks.add(listener.url, "", [])
    with world.database.write() as session:
        row = AlarmRow(room_id=world.room.id, kind="recorder-down", since=START, raised=START)
        row.trouble = {"code": "recorder-down", "need": "visit"}
        session.add(row)
    telling(world.webhooks, world.clock, private=True)()
    assert listener.events == ["alarm.raised"]


def test_signatures_are_those_of_standard_webhooks() -> None:
    """The vector of the specification's own libraries."""
    secret, identity = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = sign(secret, identity, "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_who_does_not_hear_is_told_again_later_and_not_for_ever(world: World, listener: Listener) -> None:
    world.webhooks.add(listener.url, "", ["lesson.ready"])
    world.ready()
    listener.answers = [500, 302, 204]
    tell = telling(world.webhooks, world.clock, private=True)
    for pause in (0.0, PATIENCE[0], PATIENCE[1]):
        if pause:
            world.clock.now += pause - 1
            tell()
            world.clock.now += 1
        tell()
    assert len(listener.heard) == 3
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1  # one event, so that it is known again
    assert world.webhooks.all()[0].waiting == 0
    world.ready()
    listener.answers = [500]
    for _ in range(len(PATIENCE) + 5):
        tell()
        world.clock.now += max(PATIENCE)
    assert len(listener.heard) == 3 + len(PATIENCE) + 1


def test_no_private_network_is_told_unless_it_is_allowed(world: World, listener: Listener) -> None:
    for url in (listener.url, "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/"):
        world.webhooks.add(url, "", ["lesson.ready"])
    world.ready()
    telling(world.webhooks, world.clock, private=False)()
    assert listener.heard == []
    assert [hook.waiting for hook in world.webhooks.all()] == [0, 0, 0, 0]


def test_what_is_no_address_and_no_event_is_refused(world: World) -> None:
    for url in ("", "ftp://example.org", "http://", "https://user:pw@example.org/", "http://a b/", "http://x:99999/"):
        with pytest.raises(BadRequest):
            world.webhooks.add(url, "", [])
    with pytest.raises(BadRequest):
        world.webhooks.add("https://example.org", "", ["lesson.eaten"])
    with pytest.raises(NotFound):
        world.webhooks.add("https://example.org", "No such", [])


def test_webhooks_are_added_listed_and_removed_by_orders(tmp_path: Path) -> None:
    def order(*words: str) -> str:
        done = CliRunner().invoke(app, ["webhook", *words, "--data", str(tmp_path)])
        assert done.exit_code == 0, done
        return done.output

    assert order("add", "https://example.org/told", "--event", "lesson.ready").startswith("whsec_")
    assert order("list") == "1  all  https://example.org/told  lesson.ready  0 waiting\n"
    order("remove", "1")
    assert order("list") == ""
