"""Codes for a whole fleet: each file must open one room, and a sheet with a mistake must open none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.rooms import LONGEST_CODE
from lms_server.catalog.schemas import Person
from lms_server.cli import app
from lms_server.errors import BadRequest, Forbidden, NotFound, ServerError
from lms_server.keys import server_key
from lms_server.settings import Settings
from lms_sync import wire
from lms_sync.wire.slip import NAME, Slip

URL = "https://lessons.example.org"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    data = tmp_path / "data"
    return lambda *words: CliRunner().invoke(app, ["--data", str(data), *map(str, words)])


def catalog(tmp_path: Path) -> Catalog:
    settings = Settings(tmp_path / "data")
    migrate(settings.database)
    return Catalog.over(Database(settings.database), lambda: 0.0)


def test_a_file_holds_all_that_the_room_must_know(run: Run, tmp_path: Path) -> None:
    done = run("enrol-code", "Amphi A", "--url", URL, "--out", tmp_path / "stick", "--hours", 48)
    assert done.exit_code == 0, done.output
    file = tmp_path / "stick" / NAME
    assert file.stat().st_mode & 0o777 == 0o600
    slip = Slip.read(file.read_bytes())
    assert (slip.server, slip.room, slip.code) == (URL, "Amphi A", done.stdout.split()[-1])
    assert slip.key == wire.thumbprint(server_key(Settings(tmp_path / "data").keys))
    assert catalog(tmp_path).rooms.enrol(slip.code, slip.room, "ENS", "{}")


def test_without_the_servers_address_there_is_neither_file_nor_qr_code(run: Run, tmp_path: Path) -> None:
    done = run("enrol-code", "Amphi A", "--qr")
    assert done.exit_code == 2
    assert "--url" in done.stderr


def test_a_sheet_makes_a_file_for_each_room(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "rooms.csv"
    sheet.write_bytes(
        "name;institution;profile\nقاعة 1;ENS;lab\nAmphi A;ENS;lab\nAmphi a;ENS;lab\n".encode("windows-1256")
    )
    done = run("enrol-codes", sheet, "--url", URL, "--out", tmp_path / "codes")
    assert done.exit_code == 0, done.output
    slips = {
        str(file.parent.relative_to(tmp_path / "codes")): Slip.read(file.read_bytes())
        for file in (tmp_path / "codes").rglob(NAME)
    }
    assert {folder: slip.room for folder, slip in slips.items()} == {
        "ens/قاعة-1": "قاعة 1",
        "ens/amphi-a": "Amphi A",
        "ens/amphi-a-2": "Amphi a",
    }
    assert len({slip.code for slip in slips.values()}) == 3
    rooms = catalog(tmp_path).rooms
    with pytest.raises(Forbidden, match="another room"):
        rooms.enrol(slips["ens/amphi-a"].code, "قاعة 1", "ENS", "{}")


def test_every_mistake_of_a_sheet_is_told_and_no_code_is_made(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "rooms.csv"
    sheet.write_text("institution,name\nENS,A\nENS,\nENS,A\nENS,B,more\n")
    with pytest.raises(BadRequest) as refused:
        CliRunner().invoke(
            app,
            [
                "--data",
                str(tmp_path / "data"),
                "enrol-codes",
                str(sheet),
                "--url",
                URL,
                "--out",
                str(tmp_path / "codes"),
            ],
            catch_exceptions=False,
        )
    assert [line.partition(":")[0] for line in refused.value.detail.splitlines()] == [
        "Line 3, column 2 (name)",
        "Line 4, column 2 (name)",
        "Line 5",
        "Nothing was changed.",
    ]
    assert not (tmp_path / "codes").exists()


def test_no_code_is_good_for_longer_than_two_weeks(catalogue: Catalog) -> None:
    rooms = catalogue.rooms
    assert rooms.make_code("A", seconds=LONGEST_CODE)
    with pytest.raises(BadRequest, match="at most 14 days"):
        rooms.make_code("A", seconds=LONGEST_CODE + 1)


def test_a_new_pc_becomes_the_room_and_the_old_ones_key_opens_nothing(catalogue: Catalog) -> None:
    room = catalogue.rooms.enrol(catalogue.rooms.make_code("A", "ENS"), "A", "ENS", json.dumps({"old": 1}))
    admin = Person(id=1, name="amina", role="admin")
    assert catalogue.rooms.enrol(catalogue.rooms.code_for(admin, room), "A", "ENS", json.dumps({"new": 1})) == room
    found = catalogue.rooms.find(room)
    assert found is not None
    assert found.public_key == json.dumps({"new": 1})


@pytest.mark.parametrize(("role", "error"), [("teacher", Forbidden), ("student", Forbidden), ("service", Forbidden)])
def test_who_looks_after_no_rooms_lets_no_pc_in(catalogue: Catalog, role: str, error: type[ServerError]) -> None:
    room = catalogue.rooms.enrol(catalogue.rooms.make_code("A", "ENS"), "A", "ENS", "{}")
    with pytest.raises(error):
        catalogue.rooms.code_for(Person(id=1, name="x", role=role), room)  # type: ignore[arg-type]  # all three are roles
    stranger = Person(id=2, name="y", role="it", institution_id=999, institution="Other")
    with pytest.raises(NotFound):
        catalogue.rooms.code_for(stranger, room)
