"""A person gets what is held about them, and can be forgotten without the audit log breaking."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.database import Database
from lms_server.catalog.personal import zipped
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import LessonRow, Room
from lms_server.errors import NotFound, Unauthenticated
from tests.unit.lms_server.arrivals import everything

PASSWORD = "a-long-enough-one"


@pytest.fixture
def fatou(catalogue: Catalog, database: Database, amphi: Room) -> Person:
    """A teacher with a course, a token, a lesson, an order to a room, and a wrong password."""
    person = catalogue.people.add("fatou", "admin", PASSWORD, "ENS", "Fatou Ndiaye")
    catalogue.courses.add_term("ENS", "S1", "2026-09-01", "2027-01-31")
    catalogue.enrolling.courses(b"code,title,term\nPHY101,Optics,S1\n", institution="ENS")
    catalogue.enrolling.people(b"name,role,courses,term\nfatou,admin,PHY101,S1\n", institution="ENS")
    catalogue.tokens.make(person, None, 30, "My laptop")
    catalogue.desks.order(person, amphi.id, "stop")
    with database.write() as session:
        for teacher in ("Dr Fatou Ndiaye", "Somebody Else"):
            facts = {"room_id": amphi.id, "started": 1.0, "received": 1.0, "state": "ready"}
            row = LessonRow(id=str(ULID()), title="Optics", teacher=teacher, **facts)
            row.find_by(amphi.name)
            session.add(row)
    with pytest.raises(Unauthenticated):
        catalogue.people.authenticate("fatou", "a-wrong-one", "192.0.2.1")
    return person


def test_all_that_is_held_is_given_and_no_secret(catalogue: Catalog, fatou: Person) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped(catalogue.personal.export("fatou", AT_CONSOLE)))) as file:
        found = {name: json.loads(file.read(name)) for name in file.namelist()}
    assert found["profile.json"]["full_name"] == "Fatou Ndiaye"
    assert [course["course"] for course in found["courses.json"]] == ["PHY101"]
    assert [token["name"] for token in found["tokens.json"]] == ["My laptop"]
    assert [lesson["teacher"] for lesson in found["lessons.json"]] == ["Dr Fatou Ndiaye"]
    assert [command["verb"] for command in found["commands.json"]] == ["stop"]
    told = {entry["action"] for entry in found["audit.json"]}
    assert told >= {"person-added", "token-made", "room-commanded", "sign-in-refused", "person-exported"}
    assert "hash" not in json.dumps({name: text for name, text in found.items() if name != "audit.json"})
    with pytest.raises(NotFound):
        catalogue.personal.export("nobody", AT_CONSOLE)


def test_who_was_forgotten_has_no_name_and_no_way_in_and_the_chain_holds(
    catalogue: Catalog, database: Database, fatou: Person, amphi: Room
) -> None:
    token = catalogue.tokens.make(fatou, None, None, "")
    stamp = catalogue.people.stamp(fatou)
    before = catalogue.audit.verify()
    pseudonym = catalogue.personal.erase("fatou", AT_CONSOLE)
    rest = everything(database).replace(pseudonym, "").lower()
    assert "fatou" not in rest
    assert "ndiaye" not in rest
    for name in ("fatou", pseudonym):
        with pytest.raises(Unauthenticated):
            catalogue.people.authenticate(name, PASSWORD, "192.0.2.2")
    with pytest.raises(Unauthenticated):
        catalogue.tokens.owner(token)
    assert catalogue.people.by_id(fatou.id, stamp) is None
    assert catalogue.audit.verify((before.rows, before.head)).broken is None
    assert pseudonym in {entry.person for entry in catalogue.audit.search(AT_CONSOLE).items}
    with database.read() as session:
        assert sorted(session.exec(select(LessonRow.teacher))) == ["", "Somebody Else"]
    assert catalogue.people.add("fatou", "student", PASSWORD, "ENS").id != fatou.id
