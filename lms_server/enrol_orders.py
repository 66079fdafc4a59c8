"""``lms-server enrol-code`` and ``enrol-codes``: what lets a PC in as a room, on the screen, as a QR code, as files."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import segno
import typer

from lms_server import keys
from lms_server.catalog import Catalog, sheets
from lms_server.catalog.rooms import CODE_SECONDS
from lms_server.command_line import Data, catalog_of, settings_of
from lms_server.errors import BadRequest
from lms_sync import wire
from lms_sync.wire.slip import NAME, Slip, file_name

CARRIED = 72.0
"""Hours for which the codes of a whole fleet are good: they are carried to the rooms."""

Address = Annotated[
    str,
    typer.Option(
        "--url", envvar="DARSBOX_PUBLIC_URL", help="How rooms reach this server, as https://lessons.example.org"
    ),
]


def add_to(app: typer.Typer) -> None:
    app.command(
        "enrol-code",
        help="Print a code that lets one PC in as this room, once, within 15 minutes.\n\n"
        "Example: lms-server enrol-code 'Amphi A'\n\n"
        "Example: lms-server enrol-code 'Amphi A' --url https://lessons.example.org --out /media/usb --hours 48",
    )(enrol_code)
    app.command(
        "enrol-codes",
        help="Make an enrolment file for each room of a sheet, which has the columns name and institution; others are "
        "passed over, so that of `provision fleet` will do.\n\nExample: lms-server enrol-codes rooms.csv --url "
        "https://lessons.example.org --out codes",
    )(enrol_codes)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What makes slips: url is how rooms reach this server, key its fingerprint, seconds how long a code is good."""

    catalog: Catalog
    url: str
    key: str
    seconds: float

    def slip(self, room: str, institution: str) -> Slip:
        code = self.catalog.rooms.make_code(room, institution, seconds=self.seconds)
        return Slip(self.url, code, room, institution, self.key, time.time() + self.seconds)


def enrol_code(
    context: typer.Context,
    room: str,
    *,
    data: Data = None,
    institution: Annotated[str, typer.Option(help="Bind the code to this institution too")] = "",
    hours: Annotated[float, typer.Option(min=0.01, max=336, help="How long it is good")] = CODE_SECONDS / 3600,
    url: Address = "",
    qr: Annotated[bool, typer.Option("--qr", help="Show all a room needs as a QR code; needs --url")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help=f"Write all a room needs to DIR/{NAME}, on a stick; needs --url")
    ] = None,
) -> None:
    if (qr or out) and not url:
        raise typer.BadParameter("Say with --url how the room reaches this server.")
    key = wire.thumbprint(keys.server_key(settings_of(context, data).keys))
    with catalog_of(context, data) as catalog:
        slip = _Desk(catalog, url.rstrip("/"), key, hours * 3600).slip(room.strip(), institution.strip())
    if out is not None:
        _write(out / NAME, slip)
        typer.echo(f"{out / NAME} lets one PC in as {room}, once, until {_until(slip)}.")
    if qr:
        segno.make(slip.text(), error="m").terminal(sys.stdout, compact=True)
    typer.echo(slip.code)


def enrol_codes(
    context: typer.Context,
    sheet: Annotated[Path, typer.Argument(help="A line for each room, as CSV.", show_default=False)],
    url: Address,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet, for the files")],
    *,
    data: Data = None,
    institution: Annotated[str, typer.Option(help="Of lines that name none")] = "",
    hours: Annotated[float, typer.Option(min=0.01, max=336, help="How long they are good")] = CARRIED,
    encoding: Annotated[str, typer.Option(help="How the sheet was saved [default: found out]")] = "",
) -> None:
    rooms = rooms_of(sheet.read_bytes(), encoding, institution)
    if out.exists():
        raise BadRequest("folder-there", f"{out} is there already; name a folder that is not.")
    key = wire.thumbprint(keys.server_key(settings_of(context, data).keys))
    with catalog_of(context, data) as catalog:
        desk = _Desk(catalog, url.rstrip("/"), key, hours * 3600)
        for (owner, name), folder in zip(rooms, _folders(rooms), strict=True):
            slip = desk.slip(name, owner)
            _write(out / folder / NAME, slip)
            typer.echo(f"{slip.code}  {out / folder / NAME}")
    typer.echo(f"{len(rooms)} rooms; each file lets one PC in, once, within {hours:g} hours.", err=True)


def rooms_of(content: bytes, encoding: str, institution: str) -> list[tuple[str, str]]:
    """(institution, name) of every line. Raises BadRequest with every mistake."""
    sheet = sheets.look(content, encoding, needed=("name",))
    found: dict[tuple[str, str], int] = {}
    for line in sheet.lines:
        key = (line["institution"] or institution, line["name"])
        if not line["name"]:
            sheet.flaws.add(line.number, "every room needs a name.", sheet.column("name"))
        elif len(line["name"]) > 200 or len(key[0]) > 200:
            sheet.flaws.add(line.number, "a name has at most 200 characters.", sheet.column("name"))
        elif key in found:
            sheet.flaws.add(line.number, f"the room is in line {found[key]} already.", sheet.column("name"))
        found.setdefault(key, line.number)
    sheet.flaws.check()
    return list(found)


def _folders(rooms: Sequence[tuple[str, str]]) -> list[Path]:
    """A folder for each, with a number where two names would make the same."""
    found: dict[Path, None] = {}
    for owner, name in rooms:
        plain = Path(*filter(None, [file_name(owner), file_name(name) or "room"]))
        numbers = (plain.with_name(f"{plain.name}-{number}") for number in range(2, len(rooms) + 2))
        found[next(each for each in (plain, *numbers) if each not in found)] = None
    return list(found)


def _write(file: Path, slip: Slip) -> None:
    """For its owner's eyes, where the file system knows owners."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(slip.text() + "\n")
        out.flush()
        os.fsync(out.fileno())


def _until(slip: Slip) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(slip.expires))
