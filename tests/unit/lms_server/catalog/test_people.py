"""Guessing gets slow, and losing a password or a token can be mended."""

from __future__ import annotations

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import select

from lms_server.catalog.database import Database
from lms_server.catalog.institutions import Institutions
from lms_server.catalog.people import People
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import AuditRow, PersonRow
from lms_server.catalog.tokens import Tokens
from lms_server.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyAttempts, Unauthenticated
from tests.unit.lms_server.arrivals import everything
from tests.unit.lms_server.conftest import HandClock

GOOD = "correct horse"


@pytest.fixture
def people(database: Database, hands: HandClock) -> People:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    made = People(database, hands, quick)
    made.add("amina", "teacher", GOOD)
    return made


def miss(people: People, name: str = "amina", address: str = "10.0.0.1") -> None:
    with pytest.raises(Unauthenticated):
        people.authenticate(name, "wrong", address)


def test_the_right_password_opens(people: People) -> None:
    assert people.authenticate(" amina ", GOOD, "10.0.0.1").role == "teacher"


def test_after_five_misses_even_the_right_password_waits_longer_each_time(people: People, hands: HandClock) -> None:
    for _ in range(5):
        miss(people)
    waits = []
    for _ in range(4):
        with pytest.raises(TooManyAttempts) as refused:
            people.authenticate("amina", GOOD, "10.0.0.1")
        waits.append(int(refused.value.facts["seconds"]))
        assert refused.value.headers["Retry-After"] == str(waits[-1])
        hands.now += waits[-1]
        miss(people)
    assert waits == sorted(set(waits))
    hands.now += 301
    assert people.authenticate("amina", GOOD, "10.0.0.1").name == "amina"
    miss(people)  # and begins anew


def test_a_joker_does_not_lock_the_teacher_out(people: People) -> None:
    for _ in range(6):
        try:
            miss(people, address="10.0.0.66")
        except TooManyAttempts:
            break
    assert people.authenticate("amina", GOOD, "10.0.0.1").name == "amina"


def test_trying_many_names_from_one_address_gets_slow_too(people: People) -> None:
    for number in range(30):
        miss(people, name=f"pupil {number}")
    with pytest.raises(TooManyAttempts):
        people.authenticate("nobody yet", "wrong", "10.0.0.1")


def test_a_changed_password_ends_open_sessions(people: People) -> None:
    person = people.authenticate("amina", GOOD, "10.0.0.1")
    stamp = people.stamp(person)
    assert people.by_id(person.id, stamp) == person
    people.set_password("amina", "another password")
    assert people.by_id(person.id, stamp) is None


def test_neither_password_nor_token_stands_in_the_database(
    people: People, database: Database, hands: HandClock
) -> None:
    token = Tokens(database, hands).make_for("amina")
    kept = everything(database)
    assert "amina" in kept
    assert GOOD not in kept
    assert token not in kept


def test_what_will_not_do_is_refused(people: People) -> None:
    with pytest.raises(Conflict):
        people.add("amina", "it", GOOD)
    for name, password in (("", GOOD), ("a\nb", GOOD), ("x" * 101, GOOD), ("samir", "short"), ("samir", "x" * 1001)):
        with pytest.raises(BadRequest):
            people.add(name, "it", password)
    for nobody in (lambda: people.set_password("nobody", GOOD), lambda: people.move("nobody", "")):
        with pytest.raises(NotFound):
            nobody()


@pytest.fixture
def schools(people: People, database: Database) -> tuple[Person, Person]:
    """An admin of each of two institutions."""
    for name in ("ENS", "FST"):
        Institutions(database).add(name)
    return people.add("ens", "admin", GOOD, "ENS"), people.add("fst", "admin", GOOD, "FST")


def test_an_admin_adds_people_to_their_own_institution_alone_and_sees_no_others(
    people: People, schools: tuple[Person, Person]
) -> None:
    ens, fst = schools
    for number in range(3):
        people.add(f"pupil{number}", "student", GOOD, "FST", f"Sidi {number}", by=ens)
    assert {each.institution for each in people.found(ens).items} == {"ENS"}
    first = people.found(ens, q="pupil", limit=2)
    assert [each.name for each in first.items] == ["pupil0", "pupil1"]
    assert [each.name for each in people.found(ens, q="pupil", after=first.next or "").items] == ["pupil2"]
    assert [each.name for each in people.found(ens, q="sidi 1").items] == ["pupil1"]
    assert people.found(ens, q="%").items == []
    assert [each.name for each in people.found(fst).items] == ["fst"]
    with pytest.raises(Forbidden):
        people.found(Person(id=9, name="t", role="teacher"))


def test_another_role_and_password_are_for_one_s_own_people_and_are_written_down(
    people: People, database: Database, schools: tuple[Person, Person]
) -> None:
    ens, fst = schools
    pupil = people.add("pupil", "student", GOOD, by=ens)
    for act in (
        lambda: people.change(fst, pupil.id, role="admin"),
        lambda: people.change(fst, pupil.id, password="another one"),
        lambda: people.get(fst, pupil.id),
    ):
        with pytest.raises(NotFound):
            act()
    people.change(ens, pupil.id, role="teacher")
    people.change(ens, pupil.id, password="another one")
    assert people.authenticate("pupil", "another one", "10.0.0.1").role == "teacher"
    with pytest.raises(Conflict):
        people.change(ens, ens.id, role="student")
    with pytest.raises(BadRequest):
        people.change(ens, pupil.id, role="emperor")  # type: ignore[arg-type]  # what a form might send
    with database.read() as session:
        rows = session.exec(select(AuditRow).where(AuditRow.person_id == ens.id).order_by(AuditRow.number)).all()
    assert [(row.action, row.about) for row in rows] == [
        (action, str(pupil.id)) for action in ("person-added", "role-set", "password-set")
    ]


def test_who_comes_by_another_login_gets_neither_role_nor_password_here(
    people: People, database: Database, schools: tuple[Person, Person]
) -> None:
    pupil = people.add("pupil", "student", GOOD, by=schools[0])
    with database.write() as session:
        session.get_one(PersonRow, pupil.id).subject = "https://id.example.org 7"
    assert people.get(schools[0], pupil.id).own_login
    with pytest.raises(Conflict):
        people.change(schools[0], pupil.id, role="admin")
    with pytest.raises(Conflict):
        people.change(schools[0], pupil.id, password="another one")
