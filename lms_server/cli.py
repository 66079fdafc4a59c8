"""lms-server: the central server, its worker, and the few orders a person gives it."""

from __future__ import annotations

import faulthandler
import json
import logging
import secrets
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from lms_server import (
    audit_orders,
    backup_orders,
    enrol_orders,
    logs,
    people_orders,
    retention_orders,
    update_orders,
    webhook_orders,
)
from lms_server.catalog.agents import Agents
from lms_server.catalog.migrate import migrate as migrate_database
from lms_server.catalog.uploads import Uploads
from lms_server.command_line import Data, Told, opened, settings_of
from lms_server.errors import ServerError, StartError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The central server of Darsbox: takes lessons in, assembles them, gives them out.\n\n"
    "Example: lms-server run --data /var/lib/darsbox/server",
)
people_orders.add_to(app)
webhook_orders.add_to(app)
retention_orders.add_to(app)
backup_orders.add_to(app)
update_orders.add_to(app)
enrol_orders.add_to(app)
app.add_typer(audit_orders.audit, name="audit")
agent = typer.Typer(
    no_args_is_help=True,
    help="Capture agents of others: Pearl, SMP, Galicaster, pyCA.\n\n"
    "Example: lms-server agent add pearl-a --room 'Amphi A'",
)
app.add_typer(agent, name="agent")
Address = Annotated[
    str,
    typer.Option("--database", help="PostgreSQL in place of a file, as postgresql://darsbox@db.example.org/darsbox"),
]
Bucket = Annotated[
    str, typer.Option("--store", help="A bucket in place of a folder, as s3://lessons?endpoint=https://s3.example.org")
]
Keys = Annotated[
    Path | None,
    typer.Option("--keys", help="Folder of the server's keys, the same on every machine [default: in --data]"),
]


class NewLessons(StrEnum):
    """What a lesson is when it comes, as the command line offers it."""

    PUBLISHED = "published"
    PRIVATE = "private"


New = Annotated[
    NewLessons,
    typer.Option(
        help="Whether students see a new lesson at once, or once somebody has published it",
        envvar="DARSBOX_NEW_LESSONS",
    ),
]


@app.callback()
def _before(
    context: typer.Context,
    data: Data = None,
    database: Annotated[str, typer.Option(envvar="DARSBOX_DATABASE", help="As of `run`")] = "",
    store: Annotated[str, typer.Option(envvar="DARSBOX_STORE", help="As of `run`")] = "",
    keys: Annotated[Path | None, typer.Option(envvar="DARSBOX_KEYS", help="As of `run`")] = None,
) -> None:
    context.obj = Told(data, database, store, keys)


@app.command(help="Serve rooms, people and programs.\n\nExample: lms-server run --host 0.0.0.0 --port 8500")
def run(
    context: typer.Context,
    *,
    data: Data = None,
    database: Address = "",
    store: Bucket = "",
    keys: Keys = None,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one", min=0, max=65535)] = 8500,
    public_url: Annotated[str, typer.Option(help="How rooms and people reach it, as https://lessons.example.org")] = "",
    new_lessons: New = NewLessons.PUBLISHED,
    sso: Annotated[
        Path | None, typer.Option(envvar="DARSBOX_SSO", help="File that says which other login is trusted (TOML)")
    ] = None,
    updates: Annotated[
        Path | None,
        typer.Option(envvar="DARSBOX_UPDATES", help="Folder of rooms' updates, shown at /updates [default: in --data]"),
    ] = None,
    oai_email: Annotated[
        str,
        typer.Option(envvar="DARSBOX_OAI_EMAIL", help="Let anybody harvest open lessons (OAI-PMH); who answers for it"),
    ] = "",
) -> None:
    from lms_server import main as composition  # noqa: PLC0415  the other commands start without the web's libraries

    logs.configure()
    faulthandler.enable()  # where a library of C ends the process, the log says so
    settings = settings_of(context, data, database=database, store=store, keys=keys)
    settings = replace(
        settings,
        host=host,
        port=port,
        public_url=_public(public_url),
        new_lessons=new_lessons.value,
        sso=sso,
        oai_email=oai_email,
        updates_folder=updates,
    )
    composition.run(settings)


@app.command(help="Assemble lessons that have arrived.\n\nExample: lms-server worker --data /var/lib/darsbox/server")
def worker(
    context: typer.Context,
    *,
    data: Data = None,
    database: Address = "",
    store: Bucket = "",
    keys: Keys = None,
    captions: Annotated[
        str, typer.Option(envvar="DARSBOX_CAPTIONS", help="Command that says WebVTT of a sound file and a language")
    ] = "",
    private_webhooks: Annotated[
        bool,
        typer.Option(
            "--private-webhooks", envvar="DARSBOX_PRIVATE_WEBHOOKS", help="Webhooks may be in private networks too"
        ),
    ] = False,
) -> None:
    from lms_server import main as composition  # noqa: PLC0415  as above

    logs.configure()
    faulthandler.enable()  # where a library of C ends the process, the log says so
    settings = settings_of(context, data, database=database, store=store, keys=keys)
    words = tuple(shlex.split(captions))
    composition.work(replace(settings, captions=words, private_webhooks=private_webhooks))


@app.command(help="Bring the database to this program's form.\n\nExample: lms-server migrate")
def migrate(context: typer.Context, data: Data = None, database: Address = "") -> None:
    settings = settings_of(context, data, database=database)
    changed = migrate_database(settings.database)
    typer.echo("The database was brought up to date." if changed else "The database is up to date.")


@agent.command(
    "add",
    help="Let a capture agent deliver for a room, and print its password, once; or give it another password.\n\n"
    "Example: lms-server agent add pearl-a --room 'Amphi A'",
)
def agent_add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the device calls itself, and its login")],
    *,
    room: Annotated[str, typer.Option(help="The room that it records; made when it is new")],
    data: Data = None,
    institution: Annotated[str, typer.Option(help="Of the room, where several have one of that name")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read a password of yours instead")] = False,
) -> None:
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(18)
    with _agents(context, data) as agents:
        agents.add(name, room, institution, password)
    typer.echo(f"{name} may deliver for {room}." if password_stdin else password)


@agent.command("list", help="Every capture agent and how it is.\n\nExample: lms-server agent list")
def agent_list(context: typer.Context, data: Data = None) -> None:
    with _agents(context, data) as agents:
        for row, room in agents.all():
            heard = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.heard)) if row.heard else "never heard"
            state = "revoked" if row.revoked is not None else agents.state(row)
            typer.echo(f"{heard:<19}  {state:<13}  {row.name}  {room}")


@agent.command("revoke", help="Shut a capture agent out.\n\nExample: lms-server agent revoke pearl-a")
def agent_revoke(context: typer.Context, name: str, data: Data = None) -> None:
    with _agents(context, data) as agents:
        agents.revoke(name)
    typer.echo(f"{name} can do nothing here any more.")


@app.command(
    help="List the receipts of everything stored, or export them as JSON lines.\n\n"
    "Example: lms-server receipts --json > receipts.jsonl"
)
def receipts(
    context: typer.Context,
    data: Data = None,
    lesson: Annotated[str, typer.Option(help="Only of this lesson")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the signed receipt")] = False,
) -> None:
    settings = settings_of(context, data)
    with opened(settings) as database:
        for room, asset in Uploads(database, time.time, settings.upload_seconds).receipts(lesson):
            if as_json:
                facts = {"room": room, "lesson": asset.lesson_id, "path": asset.path, "bytes": asset.bytes}
                line = {**facts, "sha256": asset.sha256, "stored": asset.stored, "receipt": asset.receipt}
                typer.echo(json.dumps(line, ensure_ascii=False))
            else:
                when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(asset.stored))
                typer.echo(f"{when}  {asset.lesson_id}  {asset.bytes:>14,}  {asset.sha256[:16]}  {asset.path}")


@app.command(
    "import",
    help="Take in what rooms without a link have put on a stick, and put the receipts back on it. The server may run "
    "meanwhile.\n\nExample: lms-server import /media/usb",
)
def import_(
    context: typer.Context,
    stick: Annotated[Path, typer.Argument(metavar="DIR", help="Where the stick is mounted.", show_default=False)],
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="What came of each room, as JSON")] = False,
    new_lessons: New = NewLessons.PUBLISHED,
) -> None:
    from lms_server import carried  # noqa: PLC0415  the other commands start without what this one needs

    logs.configure(least=logging.ERROR)
    settings = replace(settings_of(context, data), new_lessons=new_lessons.value)
    with opened(settings) as database:
        reports = carried.take_in(settings, database, stick)
    if as_json:
        typer.echo(json.dumps([report.as_json() for report in reports], ensure_ascii=False, indent=1))
    for report in reports:
        for sentence in (*report.refused, report.hint):
            if sentence:
                typer.echo(sentence, err=True)
        if report.room and not as_json:
            typer.echo(carried.sentence(report))
    if any(report.refused for report in reports):
        raise typer.Exit(1)


# -- shared
# -------------------------------------------------------------------------------------------------------------


@contextmanager
def _agents(context: typer.Context, data: Path | None) -> Iterator[Agents]:
    with opened(settings_of(context, data)) as database:
        yield Agents(database, time.time)


def _public(url: str) -> str:
    parts = urlsplit(url)
    if url and (
        parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or parts.query
    ):
        raise typer.BadParameter("--public-url is a whole address without a path, as https://lessons.example.org")
    return url.rstrip("/")


def main() -> None:
    """Exit 0 on success, 2 on wrong use, 1 otherwise with one sentence on standard error."""
    try:
        app()
    except (StartError, ServerError) as error:
        raise SystemExit(_say(str(error))) from error
    except OSError as error:
        raise SystemExit(_say(f"{error.strerror}: {error.filename}" if error.filename else str(error))) from error


def _say(sentence: str) -> int:
    sys.stderr.write(f"lms-server: {sentence}\n")
    return 1
