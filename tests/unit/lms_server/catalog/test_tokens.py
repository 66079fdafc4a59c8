"""A token does what it was made for and no more, and one that was lost can be ended."""

from __future__ import annotations

import pytest
from sqlmodel import select

from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person, Scope
from lms_server.catalog.tables import ApiToken, PersonRow
from lms_server.catalog.tokens import MOST, Tokens, check_scope, scopes_of
from lms_server.errors import BadRequest, Forbidden, NotFound, Unauthenticated
from tests.unit.lms_server.conftest import HandClock

AMINA = Person(id=1, name="amina", role="teacher")
SIDI = Person(id=2, name="sidi", role="student")


@pytest.fixture
def tokens(database: Database, hands: HandClock) -> Tokens:
    with database.write() as session:
        for person in (AMINA, SIDI):
            session.add(PersonRow(id=person.id, name=person.name, role=person.role, password_hash="", made=0.0))
    return Tokens(database, hands)


def refused(tokens: Tokens, token: str) -> str:
    with pytest.raises(Unauthenticated) as said:
        tokens.owner(token)
    assert said.value.detail.endswith(".")
    assert 'error="invalid_token"' in said.value.headers["WWW-Authenticate"]
    return said.value.code


def test_a_token_of_before_still_does_whatever_its_role_may(tokens: Tokens) -> None:
    found = tokens.owner(tokens.make_for("amina"))
    assert (found.id, found.role, found.scopes) == (1, "teacher", None)
    check_scope(found, "lessons:edit")
    check_scope(found, None)


def test_a_token_with_scopes_does_those_and_nothing_else(tokens: Tokens) -> None:
    found = tokens.owner(tokens.make(AMINA, ["lessons:read"], None, "player"))
    check_scope(found, "lessons:read")
    others: tuple[Scope | None, ...] = ("lessons:edit", "rooms:command", None)
    for scope in others:
        with pytest.raises(Forbidden) as said:
            check_scope(found, scope)
        assert said.value.code == "needs-scope"


def test_nobody_gives_a_token_more_than_they_have(tokens: Tokens) -> None:
    assert scopes_of(SIDI) == ["lessons:read"]
    assert "rooms:command" not in scopes_of(AMINA)
    with pytest.raises(Forbidden):
        tokens.make(SIDI, ["lessons:edit"], None, "")
    for scopes in ([], ["lessons:write"], ["*"]):
        with pytest.raises(BadRequest):
            tokens.make(AMINA, scopes, None, "")
    for days in (0, -1, 10**9):
        with pytest.raises(BadRequest):
            tokens.make(AMINA, None, days, "")
    for label in ("\u202e", "x" * 101):
        with pytest.raises(BadRequest):
            tokens.make(AMINA, None, 1, label)
    with pytest.raises(NotFound):
        tokens.make_for("nobody")


def test_tokens_end_by_themselves_by_their_owners_hand_and_by_the_servers(tokens: Tokens, hands: HandClock) -> None:
    short, lost, stolen = (tokens.make(AMINA, None, days, "") for days in (1, 2, None))
    assert refused(tokens, short[:-1]) == "bad-token"
    hands.now += 86400
    assert refused(tokens, short) == "token-expired"
    ids = {view.prefix: view.id for view in tokens.of(AMINA)}
    with pytest.raises(NotFound):
        tokens.revoke(SIDI, ids[lost[:12]])
    tokens.revoke(AMINA, ids[lost[:12]])
    assert refused(tokens, lost) == "token-revoked"
    assert tokens.owner(stolen)
    assert tokens.revoke_prefix(stolen[:12]) == 1
    assert refused(tokens, stolen) == "token-revoked"
    assert tokens.revoke_prefix(stolen[:12]) == 0
    assert [view.valid for view in tokens.of(AMINA)] == [False, False, False]


def test_its_owner_sees_when_it_was_used_and_never_the_token_again(
    tokens: Tokens, hands: HandClock, database: Database
) -> None:
    token = tokens.make(AMINA, ["lessons:read"], 7, "<b>player</b>")
    hands.now += 100
    tokens.owner(token)
    (view,) = tokens.of(AMINA)
    assert (view.name, view.scopes, view.last_used) == ("<b>player</b>", ["lessons:read"], hands.now)
    assert view.expires == view.made + 7 * 86400
    assert token not in view.model_dump_json()
    assert tokens.of(SIDI) == []
    with database.read() as session:
        assert token not in str(session.exec(select(ApiToken)).all())


def test_a_program_that_makes_tokens_without_end_is_stopped(tokens: Tokens) -> None:
    for _ in range(MOST):
        tokens.make(AMINA, None, 1, "")
    with pytest.raises(BadRequest):
        tokens.make(AMINA, None, 1, "")
    assert tokens.make(SIDI, None, 1, "")
