"""Cards for a whole staff: each teacher gets one that counts, nobody loses one unasked, and none goes astray."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.cli import app
from lms_server.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda *words: CliRunner().invoke(
        app, ["--data", str(tmp_path / "data"), "people", "cards", *map(str, words)]
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    settings = Settings(tmp_path / "data")
    migrate(settings.database)
    database = Database(settings.database)
    catalog = Catalog.over(database, lambda: 0.0)
    for name in ("ENS", "Elsewhere"):
        catalog.institutions.add(name)
    for login, role, home, full_name in (
        ("fatou", "teacher", "ENS", "Fatou <Ndiaye>"),
        ("omar", "teacher", "ENS", "عمر سيدي"),
        ("sidi", "student", "ENS", "Sidi"),
        ("lea", "teacher", "Elsewhere", "Léa"),
    ):
        catalog.people.add(login, role, None, home, full_name)  # type: ignore[arg-type]  # the literals are roles
    yield catalog
    database.close()


def holders(catalog: Catalog) -> list[str]:
    return [person.name for person in catalog.people.all() if catalog.cards.has(person)]


def test_every_teacher_of_the_institution_who_has_none_gets_one(run: Run, catalog: Catalog, tmp_path: Path) -> None:
    done = run(tmp_path / "cards.html", "--institution", "ENS", "--language", "ar")
    assert (done.exit_code, done.stdout[:8]) == (0, "2 cards "), done.output
    assert holders(catalog) == ["fatou", "omar"]
    page = (tmp_path / "cards.html").read_text()
    assert (tmp_path / "cards.html").stat().st_mode & 0o777 == 0o600
    assert page.count("<svg") == 2
    assert 'dir="rtl"' in page
    assert "Fatou &lt;Ndiaye&gt;" in page
    catalog.people.add("aicha", "teacher", None, "ENS", "Aïcha")
    more = run(tmp_path / "more.html", "--institution", "ENS")
    assert (tmp_path / "more.html").read_text().count("<svg") == 1, more.output
    again = run(tmp_path / "again.html", "--institution", "ENS")
    assert (again.exit_code, "nothing was written" in again.stdout) == (0, True)
    assert not (tmp_path / "again.html").exists()


def test_somebody_who_lost_theirs_gets_another(run: Run, catalog: Catalog, tmp_path: Path) -> None:
    run(tmp_path / "cards.html", "--institution", "ENS")
    done = run(tmp_path / "omar.html", "omar", "omar", "--institution", "ENS")
    assert (done.exit_code, done.stdout[:10]) == (0, "1 card is "), done.output
    assert "عمر سيدي" in (tmp_path / "omar.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sidi"], "sidi is a student"),
        (["fatou", "sidi"], "sidi is a student"),
        (["lea"], "lea is not of ENS"),
        (["nobody"], "nobody called 'nobody'"),
    ],
)
def test_who_can_have_none_is_named_and_nobody_else_gets_one(
    run: Run, catalog: Catalog, tmp_path: Path, words: list[str], said: str
) -> None:
    done = run(tmp_path / "cards.html", *words, "--institution", "ENS")
    assert done.exit_code == 1
    assert said in done.output + str(done.exception)
    assert not (tmp_path / "cards.html").exists()
    assert holders(catalog) == []


def test_what_cannot_be_written_gives_no_cards(run: Run, catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "cards.html").write_text("What was printed last year")
    assert run(tmp_path / "cards.html", "--institution", "ENS").exit_code == 1
    assert (tmp_path / "cards.html").read_text() == "What was printed last year"
    assert run(tmp_path / "no folder" / "cards.html", "--institution", "ENS").exit_code == 1
    assert run(tmp_path / "all.html", "--institution", "Nowhere").exit_code == 1
    assert holders(catalog) == []
    assert sorted(os.listdir(tmp_path)) == ["cards.html", "data"]
