"""``provision profiles``, ``show``, ``fleet`` and ``diff``: room.toml files from profiles and sheets."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appliance import config
from appliance.dumping import as_file, masked_table
from appliance.errors import ConfigError
from appliance.spool.layout import write_atomically
from provisioning import whole_folder
from provisioning.differing import changes
from provisioning.layers import OWN, Profiles, Room, on_profile, read, told_secrets

Own = Annotated[
    Path, typer.Option("--profiles", metavar="DIR", help="Profiles of your own; they come before the shipped ones.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Encoding = Annotated[str, typer.Option(help="How the sheet was saved [default: found out]")]
Usual = Annotated[str, typer.Option("--profile", help="For lines that name none.")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example: provision profiles")(profiles)
    app.command(epilog="Example: provision show amphi-a.toml --out /etc/darsbox/room.toml")(show)
    app.command(epilog="Example: provision fleet rooms.csv --out rooms")(fleet)
    app.command(epilog="Example: provision diff rooms.csv rooms")(diff)


def profiles(own: Own = OWN) -> None:
    """The profiles that there are, and where."""
    for name, file in Profiles(own).names().items():
        about = next((line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#")), "")
        typer.echo(f"{name:20} {about}  ({file})")


def show(
    room: Annotated[str, typer.Argument(help="A room's own TOML, a whole room.toml, or the name of a profile.")],
    own: Own = OWN,
    dump_config: Annotated[
        bool, typer.Option("--dump-config", help="What would be in force: defaults too, and secrets masked.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the room.toml there, once it is in order.")] = None,
) -> None:
    """The whole room.toml of a room on top of its profile, checked as the room itself checks it."""
    with _plain_errors():
        known = Profiles(own)
        is_profile = room in known.names() and not Path(room).is_file()
        whole = known.get(room) if is_profile else on_profile(read(Path(room)), known)
        if is_profile and out is None and not dump_config:
            typer.echo(as_file(whole), nl=False)  # not a room yet: what it needs may be missing
            return
        text = as_file(whole, "Made by provision show; change the room's own file or the profile, and make it again.")
        checked = config.parse(text)
        told = [f"{'.'.join(place)}: {said}." for place, said in told_secrets(whole)]
        if out is not None:
            if told:
                raise ConfigError("\n".join([*told, "Nothing was written."]))
            write_atomically(out, text.encode())
            typer.echo(f"{out} is in order: {len(checked.devices)} devices.")
        else:
            typer.echo(checked.dump() if dump_config else as_file(_masked(whole)), nl=False)


def _masked(room: Room) -> Room:
    """Whatever the file has: no secret on a screen."""
    return masked_table(
        {
            name: [masked_table(entry) if isinstance(entry, dict) else entry for entry in table]
            if isinstance(table, list)
            else table
            for name, table in room.items()
        }
    )


def fleet(
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="A line for each room, as CSV.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that will hold exactly these rooms.")
    ] = None,
    usual: Usual = "",
    own: Own = OWN,
    encoding: Encoding = "",
) -> None:
    """Make and check the room.toml of every room of a sheet.

    All of them are written, or none: then every mistake of the sheet is named by its line and column. Without --out
    the sheet is only checked.
    """
    from provisioning import fleet as making  # noqa: PLC0415 - reads sheets as the server does

    with _plain_errors():
        made = making.made(sheet.read_bytes(), Profiles(own), encoding=encoding, profile=usual)
        typer.echo(f"{sheet} was read as {made.sheet.encoding}, with {made.sheet.parted_by} between its columns.")
        many = f"{len(made.rooms)} rooms are in order"
        if out is None:
            typer.echo(f"{many}; with --out DIR they are written.")
            return
        making.read_all(out)  # what is no room's file is not thrown away
        whole_folder.replace(out, {each.file: each.text for each in made.rooms})
        typer.echo(f"{many} and written to {out}.")


def diff(
    new: Annotated[Path, typer.Argument(help="A sheet of rooms, or one room's file.", show_default=False)],
    there: Annotated[
        Path | None, typer.Argument(help="The fleet's folder, or a room.toml [default: the room's profile]")
    ] = None,
    *,
    usual: Usual = "",
    own: Own = OWN,
    encoding: Encoding = "",
    as_json: AsJson = False,
) -> None:
    """What a fleet run would change against what is there; or what a room has beyond its profile.

    A line begins with + for what is new, - for what goes, ~ for what changes.
    """
    with _plain_errors():
        known = Profiles(own)
        if new.suffix != ".toml":
            from provisioning import fleet as making  # noqa: PLC0415 - as above

            if there is None:
                raise ConfigError("Name the folder that the fleet was written to, too.")
            made = making.made(new.read_bytes(), known, encoding=encoding, profile=usual)
            after = {str(each.file): each.room for each in made.rooms}
            before = {str(file): tomllib.loads(text) for file, text in making.read_all(there).items()}
        else:
            room = on_profile(read(new), known)
            base = on_profile(read(there), known) if there is not None else _profile_of(room, known)
            before, after = {str(new): base}, {str(new): room}
    found = {file: list(changes(before.get(file, {}), after.get(file, {}))) for file in sorted(before | after)}
    found = {file: lines for file, lines in found.items() if lines}
    if as_json:
        typer.echo(json.dumps({file: [asdict(each) for each in lines] for file, lines in found.items()}, indent=1))
        return
    for file, lines in found.items():
        typer.echo(_head(file, file in before, file in after))
        for each in lines if file in before and file in after else []:
            typer.echo(f"  {each.line}")
    typer.echo(f"{len(found)} of {len(before | after)} differ." if found else "Nothing differs.")


def _head(file: str, was: bool, is_: bool) -> str:
    return f"{file}{'' if was and is_ else ' is new' if is_ else ' goes'}"


def _profile_of(room: Room, known: Profiles) -> Room:
    """Raises ConfigError."""
    name = room.get("room", {}).get("profile", "")
    if not name:
        raise ConfigError('The room names no profile: profile = "…" in its own file, or under [room] in a whole one.')
    return known.get(str(name))


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Sentences on standard error, and exit code 1."""
    from lms_server.errors import ServerError  # noqa: PLC0415 - as above

    try:
        yield
    except (ConfigError, ServerError) as error:
        typer.echo(error.detail.replace("Nothing was changed.", "Nothing was written."), err=True)
        raise typer.Exit(1) from None
    except tomllib.TOMLDecodeError as error:
        typer.echo(f"A file that is there is not TOML: {error}.", err=True)
        raise typer.Exit(1) from None
