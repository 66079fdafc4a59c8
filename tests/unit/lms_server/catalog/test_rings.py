"""A bad version meets the pilot rooms, and not a thousand classes on one morning."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lms_server.catalog import Catalog
from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.database import Database
from lms_server.catalog.rings import Rings
from lms_server.catalog.tables import Room
from lms_server.cli import app
from lms_server.errors import BadRequest, Conflict, NotFound
from lms_sync.wire_control import Heartbeat
from tests.unit.lms_server.conftest import HandClock


@pytest.fixture
def rings(database: Database, hands: HandClock) -> Rings:
    return Rings(database, hands)


def another(catalogue: Catalog, name: str, institution: str = "ENS") -> Room:
    id_ = catalogue.rooms.enrol(catalogue.rooms.make_code(name), name, institution, "{}")
    room = catalogue.rooms.find(id_)
    assert room is not None
    return room


def wanted(catalogue: Catalog, room: Room) -> str:
    return catalogue.desks.heard(room, Heartbeat("1.0", "ready")).version


def test_a_version_goes_to_the_rooms_of_its_ring_alone(rings: Rings, catalogue: Catalog, amphi: Room) -> None:
    labo = another(catalogue, "Labo")
    assert wanted(catalogue, labo) == ""
    rings.place("Amphi A", "", "pilot")
    rings.release("1.4.0", "pilot")
    assert (wanted(catalogue, amphi), wanted(catalogue, labo)) == ("1.4.0", "")
    rings.release("1.4.0", "")
    rings.release("1.5.0", "pilot")
    assert (wanted(catalogue, amphi), wanted(catalogue, labo)) == ("1.5.0", "1.4.0")
    rings.place("Amphi A", "", "")
    assert wanted(catalogue, amphi) == "1.4.0"
    rings.release("", "")
    assert (wanted(catalogue, amphi), wanted(catalogue, labo)) == ("", "")


def test_a_room_can_be_placed_before_it_was_ever_heard(rings: Rings, catalogue: Catalog, amphi: Room) -> None:
    rings.place("Amphi A", "ENS", "pilot")
    rings.release("1.4.0", "pilot")
    assert catalogue.desks.orders(amphi).version == "1.4.0"
    assert wanted(catalogue, amphi) == "1.4.0"


def test_who_looks_after_the_rooms_sees_which_has_which(rings: Rings, catalogue: Catalog, amphi: Room) -> None:
    another(catalogue, "Labo", "FST")
    catalogue.desks.heard(amphi, Heartbeat("1.3.9", "ready"))
    rings.place("Amphi A", "", "pilot")
    rings.release("1.4.0", "pilot")
    shown = [(room.ring, room.institution, room.name, room.wanted, room.runs) for room in rings.rooms()]
    assert shown == [("pilot", "ENS", "Amphi A", "1.4.0", "1.3.9"), ("", "FST", "Labo", "", "")]
    assert rings.rings() == {"pilot": "1.4.0", "": ""}
    assert [(room.name, room.wanted) for room in catalogue.rooms.all(AT_CONSOLE)] == [
        ("Amphi A", "1.4.0"),
        ("Labo", ""),
    ]


def test_a_name_that_two_institutions_have_is_asked_after(rings: Rings, catalogue: Catalog, amphi: Room) -> None:
    other = another(catalogue, "Amphi A", "FST")
    with pytest.raises(Conflict, match="--institution"):
        rings.place("Amphi A", "", "pilot")
    rings.place("Amphi A", "FST", "pilot")
    rings.release("1.4.0", "pilot")
    assert (wanted(catalogue, amphi), wanted(catalogue, other)) == ("", "1.4.0")
    with pytest.raises(NotFound):
        rings.place("Amphi Z", "", "pilot")


@pytest.mark.parametrize("wrong", ["newest", "1 0", "../1"])
def test_what_is_no_version_is_released_to_nobody(rings: Rings, wrong: str) -> None:
    with pytest.raises(BadRequest, match="no version"):
        rings.release(wrong, "")


def test_the_audit_log_has_each_release(rings: Rings, catalogue: Catalog, amphi: Room) -> None:
    rings.place("Amphi A", "", "pilot")
    rings.release("1.4.0", "pilot")
    newest = [(entry.action, entry.about) for entry in catalogue.audit.search(AT_CONSOLE, limit=2).items]
    assert newest == [("update-released", "pilot"), ("room-ringed", amphi.id)]


def test_an_admin_releases_ring_by_ring(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]

    def order(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["update", words[0], *data, *words[1:]])
        assert done.exit_code == code, done.output
        return done.output

    assert "rooms wait until it is" in order("release", "1.4.0")
    (tmp_path / "updates" / "targets" / "bundles" / "1.4.0").mkdir(parents=True)
    assert order("release", "1.4.0").startswith("The rooms in no ring shall have version 1.4.0")
    assert "rooms wait" not in order("release", "1.4.0")
    assert "ring pilot shall have version 1.5.0" in order("release", "1.5.0", "--ring", "pilot")
    assert "version 1.5.0, 0 of 0 rooms have it" in order("show")
    assert "stay on what they have" in order("hold", "--ring", "pilot")
    assert "ring pilot: no version asked for" in order("show")
