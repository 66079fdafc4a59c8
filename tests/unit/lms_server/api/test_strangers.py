"""Every route that there is, asked by another institution's people, rooms, programs and agents: what is not theirs
answers like what never was.

Routes are walked, not listed: one that is added later is asked too, and where the test does not know how, it fails and
says what to add here.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlmodel import select
from starlette.routing import BaseRoute
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.agents import Agents
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.packages import Packages
from lms_server.catalog.tables import (
    AlarmRow,
    ApiToken,
    CaptionRow,
    CourseMember,
    CourseRow,
    Institution,
    LessonRow,
    OutputRow,
    PersonRow,
    Room,
    TermRow,
)
from lms_server.catalog.uploads import Uploads
from lms_server.main import Server, build
from lms_server.settings import Settings
from lms_sync import wire
from tests.unit.lms_server.arrivals import asset
from tests.unit.lms_server.conftest import HandClock

pytestmark = pytest.mark.anyio
PASSWORD, AGENT = "a-long-enough-one", "a capture agent's password"
OURS, THEIRS = "FST", "ENS"
MARKS = ("Amphi Secret", "Optique Secrete", "SECRET1", "Term Secret", "agent-secret", "Secret Teacher")
"""What belongs to the others, and stands in no answer to us."""

WITHOUT_IDS = {
    "POST /api/v1/enrolments": "a code opens it, and names its room",
    "POST /api/v1/uploads": "see test_an_upload_names_no_room_and_no_lesson_of_others",
    "POST /api/v1/rooms/me/heartbeat": "about the room that signed it",
    "POST /api/v1/session": "a login",
    "DELETE /api/v1/session": "a login",
    "POST /api/v1/tokens": "one's own",
    "POST /api/v1/people": "into one's own institution; see test_people",
    "POST /api/v1/terms": "of one's own institution; see test_courses",
    "POST /api/v1/courses": "into a term of one's own institution; see test_records",
    "POST /api/v1/oai": "it only reads what everybody may read",
    "POST /login": "a login",
    "POST /logout": "a login",
    "POST /account/tokens": "one's own",
    "POST /account/card": "one's own",
    "POST /account/card/remove": "one's own",
    "PUT /api/v1/retention": "of one's own institution; see test_an_admin_sets_no_rule_for_others",
    "POST /retention": "likewise",
    "POST /people": "into one's own institution; see test_people",
    "POST /terms": "of one's own institution; see test_courses",
    "POST /courses": "likewise",
}
"""Routes that change something and have no id in their address: why no stranger can mean anything by them."""
ANSWERS = {
    "POST /capture-admin/agents/{name}": 403,  # every name that is not the login's own
    "POST /capture-admin/agents/{name}/configuration": 403,
    "PUT /ingest/createMediaPackageWithID/{package_id}": 200,  # made, whoever has one of that id
    "POST /ingest/ingest/{workflow}": 404,
}
"""Where the answer to what never was is not 404."""
LATER = {"POST /ingest/addZippedMediaPackage/{workflow}": "its package is in the zip; an id of others gets a new one"}


@dataclass
class World:
    """Two institutions on one server. theirs: ids of the others by the names that routes have for them."""

    server: Server
    theirs: dict[str, str]
    headers: dict[str, dict[str, str]]
    room: Room
    key: Any
    clock: HandClock


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    clock = HandClock()
    settings = Settings(data=tmp_path_factory.mktemp("two") / "data", oai_email="library@box.test")
    settings.data.mkdir()
    migrate(settings.database)
    server = build(settings, clock)
    catalog = Catalog.over(server.database, clock)
    theirs = furnish(server.database, catalog, clock)
    catalog.institutions.add(OURS)
    catalog.people.add("ours", "admin", PASSWORD, OURS)
    key = wire.new_key()
    public = wire.dump_key(key, private=False)
    room = catalog.rooms.find(catalog.rooms.enrol(catalog.rooms.make_code("Labo"), "Labo", OURS, public))
    assert room is not None
    Agents(server.database, clock).add("agent-ours", "Labo", OURS, AGENT)
    bearer = {"Authorization": f"Bearer {catalog.tokens.make_for('ours')}"}
    yield World(server, theirs, {"person": bearer}, room, key, clock)
    server.database.close()


def furnish(database: Database, catalog: Catalog, clock: HandClock) -> dict[str, str]:
    public = wire.dump_key(wire.new_key(), private=False)
    room = catalog.rooms.find(catalog.rooms.enrol(catalog.rooms.make_code(MARKS[0]), MARKS[0], THEIRS, public))
    assert room is not None
    operator = catalog.people.add("operator", "admin", PASSWORD)
    teacher = catalog.people.add("theirs", "teacher", PASSWORD, THEIRS, MARKS[5])
    catalog.courses.add_term(THEIRS, MARKS[3], "2026-09-01", "2027-01-31")
    lesson = str(ULID.from_timestamp(clock.now))
    uploads = Uploads(database, clock, 86400.0)
    upload = uploads.create(room, asset(lesson), join=False)
    with database.write() as session:
        row = session.get_one(LessonRow, lesson)
        term = session.exec(select(TermRow)).one()
        course, term.id = 424_242, 828_282  # numbers that stand in no page by chance
        session.flush()
        facts = {"institution_id": term.institution_id, "term_id": term.id, "code": MARKS[2], "title": MARKS[1]}
        session.add(CourseRow(id=course, **facts))
        session.flush()
        row.state, row.title, row.search, row.course_id, row.seconds = "ready", MARKS[1], "secret", course, 60.0
        facts = {"kind": "programme", "source": "front", "bytes": 1, "sha256": "ab" * 32, "seconds": 60.0}
        session.add(OutputRow(lesson_id=lesson, name="front.mp4", content_type="video/mp4", made=0.0, **facts))
        session.add(CaptionRow(lesson_id=lesson, language="fr", sha256="ab" * 32, bytes=1, made=0.0))
    with database.write() as session:
        session.exec(select(PersonRow).where(PersonRow.name == "theirs")).one().id = 727_272
    teacher = teacher.model_copy(update={"id": 727_272})
    command = catalog.desks.order(operator, room.id, "send-now", lesson=lesson)
    agents = Agents(database, clock)
    agents.add(MARKS[4], MARKS[0], THEIRS, AGENT)
    found = agents.login(MARKS[4], "192.0.2.1")
    assert found is not None
    agents.says(found[0], "capturing", "")
    package = Packages(database, clock).create(found[0], "11111111-2222-3333-4444-555555555555")
    catalog.tokens.make(teacher, None, None, MARKS[5])
    with database.write() as session:
        session.exec(select(ApiToken)).one().id = 525_252
        found: dict[str, object] = {"code": "room-silent", "need": "visit"}
        session.add(AlarmRow(id=626_262, room_id=room.id, kind="room-silent", since=0.0, raised=0.0, trouble=found))
    return {
        "lesson_id": lesson,
        "room_id": room.id,
        "command_id": command.id,
        "upload_id": upload.id,
        "package_id": package.id,
        "course_id": str(course),
        "term_id": str(term.id),
        "token_id": str(catalog.tokens.of(teacher)[0].id),
        "alarm_id": "626262",
        "person_id": "727272",
        "agent": MARKS[4],
        "uid": "their-event",
        "term": MARKS[3],
    }


NOTHING = {
    "lesson_id": "01KAF00000000000000000N0NE",
    "room_id": "01KAF00000000000000000N0NE",
    "command_id": "01KAF00000000000000000N0NE",
    "upload_id": "nothing-is-called-so-0000",
    "package_id": "99999999-2222-3333-4444-555555555555",
    "course_id": "987654",
    "term_id": "987654",
    "token_id": "987654",
    "alarm_id": "987654",
    "person_id": "987654",
    "agent": "agent-nobody",
    "uid": "no-event",
    "term": "No term",
}
FIXED = {"language": "fr", "workflow": "darsbox"}
"""Parts of addresses that name nothing of anybody's."""
TUS = {"Content-Type": "application/offset+octet-stream"}
BODIES: dict[str, dict[str, Any]] = {
    "/publication": {"json": {"state": "withdrawn"}},
    "/parts": {"json": {"parts": []}},
    "/captions/fr": {"content": b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"},
    "/course": {"json": {"course_id": None}},
    "PATCH /api/v1/lessons/": {"json": {"title": "Ours"}},
    "PATCH /api/v1/people/": {"json": {"full_name": "Ours"}},
    "PATCH /api/v1/terms/": {"json": {"name": "Ours"}},
    "PATCH /api/v1/courses/": {"json": {"title": "Ours"}},
    "/members/{}": {"json": {"part": "teacher"}},
    "/commands": {"json": {"verb": "start"}},
    "/policy": {"json": {}},
    "/hold": {"json": {"reason": ""}},
    "/retention": {"json": {"keep": "1 days"}},
    "/commands/{}/outcome": {"json": {"code": "done"}},
    "PATCH /api/v1/uploads/": {"content": b"x", "headers": TUS},
    "POST /api/v1/uploads/{}": {"content": b"x", "headers": {**TUS, "X-HTTP-Method-Override": "PATCH"}},
    "/capture-admin/": {"data": {"state": "capturing", "configuration": "a=b"}},
    "/ingest/ingest": {"data": {"mediaPackage": "<mediapackage id='{package_id}'/>"}},
    "POST /lessons/{}/about": {"data": {"title": "Ours", "teacher": "", "description": ""}},
    "POST /lessons/{}/publication": {"data": {"state": "withdrawn"}},
    "POST /lessons/{}/parts": {"data": {"begins": "0:01", "ends": "0:02", "titles": ""}},
    "POST /lessons/{}/captions": {"data": {"language": "fr", "remove": "1"}},
    "POST /lessons/{}/course": {"data": {"course": ""}},
    "POST /people/{}/role": {"data": {"role": "admin"}},
    "POST /people/{}/password": {"data": {"password": PASSWORD}},
    "POST /courses/{}/retention": {"data": {"unit": "days", "number": "1"}},
    "POST /rooms/{}/code": {},
    "POST /rooms/{}/revoke": {},
    "POST /rooms/{}/orders": {"data": {"verb": "start"}},
    "POST /rooms/{}/timetable": {"files": {"calendar": ("a.ics", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")}},
}
"""What must be sent, by the end or the beginning of an address; the longest that fits counts."""


def walked(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Every method and address of the application, also those that the OpenAPI does not show."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from walked(inner.routes)
        elif isinstance(route, APIRoute):
            for method in sorted(route.methods - {"OPTIONS"} - ({"HEAD"} if "GET" in route.methods else set())):
                yield method, re.sub(r":path\}", "}", route.path)


def told(world: World) -> list[tuple[str, str]]:
    found = list(dict.fromkeys(walked(world.server.app.routes)))
    shown = {
        (method.upper(), path)
        for path, methods in world.server.app.openapi()["paths"].items()
        for method in methods
        if method not in ("head", "options")
    }
    assert shown <= set(found), "the walk misses routes that the OpenAPI shows"
    return found


def names_in(path: str) -> list[str]:
    """What an address names, by the names of NOTHING."""
    names = re.findall(r"\{(\w+)\}", path)
    if path.startswith("/capture-admin/agents/"):
        names = ["agent" if name == "name" else name for name in names]
    return [name for name in names if name not in FIXED and name != "name"]


def filled(path: str, ids: dict[str, str]) -> str:
    path = path.replace("/files/{name}", "/files/front.mp4").replace("/agents/{name}", "/agents/{agent}")
    return re.sub(r"\{(\w+)\}", lambda match: (ids | FIXED)[match[1]], path)


def body_of(method: str, path: str, ids: dict[str, str]) -> dict[str, Any]:
    bare = re.sub(r"\{\w+_id\}", "{}", path)
    asked = f"{method} {bare}"
    fit = [key for key in BODIES if asked.startswith(key) or asked.endswith(key) or (key[0] == "/" and key in asked)]
    sent = dict(BODIES[max(fit, key=len)]) if fit and method != "GET" else {}
    if "data" in sent:
        sent["data"] = {name: text.replace("{package_id}", ids["package_id"]) for name, text in sent["data"].items()}
    return sent


async def ask(world: World, method: str, path: str, ids: dict[str, str]) -> httpx.Response:
    """As ours would: a room signs, an agent has its login, everybody else is an admin with a token."""
    target, sent = filled(path, ids), body_of(method, path, ids)
    headers = dict(sent.pop("headers", {}))
    auth: httpx.Auth | None = None
    transport = httpx.ASGITransport(world.server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
        if path.startswith(("/capture-admin", "/recordings", "/ingest", "/services")):
            auth = httpx.BasicAuth("agent-ours", AGENT)
        elif path.startswith(("/api/v1/rooms/me", "/api/v1/uploads")):
            request = client.build_request(method, target, **sent)
            proof = {"path": target, "body_sha256": hashlib.sha256(request.content).hexdigest(), "now": world.clock()}
            signed = wire.prove(world.key, world.room.id, method=method, **proof)
            headers |= {"Authorization": signed, "Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
        elif path.startswith(("/account", "/people")) or (path.endswith("/podcast") and method == "POST"):
            await client.post("/login", data={"name": "ours", "password": PASSWORD})
        elif path.startswith("/api/v1/tokens"):
            await client.post("/api/v1/session", json={"name": "ours", "password": PASSWORD})
        else:
            headers |= world.headers["person"]
        return await client.request(method, target, headers=headers, auth=auth, **sent)


async def test_whatever_is_anothers_answers_like_what_never_was(world: World) -> None:
    wrong = []
    for method, path in told(world):
        names, route = names_in(path), f"{method} {path}"
        if (not names and "/ingest/ingest" not in path) or route in LATER or "/static/" in path:
            continue
        if unknown := [name for name in names if name not in NOTHING]:
            wrong.append(f"{route} names {unknown}; give the others one in furnish(), and NOTHING another")
            continue
        answers = []
        nothing = NOTHING | ({"package_id": str(uuid.uuid4())} if "WithID" in path else {})  # it is made
        for ids in (world.theirs, nothing):
            answer = await ask(world, method, path, ids)
            text = answer.text
            for name in {*names, "package_id"}:
                text = text.replace(ids[name], "ID")
            answers.append((answer.status_code, re.sub(r'start="[^"]*"|ID|[0-9a-f-]{36}', "", text)))
        if answers[0] != answers[1]:
            wrong.append(f"{route} tells a stranger what there is: {answers}")
        elif answers[0][0] != ANSWERS.get(route, 404):
            wrong.append(f"{route} answers {answers[0]}; is what it needs in BODIES?")
    assert not wrong, "\n".join(wrong)


async def test_no_list_names_what_is_anothers(world: World) -> None:
    for method, path in told(world):
        if names_in(path) or "{" in path:
            continue
        route = f"{method} {path}"
        if method != "GET":
            known = route in WITHOUT_IDS or path.startswith("/ingest/")
            assert known, f"{route} is not known here; say in WITHOUT_IDS why no stranger can mean anything by it"
            continue
        answer = await ask(world, method, path, NOTHING)
        assert answer.status_code < 500, route
        for secret in (*MARKS, *(world.theirs[name] for name in ("lesson_id", "room_id", "upload_id"))):
            assert secret not in answer.text, f"{route} names {secret}"


async def test_no_filter_finds_what_is_anothers(world: World) -> None:
    theirs = world.theirs
    for query in (
        {"q": "secret"},
        {"room": theirs["room_id"]},
        {"room": MARKS[0]},
        {"course": theirs["course_id"]},
        {"course": MARKS[2]},
        {"term": MARKS[3]},
        {"since": "2000-01-01"},
        {"room": "' OR '1'='1"},
        {"page": str(2**63 - 1)},
        {"teacher": MARKS[5]},
    ):
        for path in ("/api/v1/lessons", "/lessons", "/courses", "/api/v1/courses"):
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(world.server.app), base_url="http://box.test"
            ) as client:
                answer = await client.get(path, params=query, headers=world.headers["person"])
            assert answer.status_code == 200, (path, query)
            body = re.sub(r'value="[^"]*"|href="[^"]*"', "", answer.text)
            for secret in (MARKS[0], MARKS[1], MARKS[3], theirs["lesson_id"]):
                assert secret not in body, (path, query)


async def test_an_admin_sets_no_rule_for_others(world: World) -> None:
    transport = httpx.ASGITransport(world.server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
        body = {"keep": "1 days", "institution": THEIRS}
        assert (await client.put("/api/v1/retention", json=body, headers=world.headers["person"])).status_code == 204
        rules = (await client.get("/api/v1/retention", headers=world.headers["person"])).json()
    assert [(rule["institution"], rule["keep"]) for rule in rules] == [(OURS, "1 days")]
    with world.server.database.read() as session:
        theirs = session.exec(select(Institution).where(Institution.name == THEIRS)).one()
    assert theirs.keep == ""


async def test_an_upload_names_no_room_and_no_lesson_of_others(world: World) -> None:
    transport = httpx.ASGITransport(world.server.app)
    facts = {"path": "a.mp4", "lesson": NOTHING["lesson_id"]}
    async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
        answers = []
        for room in (MARKS[0], world.theirs["room_id"], NOTHING["room_id"], "No room"):
            metadata = ",".join(f"{name} {encoded(text)}" for name, text in {**facts, "room": room}.items())
            headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": metadata}
            answer = await client.post("/api/v1/uploads", headers={**headers, **world.headers["person"]})
            answers.append((answer.status_code, answer.text))
        assert len(set(answers)) == 1
        assert answers[0][0] == 404


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_nothing_of_the_others_was_changed(world: World) -> None:
    """After every route was asked: runs last."""
    with world.server.database.read() as session:
        row = session.get_one(LessonRow, world.theirs["lesson_id"])
        assert (row.title, row.publication, row.edited) == (MARKS[1], "published", [])
        assert session.get_one(Room, world.theirs["room_id"]).revoked is None
        assert session.get_one(AlarmRow, int(world.theirs["alarm_id"])).acknowledged is None
        assert session.exec(select(CaptionRow.language)).all() == ["fr"]
        assert session.exec(select(TermRow.name)).one() == MARKS[3]
        assert session.exec(select(CourseRow.title)).one() == MARKS[1]
        assert session.exec(select(CourseMember.part)).all() == []
        assert session.exec(select(PersonRow.name).order_by(PersonRow.name)).all() == ["operator", "ours", "theirs"]
