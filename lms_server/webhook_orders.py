"""Orders about webhooks: which programs of others are told what becomes of lessons and rooms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lms_server.catalog.webhooks import EVENTS, Webhooks
from lms_server.command_line import Data, opened, settings_of

webhook = typer.Typer(
    no_args_is_help=True,
    help="Programs of others that are told what becomes of lessons, and of alarms.\n\n"
    "Example: lms-server webhook add https://lms.example.org/told --institution ENS",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(webhook, name="webhook")


@webhook.command(
    "add",
    help="Tell an address of an institution's lessons and alarms, and print the secret that signs it, once.\n\n"
    "Example: lms-server webhook add https://lms.example.org/told --institution ENS --event lesson.ready",
)
def webhook_add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where to")],
    *,
    institution: Annotated[str, typer.Option(help="Whose [default: all of this server]")] = "",
    event: Annotated[list[str] | None, typer.Option(help=f"Which, several times: {', '.join(EVENTS)}")] = None,
    data: Data = None,
) -> None:
    with _webhooks(context, data) as webhooks:
        typer.echo(webhooks.add(url, institution, event or []))


@webhook.command("list", help="Every webhook, and what waits for it.\n\nExample: lms-server webhook list")
def webhook_list(context: typer.Context, data: Data = None) -> None:
    with _webhooks(context, data) as webhooks:
        for hook in webhooks.all():
            waiting = f"{hook.waiting} waiting" + (f" ({hook.problem})" if hook.problem else "")
            typer.echo(f"{hook.id}  {hook.institution or 'all'}  {hook.url}  {' '.join(hook.events)}  {waiting}")


@webhook.command("remove", help="Tell it nothing more.\n\nExample: lms-server webhook remove 3")
def webhook_remove(context: typer.Context, number: int, data: Data = None) -> None:
    with _webhooks(context, data) as webhooks:
        webhooks.remove(number)
    typer.echo("It is told nothing more.")


@contextmanager
def _webhooks(context: typer.Context, data: Path | None) -> Iterator[Webhooks]:
    with opened(settings_of(context, data)) as database:
        yield Webhooks(database, time.time)
