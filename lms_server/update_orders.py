"""Orders about versions: which rooms shall have which."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lms_server.catalog.rings import Rings
from lms_server.command_line import Data, opened, settings_of

update = typer.Typer(
    no_args_is_help=True,
    help="Which rooms shall have which version of Darsbox, ring by ring.\n\n"
    "Example: lms-server update release 1.4.0 --ring pilot",
)
Ring = Annotated[str, typer.Option("--ring", help="Which ring [default: all rooms that are in none]")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(update, name="update")


@update.command(
    help="Let the rooms of a ring have a version, which lies in the folder of updates.\n\n"
    "Example: lms-server update release 1.4.0 --ring pilot"
)
def release(
    context: typer.Context,
    version: str,
    *,
    ring: Ring = "",
    updates: Annotated[
        Path | None, typer.Option(envvar="DARSBOX_UPDATES", help="Folder of updates, as of `run` [default: in --data]")
    ] = None,
    data: Data = None,
) -> None:
    with _rings(context, data) as rings:
        rings.release(version, ring)
    typer.echo(f"{_ring(ring)} shall have version {version}; each changes to it while nobody teaches there.")
    shown = updates or settings_of(context, data).updates
    if not (shown / "targets" / "bundles" / version).is_dir():
        typer.echo(f"It is not in {shown} yet; rooms wait until it is.")


@update.command(
    help="Ask no version of a ring any more; its rooms stay on what they have.\n\n"
    "Example: lms-server update hold --ring pilot"
)
def hold(context: typer.Context, ring: Ring = "", data: Data = None) -> None:
    with _rings(context, data) as rings:
        rings.release("", ring)
    typer.echo(f"{_ring(ring)} stay on what they have.")


@update.command(
    help="Put a room into a ring; without --ring, take it out of its own.\n\n"
    "Example: lms-server update place 'Amphi A' --ring pilot"
)
def place(
    context: typer.Context,
    room: str,
    *,
    ring: Ring = "",
    institution: Annotated[str, typer.Option(help="Whose, where several have a room of that name")] = "",
    data: Data = None,
) -> None:
    with _rings(context, data) as rings:
        rings.place(room, institution, ring)
    typer.echo(f"{room} is in {f'ring {ring}' if ring else 'no ring'}.")


@update.command(help="Which room is in which ring, and on which version.\n\nExample: lms-server update show")
def show(context: typer.Context, data: Data = None) -> None:
    with _rings(context, data) as rings:
        rooms = rings.rooms()
        for ring, version in rings.rings().items():
            mine = [room for room in rooms if room.ring == ring]
            there = sum(room.runs == version for room in mine) if version else 0
            wanted = f"version {version}, {there} of {len(mine)} rooms have it" if version else "no version asked for"
            typer.echo(f"{_ring(ring)}: {wanted}")
            for room in mine:
                seen = time.strftime("%Y-%m-%d %H:%M", time.localtime(room.seen)) if room.seen else "never heard"
                typer.echo(f"  {room.institution}  {room.name}  {room.runs or 'unknown'}  {seen}")


def _ring(name: str) -> str:
    return f"The rooms of ring {name}" if name else "The rooms in no ring"


@contextmanager
def _rings(context: typer.Context, data: Path | None) -> Iterator[Rings]:
    with opened(settings_of(context, data)) as database:
        yield Rings(database, time.time)
