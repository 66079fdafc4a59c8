"""Orders about the audit log."""

from __future__ import annotations

import re
import time
from typing import Annotated

import typer

from lms_server.catalog.audit import AT_CONSOLE, MOST
from lms_server.catalog.schemas import AuditEntry
from lms_server.command_line import Data, catalog_of
from lms_server.errors import StartError

audit = typer.Typer(
    no_args_is_help=True, help="Who saw, fetched, changed and deleted what.\n\nExample: lms-server audit verify"
)


@audit.command(
    "verify",
    help="Walk the whole log: exit 0 and print its head, or 1 and say at which row it breaks. Keep the head elsewhere "
    "and give it back by --seen: only so are missing newest rows found.\n\n"
    "Example: lms-server audit verify --seen 1200:5f3a…",
)
def verify(
    context: typer.Context,
    data: Data = None,
    seen: Annotated[str, typer.Option(help="NUMBER:SHA256 as an earlier run printed it")] = "",
) -> None:
    noted = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", seen)
    if seen and noted is None:
        raise typer.BadParameter("--seen is a number, a colon and 64 hexadecimal digits, as an earlier run printed it.")
    with catalog_of(context, data) as catalog:
        found = catalog.audit.verify((int(noted[1]), noted[2]) if noted is not None else None)
    if found.broken is not None:
        raise StartError(f"The audit log breaks at row {found.broken.number}: {found.broken.why}.")
    typer.echo(f"{found.rows} rows hold.")
    typer.echo(f"{found.rows}:{found.head}")


@audit.command("show", help="The log, the newest first.\n\nExample: lms-server audit show --who amina --limit 20")
def show(
    context: typer.Context,
    *,
    data: Data = None,
    who: Annotated[str, typer.Option(help="Only what this login did")] = "",
    about: Annotated[str, typer.Option(help="Only about this lesson, room, person's number or token's beginning")] = "",
    action: Annotated[str, typer.Option(help="Only this, as file-fetched")] = "",
    limit: Annotated[int, typer.Option(help="How many rows; 0 for all", min=0)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    with catalog_of(context, data) as catalog:
        left, page = limit or None, None
        while left is None or left > 0:
            some = MOST if left is None else min(left, MOST)
            found = catalog.audit.search(AT_CONSOLE, who=who, about=about, action=action, page=page, limit=some)
            for entry in found.items:
                typer.echo(entry.model_dump_json() if as_json else _line(entry))
            page, left = found.next, None if left is None else left - len(found.items)
            if page is None:
                break


def _line(entry: AuditEntry) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
    who = entry.person or (f"person {entry.person_id}" if entry.person_id is not None else entry.via or "?")
    facts = " ".join(f"{name}={value}" for name, value in entry.facts.items())
    parts = (when, f"{who:<16}", f"{entry.address or '-':<15}", f"{entry.action:<18}", entry.about, entry.title, facts)
    return "  ".join(part for part in parts if part).rstrip()
