"""A teacher's card counts in the rooms of their institution, as long as they are there to teach, and nowhere else."""

from __future__ import annotations

import pytest

from lms_server.catalog import Catalog, cards
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.errors import Conflict, Forbidden, NotFound
from lms_sync import wire_cards
from lms_sync.wire_control import Heartbeat, etag_of


@pytest.fixture
def teacher(catalogue: Catalog, amphi: Room) -> Person:
    home = catalogue.institutions.all()[0]
    catalogue.people.add("amina", "admin", None)  # the fixture ``admin``
    return catalogue.people.add("fatou", "teacher", None, home, "Fatou Ndiaye")


def told(catalogue: Catalog, room: Room) -> str:
    """The list that a room fetches when its heartbeat says so."""
    etag = catalogue.desks.heard(room, Heartbeat("1", "ready")).cards_etag
    if not etag:
        with pytest.raises(NotFound):
            catalogue.desks.cards(room)
        return ""
    listed, name = catalogue.desks.cards(room)
    assert (name, etag_of(listed)) == (etag, etag)
    return listed


def test_a_card_is_told_to_the_rooms_and_a_new_one_takes_its_place(
    catalogue: Catalog, amphi: Room, teacher: Person
) -> None:
    assert told(catalogue, amphi) == ""
    old = catalogue.cards.make(teacher, teacher.id)
    assert len(old) == wire_cards.DIGITS
    assert told(catalogue, amphi) == f"{wire_cards.digest_of(old)} Fatou Ndiaye\n"
    new = catalogue.cards.make(teacher, teacher.id)
    assert told(catalogue, amphi) == f"{wire_cards.digest_of(new)} Fatou Ndiaye\n"
    assert new not in told(catalogue, amphi)
    catalogue.cards.take(teacher, teacher.id)
    assert told(catalogue, amphi) == ""


def test_it_has_their_name_and_goes_where_they_go(
    catalogue: Catalog, amphi: Room, teacher: Person, admin: Person
) -> None:
    people = catalogue.people
    code = catalogue.cards.make(admin, teacher.id)
    people.change(admin, teacher.id, full_name="Fatou Sall")
    assert told(catalogue, amphi).endswith(" Fatou Sall\n")
    for role in cards.WITHOUT:
        people.change(admin, teacher.id, role=role)
        assert told(catalogue, amphi) == ""
    people.change(admin, teacher.id, role="it")
    assert told(catalogue, amphi).startswith(wire_cards.digest_of(code))
    catalogue.institutions.add("Elsewhere")
    people.move("fatou", "Elsewhere")
    assert told(catalogue, amphi) == ""
    people.move("fatou", teacher.institution)
    assert told(catalogue, amphi)
    catalogue.personal.remove(admin, teacher.id)
    assert told(catalogue, amphi) == ""


def test_a_sheet_that_gives_another_name_is_heard_of(catalogue: Catalog, amphi: Room, teacher: Person) -> None:
    catalogue.cards.make(teacher, teacher.id)
    sheet = b"name,role,full_name\nfatou,teacher,Fatou Sall\n"
    catalogue.enrolling.people(sheet, institution=teacher.institution)
    assert told(catalogue, amphi).endswith(" Fatou Sall\n")


def test_who_comes_by_another_login_takes_it_along(catalogue: Catalog, amphi: Room, teacher: Person) -> None:
    known = {"name": "fatou", "full_name": "", "institution": teacher.institution, "make": False}
    catalogue.cards.make(teacher, teacher.id)
    catalogue.people.arrive("issuer fatou", role="student", **known)  # type: ignore[arg-type]  # as the login says it
    assert told(catalogue, amphi) == ""
    catalogue.people.arrive("issuer fatou", role="teacher", **known)  # type: ignore[arg-type]
    assert told(catalogue, amphi).endswith(" Fatou Ndiaye\n")


def test_nobody_makes_a_card_for_whom_they_do_not_look_after(
    catalogue: Catalog, teacher: Person, admin: Person
) -> None:
    pupil = catalogue.people.add("sidi", "student", None, teacher.institution)
    catalogue.institutions.add("Elsewhere")
    stranger = catalogue.people.add("zeinab", "admin", None, "Elsewhere")
    program = teacher.model_copy(update={"token": "abcd"})
    for by, whose, error in (
        (teacher, pupil, Forbidden),
        (stranger, teacher, NotFound),
        (program, teacher, Forbidden),
        (pupil, pupil, Conflict),
        (admin, admin, Conflict),
    ):
        with pytest.raises(error):
            catalogue.cards.make(by, whose.id)
    assert not catalogue.cards.has(teacher)
