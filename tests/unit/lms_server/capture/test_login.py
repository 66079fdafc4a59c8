"""A login that holds opens the door at once; anything else never does."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import md5
from typing import Any

import anyio
import pytest
from starlette.requests import Request

from lms_server.capture.login import NONCE_SECONDS, Logins, Stranger
from lms_server.catalog.agents import Agents
from lms_server.catalog.database import Database
from lms_server.errors import TooManyAttempts
from tests.unit.lms_server.conftest import HandClock

NAME, PASSWORD = "pearl-a", "pässword of an agent"
TARGET = "/recordings/calendars?agentid=pearl-a&cutoff=1"


@pytest.fixture
def agents(database: Database, hands: HandClock) -> Agents:
    made = Agents(database, hands)
    made.add(NAME, "Amphi A", "", PASSWORD)
    return made


@pytest.fixture
def logins(agents: Agents, hands: HandClock) -> Logins:
    return Logins(agents, "secret", hands)


def request(authorization: str = "", method: str = "GET", target: str = TARGET) -> Request:
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "server": ("h", 80),
        "client": ("192.0.2.1", 1),
        "headers": [(b"authorization", authorization.encode())] if authorization else [],
    }
    return Request(scope)


def who(logins: Logins, authorization: str, **asked: str) -> str:
    async def ask() -> str:
        return (await logins.require(request(authorization, **asked))).name

    return anyio.run(ask)


def nonce(logins: Logins) -> str:
    async def refused() -> str:
        return (await logins.refusal(request(), Stranger("."))).headers["www-authenticate"]

    found = re.search('nonce="([^"]+)"', anyio.run(refused))
    assert found is not None
    return found[1]


def hashed(*words: str) -> str:
    return md5(":".join(words).encode(), usedforsecurity=False).hexdigest()


def digest(nonce: str, password: str = PASSWORD, uri: str = TARGET, method: str = "GET", qop: str = "auth") -> str:
    ha1, ha2 = hashed(NAME, "Opencast", password), hashed(method, uri)
    response = hashed(ha1, nonce, "00000001", "c", qop, ha2)
    return (
        f'Digest username="{NAME}", realm="Opencast", nonce="{nonce}", uri="{uri}", cnonce="c", nc=00000001, '
        f'qop={qop}, response="{response}", algorithm="MD5"'
    )


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def test_the_right_password_opens_by_either_way(logins: Logins) -> None:
    assert who(logins, basic(NAME, PASSWORD)) == NAME
    assert who(logins, digest(nonce(logins))) == NAME


def test_any_process_knows_the_nonces_of_the_others(logins: Logins, agents: Agents, hands: HandClock) -> None:
    assert who(Logins(agents, "secret", hands), digest(nonce(logins))) == NAME
    with pytest.raises(Stranger) as refused:
        who(Logins(agents, "of another server", hands), digest(nonce(logins)))
    assert refused.value.stale


def test_an_old_nonce_is_asked_anew_and_is_no_wrong_password(logins: Logins, hands: HandClock) -> None:
    old = nonce(logins)
    hands.now += NONCE_SECONDS + 1
    for _ in range(20):
        with pytest.raises(Stranger) as refused:
            who(logins, digest(old))
        assert refused.value.stale
    assert who(logins, digest(nonce(logins))) == NAME


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!",
        "Basic " + b64encode(b"\xff\xfe").decode(),
        "Basic " + b64encode(NAME.encode()).decode(),
        basic(NAME, "wrong"),
        basic("nobody", PASSWORD),
        basic(NAME, ""),
        "Digest",
        'Digest username="pearl-a"',
        digest("5f-made up"),
        digest(""),
        "Bearer x",
    ],
)
def test_anything_else_is_a_stranger(logins: Logins, header: str) -> None:
    with pytest.raises(Stranger):
        who(logins, header)


def test_a_digest_is_good_for_its_own_request_only(logins: Logins) -> None:
    good = digest(nonce(logins))
    for asked in ({"method": "POST"}, {"target": "/ingest/createMediaPackage"}, {"target": f"{TARGET}2"}):
        with pytest.raises(Stranger):
            who(logins, good, **asked)
    with pytest.raises(Stranger):
        who(logins, digest(nonce(logins), qop="auth-int"))


def test_who_guesses_waits_and_the_right_password_forgives(logins: Logins, hands: HandClock) -> None:
    for number in range(5):
        with pytest.raises(Stranger):
            who(logins, digest(nonce(logins), f"guess {number}"))
    with pytest.raises(TooManyAttempts):
        who(logins, basic(NAME, PASSWORD))
    hands.now += 10
    assert who(logins, basic(NAME, PASSWORD)) == NAME
    with pytest.raises(Stranger):
        who(logins, basic(NAME, "once more"))
    assert who(logins, basic(NAME, PASSWORD)) == NAME


def test_a_revoked_agent_and_one_whose_room_was_shut_out_are_strangers(logins: Logins, agents: Agents) -> None:
    agents.revoke(NAME)
    with pytest.raises(Stranger):
        who(logins, basic(NAME, PASSWORD))
    agents.add(NAME, "Amphi A", "", PASSWORD)
    assert who(logins, basic(NAME, PASSWORD)) == NAME
