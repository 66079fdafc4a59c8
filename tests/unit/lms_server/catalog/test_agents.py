"""An agent of others delivers for one room, and never speaks for the PC that stands there."""

from __future__ import annotations

import pytest

from lms_server.catalog import Catalog
from lms_server.catalog.agents import OFFLINE, Agents, Event
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.errors import BadRequest, Conflict, NotFound
from tests.unit.lms_server.conftest import HandClock

PASSWORD = "a long enough password"


@pytest.fixture
def agents(database: Database, hands: HandClock) -> Agents:
    return Agents(database, hands)


def only_room(catalogue: Catalog, admin: Person, name: str) -> Room:
    (view,) = [room for room in catalogue.rooms.all(admin) if room.name == name]
    room = catalogue.rooms.find(view.id)
    assert room is not None
    return room


def test_a_new_room_is_made_in_the_only_institution(
    agents: Agents, catalogue: Catalog, admin: Person, amphi: Room
) -> None:
    agents.add("pearl", "Salle 2", "", PASSWORD)
    assert only_room(catalogue, admin, "Salle 2").institution_id == amphi.institution_id
    agents.add("pearl", "Amphi A", "", PASSWORD)
    assert [(row.name, room) for row, room in agents.all()] == [("pearl", "Amphi A")]


def test_which_of_two_rooms_must_be_said(agents: Agents, amphi: Room) -> None:
    agents.add("pearl", "Amphi A", "Another", PASSWORD)
    with pytest.raises(Conflict, match="--institution"):
        agents.add("smp", "Amphi A", "", PASSWORD)


@pytest.mark.parametrize("name", ["", "a:b", "a/b", 'a"b', "a\nb", "x" * 201])
def test_a_name_that_no_login_or_address_can_have_is_refused(agents: Agents, name: str) -> None:
    with pytest.raises(BadRequest):
        agents.add(name, "Amphi A", "", PASSWORD)


def test_a_room_of_ours_that_was_shut_out_is_not_let_in_by_an_agent(
    agents: Agents, catalogue: Catalog, admin: Person, amphi: Room
) -> None:
    catalogue.rooms.revoke(admin, amphi.id)
    with pytest.raises(Conflict):
        agents.add("pearl", "Amphi A", "", PASSWORD)


def test_an_agent_speaks_for_a_room_without_a_pc_only(
    agents: Agents, catalogue: Catalog, admin: Person, amphi: Room, hands: HandClock
) -> None:
    for name, room in (("beside", "Amphi A"), ("alone", "Salle 2")):
        agents.add(name, room, "", PASSWORD)
        found = agents.login(name, "192.0.2.1")
        assert found is not None
        agents.records(found[0], "maths", "capturing", Event("maths", "Maths", "Amina", 1.0, 2.0))
        agents.says(found[0], "capturing", "")
    health = {room.name: room.health for room in catalogue.rooms.all(admin)}
    assert health["Amphi A"] is None
    assert health["Salle 2"] is not None
    assert (health["Salle 2"].state, health["Salle 2"].title) == ("recording", "Maths")
    row, _ = agents.all()[0]
    assert agents.state(row) == "capturing"
    hands.now += OFFLINE + 1
    assert agents.state(row) == "offline"


def test_what_was_begun_is_known_after_the_timetable_has_changed(agents: Agents) -> None:
    agents.add("pearl", "Salle 2", "", PASSWORD)
    found = agents.login("pearl", "192.0.2.1")
    assert found is not None
    with pytest.raises(NotFound):
        agents.records(found[0], "maths", "capturing", None)
    agents.records(found[0], "maths", "capturing", Event("maths", "Maths", "Amina", 1.0, 2.0))
    agents.records(found[0], "maths", "capture_finished", None)
    begun = agents.recording(found[0], "maths")
    assert begun is not None
    assert (begun.state, begun.title, begun.starts) == ("capture_finished", "Maths", 1.0)
