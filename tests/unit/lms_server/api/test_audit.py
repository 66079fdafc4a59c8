"""What people do over HTTP stands in the audit log: a viewing once, a refusal always, and from which address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lms_server.catalog import Catalog
from lms_server.catalog.migrate import migrate
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import LessonRow, OutputRow
from lms_server.main import Server, build
from lms_server.settings import Settings
from lms_server.store.folder import FolderStore
from tests.unit.lms_server.conftest import HandClock

pytestmark = pytest.mark.anyio
PASSWORD, FILM, LESSON = "a-long-enough-one", b"film" * 1000, "01KAF0000000000000000FILM0"
OPERATOR = Person(id=0, name="", role="admin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = Settings(data=tmp_path_factory.mktemp("audited") / "data")
    settings.data.mkdir()
    migrate(settings.database)
    server, clock = build(settings, HandClock()), HandClock()
    catalog = Catalog.over(server.database, clock)
    room = catalog.rooms.enrol(catalog.rooms.make_code("Amphi"), "Amphi", "ENS", "{}")
    catalog.people.add("amina", "admin", PASSWORD, "ENS")
    catalog.people.add("sidi", "student", PASSWORD, "ENS")
    sha256, half = hashlib.sha256(FILM).hexdigest(), settings.data / "half"
    half.write_bytes(FILM)
    FolderStore(settings.store).adopt(half, sha256)
    with server.database.write() as session:
        session.add(LessonRow(id=LESSON, room_id=room, title="Optics", started=1.0, received=1.0, state="ready"))
        session.flush()
        facts = {"kind": "programme", "source": "front", "bytes": len(FILM), "sha256": sha256, "seconds": 60.0}
        session.add(OutputRow(lesson_id=LESSON, name="front.mp4", content_type="video/mp4", made=0.0, **facts))
    yield server
    server.close()


def client(server: Server, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(server.app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://box.test")


def told(server: Server, address: str) -> list[tuple[str, str, str]]:
    """What was done from there: action, who, way."""
    server.visits.settle()
    catalog = Catalog.over(server.database, HandClock())
    found = catalog.audit.search(OPERATOR, limit=200).items
    return [(entry.action, entry.person, entry.via) for entry in reversed(found) if entry.address == address]


async def test_a_viewing_of_many_ranges_is_one_row_after_the_login(server: Server) -> None:
    async with client(server, "192.0.2.1") as browser:
        await browser.post("/api/v1/session", json={"name": "sidi", "password": PASSWORD})
        await browser.get(f"/lessons/{LESSON}")
        for start in range(0, 4000, 100):
            answer = await browser.get(
                f"/api/v1/lessons/{LESSON}/files/front.mp4", headers={"Range": f"bytes={start}-{start + 99}"}
            )
            assert answer.status_code == 206
        await browser.get(f"/api/v1/lessons/{LESSON}/files/front.mp4?download=1")
        assert (await browser.get("/api/v1/audit")).status_code == 403
        await browser.post("/logout")
    assert sorted(told(server, "192.0.2.1")) == [  # visits are written beside the deeds
        ("file-fetched", "sidi", ""),
        ("lesson-opened", "sidi", ""),
        ("lesson-played", "sidi", ""),
        ("signed-in", "sidi", ""),
        ("signed-out", "sidi", ""),
    ]


async def test_refusals_are_told_and_a_flood_of_them_is_no_flood_of_rows(server: Server) -> None:
    async with client(server, "192.0.2.2") as browser:
        for _ in range(12):
            await browser.post("/login", data={"name": "amina", "password": "a guess"})
        for token in ("darsbox_made-up", "darsbox_made-up-too"):
            await browser.get("/api/v1/lessons", headers={"Authorization": f"Bearer {token}"})
    rows = told(server, "192.0.2.2")
    assert 1 < len(rows) < 8
    assert {action for action, _, _ in rows} == {"sign-in-refused"}


async def test_what_a_token_does_is_told_of_the_token_too_and_its_end(server: Server) -> None:
    async with client(server, "192.0.2.3") as browser:
        await browser.post("/api/v1/session", json={"name": "amina", "password": PASSWORD})
        made = await browser.post("/api/v1/tokens", json={"name": "", "scopes": ["lessons:read", "audit:read"]})
        token = made.json()["token"]
        (view,) = (await browser.get("/api/v1/tokens")).json()
        bearer = {"Authorization": f"Bearer {token}"}
        async with client(server, "192.0.2.4") as program:
            await program.get(f"/api/v1/lessons/{LESSON}/files/front.mp4", headers=bearer)
            server.visits.settle()
            log = await program.get("/api/v1/audit", params={"action": "file-fetched", "who": "amina"}, headers=bearer)
            await browser.delete(f"/api/v1/tokens/{view['id']}")
            assert (await program.get("/api/v1/lessons", headers=bearer)).status_code == 401
            await program.get("/api/v1/lessons", headers=bearer)
    (entry,) = log.json()["items"]
    assert (entry["via"], entry["title"], entry["facts"]["file"]) == (token[:12], "Optics", "front.mp4")
    assert entry["facts"]["sha256"] == hashlib.sha256(FILM).hexdigest()
    assert [action for action, _, _ in told(server, "192.0.2.3")] == ["signed-in", "token-made", "token-revoked"]
    assert [row[0] for row in told(server, "192.0.2.4")] == ["file-fetched", "token-refused"]


async def test_an_admin_reads_the_log_in_the_portal_and_a_student_does_not(server: Server) -> None:
    async with client(server, "192.0.2.5") as browser:
        await browser.post("/login", data={"name": "amina", "password": PASSWORD})
        page = await browser.get("/audit", params={"action": "signed-in", "who": "amina"})
        assert page.status_code == 200
        assert "Logged in" in page.text
        assert "192.0.2.5" in page.text
        assert (await browser.get("/audit?since=x")).status_code == 400
    async with client(server, "192.0.2.6") as browser:
        await browser.post("/login", data={"name": "sidi", "password": PASSWORD})
        page = await browser.get("/audit")
        assert (page.status_code, 'href="/audit"' in page.text) == (403, False)


def test_the_command_line_says_whether_the_chain_holds(server: Server, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from lms_server.cli import app
    from lms_server.errors import StartError

    data = server.database.place.parent  # type: ignore[union-attr]  # a file here
    found = CliRunner().invoke(app, ["audit", "verify", "--data", str(data)], catch_exceptions=False)
    assert found.exit_code == 0
    head = found.stdout.splitlines()[-1]
    again = CliRunner().invoke(app, ["audit", "verify", "--data", str(data), "--seen", head])
    assert again.exit_code == 0
    ahead = f"{int(head.split(':')[0]) + 5}:{'a' * 64}"
    with pytest.raises(StartError, match="breaks at row"):
        CliRunner().invoke(app, ["audit", "verify", "--data", str(data), "--seen", ahead], catch_exceptions=False)
    shown = CliRunner().invoke(app, ["audit", "show", "--data", str(data), "--limit", "2", "--json"])
    assert len(shown.stdout.splitlines()) == 2
