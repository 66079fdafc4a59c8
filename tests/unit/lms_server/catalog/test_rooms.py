"""A code lets in one PC, for one room, for a quarter of an hour by the server's clock."""

from __future__ import annotations

import pytest
from sqlmodel import select

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import AuditRow, Room
from lms_server.errors import BadRequest, Forbidden, NotFound
from tests.unit.lms_server.arrivals import everything
from tests.unit.lms_server.conftest import HandClock


def refused(catalogue: Catalog, code: str, room: str = "Amphi A", institution: str = "ENS") -> str:
    with pytest.raises(Forbidden) as error:
        catalogue.rooms.enrol(code, room, institution, "{}")
    return error.value.code


def test_a_code_is_good_for_a_quarter_of_an_hour(catalogue: Catalog, hands: HandClock) -> None:
    early, late = catalogue.rooms.make_code("Amphi A"), catalogue.rooms.make_code("Amphi A")
    hands.now += 899
    assert catalogue.rooms.enrol(early, "Amphi A", "ENS", "{}")
    hands.now += 2
    assert refused(catalogue, late) == "code-expired"


def test_a_refused_try_does_not_use_the_code_up(catalogue: Catalog) -> None:
    code = catalogue.rooms.make_code("Amphi A")
    assert refused(catalogue, code, room="Amphi B") == "code-other-room"
    assert catalogue.rooms.enrol(code, "Amphi A", "ENS", '{"key": 1}')
    assert refused(catalogue, code) == "code-used"


def test_a_code_that_is_shown_by_a_second_pc_stands_in_the_audit_log(catalogue: Catalog, hands: HandClock) -> None:
    code = catalogue.rooms.make_code("Amphi A")
    room = catalogue.rooms.enrol(code, "Amphi A", "ENS", '{"key": 1}')
    for _ in range(3):
        assert refused(catalogue, code) == "code-used"
    hands.now += 3700
    assert refused(catalogue, code) == "code-used"
    with catalogue.rooms._database.read() as session:
        found = [row for row in session.exec(select(AuditRow)) if row.action == "enrol-code-reused"]
    assert [row.about for row in found] == [room, room]


def test_a_room_that_lost_the_answer_may_ask_again_with_the_same_key(catalogue: Catalog) -> None:
    code = catalogue.rooms.make_code("Amphi A")
    first = catalogue.rooms.enrol(code, "Amphi A", "ENS", '{"key": 1}')
    assert catalogue.rooms.enrol(code, "Amphi A", "ENS", '{"key": 1}') == first
    with pytest.raises(Forbidden):
        catalogue.rooms.enrol(code, "Amphi A", "ENS", '{"key": 2}')


def test_a_code_may_be_bound_to_an_institution(catalogue: Catalog) -> None:
    code = catalogue.rooms.make_code("Amphi A", "ENS")
    assert refused(catalogue, code, institution="ISERI") == "code-other-room"
    assert catalogue.rooms.enrol(code, "Amphi A", "", "{}")


def test_rooms_of_one_name_in_two_institutions_are_two(catalogue: Catalog, admin: Person) -> None:
    ids = {
        catalogue.rooms.enrol(catalogue.rooms.make_code("Amphi A"), "Amphi A", school, "{}")
        for school in ("ENS", "FST")
    }
    assert len(ids) == 2
    assert catalogue.rooms.named(admin, "Amphi A") is None  # a foreign client must then name the id


def test_the_code_is_not_in_the_database(catalogue: Catalog, database: Database) -> None:
    code = catalogue.rooms.make_code("Amphi A").replace("-", "")
    kept = everything(database)
    assert "Amphi A" in kept
    assert code not in kept


def test_enrolling_again_lets_a_shut_out_room_in(catalogue: Catalog, amphi: Room, admin: Person) -> None:
    catalogue.rooms.revoke(admin, amphi.id)
    assert catalogue.rooms.all(admin)[0].revoked
    catalogue.rooms.enrol(catalogue.rooms.make_code("Amphi A"), "Amphi A", "ENS", '{"new": 1}')
    found = catalogue.rooms.find(amphi.id)
    assert found is not None
    assert (found.public_key, found.revoked) == ('{"new": 1}', None)


def test_last_seen_is_kept_without_a_write_for_every_chunk(catalogue: Catalog, amphi: Room, hands: HandClock) -> None:
    for later, seen in ((0.0, hands.now), (5.0, hands.now), (20.0, hands.now + 20)):
        start = amphi.enrolled
        hands.now = start + later
        room = catalogue.rooms.find(amphi.id)
        assert room is not None
        catalogue.rooms.saw(room)
        again = catalogue.rooms.find(amphi.id)
        assert again is not None
        assert again.last_seen == seen


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\0b"])
def test_a_room_has_a_name_people_can_read(catalogue: Catalog, name: str) -> None:
    with pytest.raises(BadRequest):
        catalogue.rooms.make_code(name)


def test_only_those_who_run_the_rooms_may_see_and_shut_them(catalogue: Catalog, amphi: Room) -> None:
    teacher = Person(id=2, name="samir", role="teacher")
    with pytest.raises(Forbidden):
        catalogue.rooms.all(teacher)
    with pytest.raises(Forbidden):
        catalogue.rooms.revoke(teacher, amphi.id)
    with pytest.raises(NotFound):
        catalogue.rooms.revoke(Person(id=3, name="it", role="it"), "unknown")
