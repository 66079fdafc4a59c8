"""Orders about how long lessons are kept, the trash and holds."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from lms_server.catalog.audit import AT_CONSOLE
from lms_server.command_line import Data, catalog_of

retention = typer.Typer(
    no_args_is_help=True,
    help="How long lessons are kept.\n\nExample: lms-server retention set '2 terms' --institution ENS",
)
lesson = typer.Typer(
    no_args_is_help=True,
    help="The trash, and holds.\n\nExample: lms-server lesson hold LESSON_ID --reason 'case 12/26'",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(retention, name="retention")
    app.add_typer(lesson, name="lesson")


@retention.command("show", help="Every rule.\n\nExample: lms-server retention show")
def show(context: typer.Context, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        for rule in catalog.retention.rules(AT_CONSOLE):
            after = f"then {rule.trash_days} days in the trash" if rule.trash_days is not None else ""
            typer.echo("  ".join(filter(None, (rule.institution, rule.course, rule.keep, after))))


@retention.command(
    "set",
    help="Keep lessons `for ever`, some `400 days` or some `2 terms`; then they go into the trash.\n\n"
    "Example: lms-server retention set '400 days' --institution ENS --trash-days 60",
)
def set_(
    context: typer.Context,
    keep: str,
    *,
    institution: Annotated[str, typer.Option("--institution", help="Whose lessons")],
    trash_days: Annotated[int | None, typer.Option(help="For how long the trash gives a lesson back")] = None,
    data: Data = None,
) -> None:
    with catalog_of(context, data) as catalog:
        catalog.retention.set_institution(AT_CONSOLE, keep, trash_days, institution)
    typer.echo(f"Lessons of {institution} are kept {keep}.")


@lesson.command("trash", help="Put a lesson into the trash.\n\nExample: lms-server lesson trash LESSON_ID")
def trash(context: typer.Context, lesson_id: str, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        catalog.retention.trash(AT_CONSOLE, lesson_id)
        goes = catalog.retention.state(AT_CONSOLE, lesson_id).goes
    when = time.strftime("%Y-%m-%d", time.localtime(goes))
    typer.echo(f"The lesson is in the trash; it is deleted for good on {when}.")


@lesson.command("restore", help="Take a lesson out of the trash.\n\nExample: lms-server lesson restore LESSON_ID")
def restore(context: typer.Context, lesson_id: str, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        catalog.retention.restore(AT_CONSOLE, lesson_id)
    typer.echo("The lesson is back as it was.")


@lesson.command("list-trash", help="What lies in the trash.\n\nExample: lms-server lesson list-trash")
def list_trash(context: typer.Context, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        for each in catalog.retention.trashed(AT_CONSOLE):
            goes = time.strftime("%Y-%m-%d", time.localtime(each.goes)) if each.goes is not None else "held      "
            typer.echo(f"{goes}  {each.id}  {each.institution}  {each.room}  {each.title}".rstrip())


@lesson.command(
    "hold",
    help="Let nothing delete a lesson, not even out of the trash.\n\n"
    "Example: lms-server lesson hold LESSON_ID --reason 'case 12/26'",
)
def hold(
    context: typer.Context,
    lesson_id: str,
    reason: Annotated[str, typer.Option(help="Why; admins see it")] = "",
    data: Data = None,
) -> None:
    with catalog_of(context, data) as catalog:
        catalog.retention.hold(AT_CONSOLE, lesson_id, reason)
    typer.echo("Nothing deletes this lesson until the hold ends.")


@lesson.command("release", help="End a hold.\n\nExample: lms-server lesson release LESSON_ID")
def release(context: typer.Context, lesson_id: str, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        catalog.retention.release(AT_CONSOLE, lesson_id)
    typer.echo("The hold has ended.")
