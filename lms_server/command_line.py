"""What every order on the command line shares: where the server's things lie, and how they are opened."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.settings import Settings

DATA = Path("/var/lib/darsbox/server")
Data = Annotated[Path | None, typer.Option("--data", help=f"Folder of everything the server keeps [default: {DATA}]")]


@dataclass(frozen=True, slots=True)
class Told:
    """What stands before the command, or in the environment: it holds for every command."""

    data: Path | None
    database: str
    store: str
    keys: Path | None


def settings_of(
    context: typer.Context, data: Path | None, *, database: str = "", store: str = "", keys: Path | None = None
) -> Settings:
    """What was given to the command itself goes before what stood before it."""
    told: Told = context.find_root().obj
    return Settings(
        data=data or told.data or DATA,
        database_address=database or told.database,
        store_address=store or told.store,
        keys_folder=keys or told.keys,
    )


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database in this program's form. Raises StartError."""
    migrate(settings.database)
    database = Database(settings.database)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def catalog_of(context: typer.Context, data: Path | None) -> Iterator[Catalog]:
    """Raises StartError."""
    with opened(settings_of(context, data)) as database:
        yield Catalog.over(database, time.time)


def password(from_stdin: bool) -> str:
    """Typed twice, or the first line of a pipe."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("Give the password on a terminal, or by --password-stdin.")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed
