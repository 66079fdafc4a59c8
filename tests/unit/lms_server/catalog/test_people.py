"""Guessing gets slow, and losing a password or a token can be mended."""

from __future__ import annotations

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from lms_server.catalog.database import Database
from lms_server.catalog.people import People
from lms_server.catalog.tokens import Tokens
from lms_server.errors import BadRequest, Conflict, NotFound, TooManyAttempts, Unauthenticated
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
