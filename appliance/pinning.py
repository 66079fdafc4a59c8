"""``appliance pin``: who may open the IT screen, and which teachers may say who they are. Works without the daemon."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from appliance.errors import RoomError
from appliance.spool import pins
from appliance.spool.layout import Spool
from appliance.spool.pins import BadPin, Pins

DEFAULT_SPOOL = Path("/var/lib/darsbox/spool")

app = typer.Typer(
    help="PINs and cards of the panel.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)

SpoolFolder = Annotated[Path, typer.Option("--spool", envvar="DARSBOX_SPOOL", help="The room's spool.")]
Name = Annotated[str, typer.Argument(help="A teacher's name, as lessons shall carry it.")]
FromStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input.")]


@app.command("set", epilog="Example: appliance pin set\n\nExample: appliance pin set 'Dr Sidi'")
def set_pin(
    name: Annotated[str | None, typer.Argument(help="A teacher; without one, it is the IT screen's PIN.")] = None,
    from_stdin: FromStdin = False,
    spool: SpoolFolder = DEFAULT_SPOOL,
) -> None:
    """Set the PIN of the IT screen, or of a teacher."""
    place, known = _read(spool)
    pin = _asked(from_stdin)
    try:
        if name is None:
            known.set_it(pin)
        else:
            known.set_teacher(name, pin)
    except BadPin as error:
        raise RoomError(str(error)) from error
    pins.write(place, known)
    typer.echo("The IT screen has a new PIN." if name is None else f"{pins.plain(name)} has a new PIN.")


@app.command(epilog="Example: appliance pin card 'Dr Sidi' --out card.png")
def card(
    name: Name,
    out: Annotated[Path | None, typer.Option(help="A .png or .svg for its QR code; else digits.")] = None,
    spool: SpoolFolder = DEFAULT_SPOOL,
) -> None:
    """Make a new card for a teacher, as a QR code or as digits for a bar code; an older card counts no longer."""
    if out is not None and out.suffix not in {".png", ".svg"}:
        raise RoomError(f"{out} is no picture that can be made; name a .png or an .svg.")
    place, known = _read(spool)
    try:
        code = known.new_card(name)
    except BadPin as error:
        raise RoomError(str(error)) from error
    if out is None:
        pins.write(place, known)
        typer.echo(code)
        return
    import segno  # noqa: PLC0415 - only a card needs it

    segno.make(code, micro=False).save(str(out), scale=8, border=4)
    pins.write(place, known)
    typer.echo(f"{out} is the card of {pins.plain(name)}. Print it and remove the file: whoever has it has the card.")


@app.command(epilog="Example: appliance pin remove 'Dr Sidi'")
def remove(
    name: Annotated[str | None, typer.Argument(help="A teacher; without one, it is the IT screen's PIN.")] = None,
    spool: SpoolFolder = DEFAULT_SPOOL,
) -> None:
    """Take away the PIN and the card of a teacher, or the PIN of the IT screen."""
    place, known = _read(spool)
    if name is None:
        known.it = ""
    elif known.teachers.pop(" ".join(name.split()), None) is None:
        raise RoomError(f"The room knows no teacher {name}; see appliance pin list.")
    pins.write(place, known)
    typer.echo("The IT screen is closed." if name is None else f"{name} is a guest from now on.")


@app.command("list", epilog="Example: appliance pin list")
def list_names(spool: SpoolFolder = DEFAULT_SPOOL) -> None:
    """Who has a PIN or a card."""
    _, known = _read(spool)
    typer.echo(f"IT screen: {'a PIN' if known.it else 'no PIN, so it stays closed'}")
    for name, keys in sorted(known.teachers.items()):
        has = [word for word, hashed in (("a PIN", keys.pin), ("a card", keys.card)) if hashed]
        typer.echo(f"{name}: {' and '.join(has)}")


def _read(spool: Path) -> tuple[Spool, Pins]:
    if not spool.is_dir():
        raise RoomError(f"There is no folder {spool}; name the room's spool with --spool.")
    try:
        return Spool(spool), pins.read(Spool(spool))
    except BadPin as error:
        raise RoomError(str(error)) from error


def _asked(from_stdin: bool) -> str:
    """Twice where somebody types it unseen."""
    if from_stdin:
        return sys.stdin.readline().strip()
    pin = getpass("PIN (6 to 12 digits): ")
    if getpass("Once more: ") != pin:
        raise RoomError("These were two different PINs; nothing has changed. Do it again.")
    return pin
