"""Signing in by the institution's own login, against a provider that is not ours: who may come in does, as who they
are; whatever was forged, replayed or begun elsewhere does not; and when the provider is away a password still opens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.middleware.sessions import SessionMiddleware

from lms_server.api.gate import Gate
from lms_server.captions import Captions
from lms_server.catalog import Catalog
from lms_server.catalog.begun import Begun
from lms_server.catalog.database import Database
from lms_server.catalog.enrolling import Enrolling
from lms_server.catalog.migrate import migrate
from lms_server.catalog.people import People
from lms_server.portal.other_login import OtherLogin
from lms_server.portal.pages import portal_router
from lms_server.sso import Sso
from lms_server.store.folder import FolderStore
from tests.peers.oidc_provider import Provider, provider

pytestmark = pytest.mark.anyio
PASSWORD, SECRET = "correct horse", "the client's secret, long enough for HS256 too"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "ours", "use": "sig", "alg": "RS256"}, private=True)
"""A key of whoever wants to come in without the provider."""
Claims = dict[str, Any]


@dataclass
class Between(httpx2.AsyncBaseTransport):
    """The way to the provider. forge: makes the id_token from the true claims; keys: stand in for the provider's, to
    prove that a right signature is not enough; down: nobody answers. asked: what token requests held."""

    forge: Callable[[Claims], str] | None = None
    keys: dict[str, Any] | None = None
    down: bool = False
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    inner: httpx2.AsyncHTTPTransport = field(default_factory=httpx2.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.down:
            raise httpx2.ConnectError("nobody is there", request=request)
        if request.url.path.endswith("/jwks") and self.keys is not None:
            return httpx2.Response(200, json=self.keys, request=request)
        answer = await self.inner.handle_async_request(request)
        if not request.url.path.endswith("/token"):
            return answer
        self.asked.append(parse_qs(request.content.decode()))
        await answer.aread()
        if self.forge is None or not answer.is_success:
            return httpx2.Response(answer.status_code, content=answer.content, headers=_plain(answer), request=request)
        body = answer.json()
        body["id_token"] = self.forge(_claims(body["id_token"]))
        return httpx2.Response(200, json=body, request=request)


def _plain(answer: httpx2.Response) -> dict[str, str]:
    return {"content-type": answer.headers["content-type"]}


def _claims(token: str) -> Claims:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def _encoded(facts: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")


@dataclass
class House:
    """The portal with the other login, and the way by which it reaches the provider."""

    app: FastAPI
    way: Between
    catalog: Catalog
    provider: Provider
    people: People
    database: Database


@pytest.fixture(scope="module")
def foreign() -> Iterator[Provider]:
    with provider() as found:
        yield found


@pytest.fixture
def make(tmp_path: Path, foreign: Provider) -> Iterator[Callable[..., House]]:
    """A house with these settings beside the usual ones."""
    migrate(tmp_path / "darsbox.sqlite")
    database = Database(tmp_path / "darsbox.sqlite")
    catalog = Catalog.over(database, time.time)
    catalog.institutions.add("ENS")
    catalog.institutions.add("FST")

    def house(**more: object) -> House:
        facts: dict[str, Any] = {
            "issuer": foreign.issuer,
            "client_id": "darsbox",
            "client_secret_file": Path("x"),
            "secret": SECRET,
            "name": "Université",
            "roles": {"claim": "realm.roles", "teacher": ["staff"], "student": ["student"]},
            "institutions": {"claim": "org", "names": {"ens.mr": "ENS", "fst.mr": "FST"}},
        }
        way, gate = Between(), Gate(catalog)
        other = OtherLogin(Sso.model_validate(facts | more), catalog.people, gate, Begun(database, time.time), way)
        app = FastAPI()
        captions = Captions(catalog.editing, FolderStore(tmp_path / "store"), tmp_path)
        app.include_router(portal_router(catalog, gate, captions, other=other))
        app.add_middleware(SessionMiddleware, secret_key="secret", same_site="lax")
        quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
        return House(app, way, catalog, foreign, People(database, time.time, quick), database)

    yield house
    database.close()


@pytest.fixture
def house(make: Callable[..., House]) -> House:
    return make()


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with new_browser(house) as client:
        yield client


def new_browser(house: House) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://box.test")


async def away(browser: httpx.AsyncClient, target: str = "/courses") -> str:
    """To the provider: the address at which the browser is then."""
    answer = await browser.get("/login/other", params={"next": target})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


async def come(house: House, browser: httpx.AsyncClient, subject: str) -> httpx.Response:
    """Go, choose who one is, and come back."""
    return await browser.get(house.provider.lets_in(await away(browser), subject))


def staff(house: House, subject: str, **more: object) -> None:
    facts: Claims = {"preferred_username": subject, "name": "Dr Mariem", "realm": {"roles": ["x", "staff"]}}
    house.provider.knows(subject, **{**facts, "org": "ens.mr", **more})


async def test_who_may_come_in_does_as_who_they_are_and_goes_where_they_wanted(
    house: House, browser: httpx.AsyncClient
) -> None:
    staff(house, "mariem")
    assert "Log in by <bdi>Université</bdi>" in (await browser.get("/login?lang=en")).text
    back = await come(house, browser, "mariem")
    assert (back.status_code, back.headers["location"]) == (303, "/courses")
    page = await browser.get("/account?lang=en")
    assert "Dr Mariem" in page.text
    (person,) = house.catalog.people.all()
    assert (person.name, person.role, person.institution) == ("mariem", "teacher", "ENS")
    staff(house, "mariem", realm={"roles": ["student"]}, org=["fst.mr"], preferred_username="mariem2")
    await come(house, browser, "mariem")
    (again,) = house.catalog.people.all()
    assert (again.id, again.name, again.role, again.institution) == (person.id, "mariem", "student", "FST")


async def test_the_code_is_bound_to_this_login_by_pkce_state_and_nonce(
    house: House, browser: httpx.AsyncClient
) -> None:
    staff(house, "mariem")
    address = await away(browser)
    asked = parse_qs(urlsplit(address).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["nonce"][0]) >= 16
    assert len(asked["state"][0]) >= 16
    assert asked["redirect_uri"] == ["http://box.test/login/other/back"]
    await browser.get(house.provider.lets_in(address, "mariem"))
    assert len(house.way.asked[0]["code_verifier"][0]) >= 43


async def test_an_answer_opens_once_and_only_the_browser_that_asked(house: House, browser: httpx.AsyncClient) -> None:
    staff(house, "mariem")
    back = house.provider.lets_in(await away(browser), "mariem")
    async with new_browser(house) as stranger:
        refused = await stranger.get(back)
        assert refused.status_code == 401
        assert "begun elsewhere" in refused.text
    cookies = httpx.Cookies(browser.cookies)
    assert (await browser.get(back)).status_code == 303
    async with new_browser(house) as thief:  # with the cookie of before, too
        thief.cookies.update(cookies)
        assert (await thief.get(back)).status_code == 401
        assert (await thief.get("/account")).status_code == 303
    for nonsense in ("", "?state=x&code=y", "?code=y", "?state=", "?error=server_error"):
        async with new_browser(house) as thief:
            assert (await thief.get(f"/login/other/back{nonsense}")).status_code == 401


def signed(changes: Claims, *, header: dict[str, str] | None = None, key: Any = KEY) -> Callable[[Claims], str]:
    used = header or {"alg": "RS256", "kid": "ours"}
    registry = JWSRegistry(algorithms=["RS256", "HS256"])
    return lambda claims: jwt.encode(used, {**claims, **changes}, key, registry=registry)


HOUR = 3600
OCT = jwk.OctKey.import_key(SECRET)
FORGED = {
    "by another key": (signed({}), False),
    "for another client": (signed({"aud": "others"}), True),
    "of another issuer": (signed({"iss": "https://evil.test"}), True),
    "of another login": (signed({"nonce": "replayed"}), True),
    "expired beyond the skew": (signed({"exp": int(time.time()) - 120, "iat": int(time.time()) - HOUR}), True),
    "of the future": (signed({"iat": int(time.time()) + HOUR, "exp": int(time.time()) + 2 * HOUR}), True),
    "by the client's secret": (signed({}, header={"alg": "HS256"}, key=OCT), False),
    "by nobody": (lambda claims: f"{_encoded({'alg': 'none'})}.{_encoded(claims)}.", False),
    "no token at all": (lambda claims: "x.y.z", False),
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_id_token_opens_nothing(house: House, browser: httpx.AsyncClient, how: str) -> None:
    staff(house, "mariem")
    house.way.forge, ours = FORGED[how]
    house.way.keys = {"keys": [KEY.as_dict(private=False)]} if ours else None
    refused = await come(house, browser, "mariem")
    assert refused.status_code == 401, refused.text
    assert "cannot be believed" in refused.text
    assert house.catalog.people.all() == []
    assert (await browser.get("/account")).status_code == 303


async def test_clocks_may_differ_by_the_skew(house: House, browser: httpx.AsyncClient) -> None:
    staff(house, "mariem")
    house.way.keys = {"keys": [KEY.as_dict(private=False)]}
    house.way.forge = signed({"exp": int(time.time()) - 20, "iat": int(time.time()) + 20})
    assert (await come(house, browser, "mariem")).status_code == 303


async def test_a_provider_that_is_away_costs_a_sentence_and_a_password_still_opens(
    house: House, browser: httpx.AsyncClient
) -> None:
    house.people.add("amina", "admin", PASSWORD)
    house.way.down = True
    answer = await browser.get("/login/other", params={"next": "/courses", "lang": "en"})
    assert answer.status_code == 503
    assert "Université does not answer. Log in with a password" in answer.text
    assert 'value="/courses"' in answer.text
    opened = await browser.post("/login", data={"name": "amina", "password": PASSWORD, "next": "/courses"})
    assert (opened.status_code, opened.headers["location"]) == (303, "/courses")
    house.way.down = False
    staff(house, "mariem")
    async with new_browser(house) as other:
        back = house.provider.lets_in(await away(other), "mariem")
        house.way.down = True  # it goes away while somebody is there
        assert (await other.get(back)).status_code == 503


async def test_who_says_no_there_is_told_so_here(house: House, browser: httpx.AsyncClient) -> None:
    back = await browser.get(house.provider.denies(await away(browser)))
    assert back.status_code == 401
    assert "did not let you in" in back.text


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"realm": {"roles": ["guest"]}}, "you have no role on this server"),
        ({"realm": {}}, "you have no role on this server"),
        ({"realm": "staff"}, "you have no role on this server"),
        ({"org": "elsewhere.mr"}, "not as somebody of an institution"),
        ({"org": ["ens.mr", "fst.mr"]}, "not as somebody of an institution"),
        ({"preferred_username": "x" * 101}, "That did not work"),
    ],
)
async def test_who_has_no_place_here_is_told_so_and_is_not_made(
    house: House, browser: httpx.AsyncClient, claims: Claims, sentence: str
) -> None:
    staff(house, "guest", **claims)
    await browser.get("/login?lang=en")
    refused = await come(house, browser, "guest")
    assert refused.status_code in (400, 403)
    assert sentence in refused.text
    assert house.catalog.people.all() == []


async def test_a_login_of_others_never_takes_over_a_name_with_a_password(
    house: House, browser: httpx.AsyncClient
) -> None:
    house.people.add("amina", "admin", PASSWORD)
    staff(house, "subject-7", preferred_username="amina")
    refused = await come(house, browser, "subject-7")
    assert refused.status_code == 409
    assert "Somebody else has your name" in refused.text
    assert [person.role for person in house.catalog.people.all()] == ["admin"]


async def test_where_nobody_new_is_made_those_of_the_sheet_come_in(make: Callable[..., House]) -> None:
    house = make(make_people=False)
    staff(house, "listed")
    staff(house, "unlisted")
    sheet = Enrolling(house.database, time.time, house.people)
    sheet.people(b"name,role\nlisted,teacher\n", institution="ENS")
    async with new_browser(house) as browser:
        assert "not on this server" in (await come(house, browser, "unlisted")).text
        assert (await come(house, browser, "listed")).status_code == 303
    staff(house, "impostor", preferred_username="listed")  # the name is taken by its first subject
    async with new_browser(house) as browser:
        assert (await come(house, browser, "impostor")).status_code == 409


async def test_html_in_a_name_is_text(house: House, browser: httpx.AsyncClient) -> None:
    name = "<script>alert(1)</script>"
    staff(house, "xss", preferred_username=name, name=name)
    assert (await come(house, browser, "xss")).status_code == 303
    page = (await browser.get("/account")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test", "/\\evil.test"])
async def test_the_way_back_leads_nowhere_else(house: House, browser: httpx.AsyncClient, target: str) -> None:
    staff(house, "mariem")
    back = await browser.get(house.provider.lets_in(await away(browser, target), "mariem"))
    assert back.headers["location"] == "/lessons"


async def test_a_provider_under_another_name_is_not_believed(make: Callable[..., House], foreign: Provider) -> None:
    house = make(issuer=f"{foreign.issuer}/")  # the provider names itself without a slash
    async with new_browser(house) as browser:
        answer = await browser.get("/login/other")
        assert answer.status_code == 503
