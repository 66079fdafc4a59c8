"""A sheet of rooms becomes their room.toml files: all of them, or none and every mistake of the whole sheet at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from appliance import config
from appliance.dumping import as_file, without_login
from appliance.errors import ConfigError
from appliance.sentences import Mistake, did_you_mean, keys_of
from appliance.targets import TargetTable
from drivers import registry
from drivers.errors import DriverError
from lms_server.catalog import sheets
from lms_sync.wire.slip import file_name
from provisioning.layers import LISTED, Profiles, Room, merged, on_profile, told_secrets

MOST_ROOMS = 20_000
SHORT = {"name": ("room", "name"), "institution": ("room", "institution"), "language": ("room", "language")}
"""Columns with a name of their own, and the key that each is."""
SERVER = {"server": ("server", "url")}
NAMED = {**SHORT, **SERVER}
OTHERS = ("profile", "file", "pc")
NO, YES = frozenset({"no", "false", "0", "-"}), frozenset({"", "yes", "true", "1"})
_ONE_ROOMS_OWN = frozenset({"url", "substream", "mac"})
"""Keys of a device that no second room can have too: the sign of a line that was copied and not changed."""

_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """One room of a sheet. file: relative to the fleet's folder. pcs: serial numbers and network addresses of its PC,
    as an image's installer compares them."""

    line: int
    file: Path
    room: Room
    text: str
    pcs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    sheet: sheets.Sheet
    rooms: tuple[Made, ...]


def made(content: bytes, profiles: Profiles, *, encoding: str = "", profile: str = "") -> Fleet:
    """Every room of the sheet, merged and checked as the room itself will check it. profile: of lines that name none.

    Raises lms_server.errors.BadRequest with all mistakes, one a line, each with its line and column.
    """
    sheet = sheets.look(content, encoding, needed=("name",), told=MOST_ROOMS)
    columns, mistakes = _Columns(sheet), sheet.flaws
    for name, sentence in columns.wrong():
        mistakes.add(sheet.head, sentence, sheet.column(name))
    rooms, seen = [], _Seen(columns)
    for line in sheet.lines:
        room, wrong = _room(line, columns, profiles, profile)
        for column, sentence in [*wrong, *seen.twice(line, room)]:
            mistakes.add(line.number, sentence, sheet.column(column))
        heading = "Made by provision fleet; change the sheet or the profile, and make it again."
        text, pcs = as_file(room, heading), pcs_of(line["pc"])
        rooms.append(Made(line.number, file_of(room, line["file"]), room, text, pcs))
    mistakes.check()
    return Fleet(sheet, tuple(rooms))


def file_of(room: Room, named: str = "") -> Path:
    """INSTITUTION/ROOM.toml, by plain forms of both names. named: instead of the room's."""
    table = room.get("room", {})
    parts = [file_name(str(table.get("institution", ""))), file_name(named or str(table.get("name", ""))) or "room"]
    return Path(*filter(None, parts)).with_suffix(".toml")


def pcs_of(cell: str) -> tuple[str, ...]:
    """Which PC a room's is: serial numbers or network addresses (MAC), with commas between; in small letters without
    blanks, an address with colons."""
    found = ("".join(part.lower().split()) for part in cell.split(","))
    return tuple(part.replace("-", ":") if _MAC.fullmatch(part) else part for part in found if part)


class _Columns:
    """What each column of a sheet is a key of."""

    def __init__(self, sheet: sheets.Sheet) -> None:
        self._sheet = sheet
        found: dict[str, Place] = {}
        for name in sheet.columns:
            parts = tuple(name.split("."))
            if name in NAMED:
                found[name] = NAMED[name]
            elif name not in OTHERS and all(parts) and self._known(parts):
                found[name] = parts
        self.places = dict(sorted(found.items(), key=lambda each: _turn(each[1])))

    @staticmethod
    def _known(parts: Place) -> bool:
        if parts[0] in LISTED:
            return len(parts) in (2, 3)
        return len(parts) == 2 and parts[0] in config.Tables.model_fields

    def wrong(self) -> Iterator[tuple[str, str]]:
        for name in self._sheet.columns:
            if name not in self.places and name not in OTHERS:
                near = did_you_mean(name, [*NAMED, *OTHERS])
                yield name, f"there is no such column{near}; others are called as recorder.height or camera.front.url."

    def cells(self, line: sheets.Line) -> Iterator[tuple[str, Place, str]]:
        """What a line says of its own: the column, the key, the cell. An empty cell leaves the profile's value."""
        for column, place in self.places.items():
            if line[column]:
                yield column, place, line[column]

    def of(self, place: Place) -> str:
        """The column to which a mistake belongs; that of the profile when the sheet has none for it."""
        for length in range(len(place), 0, -1):
            for column, known in self.places.items():
                if tuple(part.lower() for part in place[:length]) == known:
                    return column
        return "profile"


def _turn(place: Place) -> int:
    """A driver of its own comes before its keys, for it takes nothing of the profile; and what is left out is left out
    last."""
    return 2 if place[0] in LISTED and len(place) == 2 else place[-1] != "driver"


def _room(line: sheets.Line, columns: _Columns, profiles: Profiles, usual: str) -> tuple[Room, list[tuple[str, str]]]:
    """The whole room of a line, and what is wrong with it: columns and sentences."""
    wrong: list[tuple[str, str]] = []
    if not line["name"]:
        wrong.append(("name", "every room needs a name."))
    named = line["profile"] or usual
    try:
        below = on_profile({"profile": named} if named else {}, profiles)
    except ConfigError as error:
        return _bare(line), [*wrong, ("profile", error.detail)]
    room = below
    for column, place, cell in columns.cells(line):
        try:
            room = merged(room, _of_cell(_as_written(place, room), cell, room))
        except ValueError as error:
            wrong.append((column, str(error)))
    wrong += [(columns.of(place), f"{said}.") for place, said in told_secrets(room)]
    # One for each key: of a value that is none of several things, each of them says so.
    keys = {mistake.place[:3]: mistake for mistake in reversed(check(room))}
    wrong += [(columns.of(place), _in_sheet(mistake)) for place, mistake in reversed(keys.items())]
    return room, wrong


def _bare(line: sheets.Line) -> Room:
    return {"room": {"name": line["name"], "institution": line["institution"]}}


def check(room: Room) -> list[Mistake]:
    """What the daemon would say of it, and of drivers that it would not find."""
    try:
        read = config.parse(as_file(room))
    except ConfigError as error:
        return [said if isinstance(said, Mistake) else Mistake(said) for said in error.facts.get("mistakes", [])] or [
            Mistake(error.detail)
        ]
    return [
        Mistake(device.problem.detail, device.kind, device.id, "driver")
        for device in read.devices
        if device.problem is not None
    ]


def _in_sheet(mistake: Mistake) -> str:
    """Without the number of a line of a file that nobody has yet."""
    said = str(mistake)
    return said.partition(", ")[2] if said.startswith("line ") else said


def _as_written(place: Place, room: Room) -> Place:
    """With the id as the room has it: the heads of columns are read without regard to capitals."""
    if place[0] not in LISTED:
        return place
    ids = {str(entry.get("id")).lower(): str(entry.get("id")) for entry in room.get(place[0], [])}
    return (place[0], ids.get(place[1], place[1]), *place[2:])


def _of_cell(place: Place, cell: str, room: Mapping[str, Any]) -> Room:
    """A cell as a room with nothing else in it. Raises ValueError with a sentence."""
    table, name, *key = place
    if table not in LISTED:
        model = config.Tables.model_fields[table].annotation
        return {table: {name: _value(model, name, cell)}}
    if not key:
        if cell.lower() not in NO | YES:
            raise ValueError(f"{cell!r} is neither yes nor no: whether the room has it.")
        return {table: [{"id": name, "absent": cell.lower() in NO}]}
    entry: Mapping[str, Any] = next((each for each in room.get(table, []) if each.get("id") == name), {})
    return {table: [{"id": name, key[0]: _value(_model(table, entry), key[0], cell)}]}


def _model(table: str, entry: Mapping[str, Any]) -> type[BaseModel] | None:
    if table == "target":
        return TargetTable
    try:
        return registry.load(table, str(entry.get("driver", ""))).Config
    except DriverError:
        return None  # the room's own check says so


def _value(model: object, key: str, cell: str) -> Any:
    """The cell as its key wants it: a number, yes or no, or text. What is none of what is wanted stays text, of which
    the room's own check says what is wrong."""
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return cell
    field = dict(zip(keys_of(model), model.model_fields.values(), strict=True)).get(key)
    if field is None or field.annotation is None or _takes_text(field.annotation):
        return cell
    with suppress(ValidationError):
        # Without the field's bounds, which are the room's own check to judge.
        return TypeAdapter(field.annotation).validate_strings(cell)
    with suppress(ValueError):
        return json.loads(cell)
    return cell


def _takes_text(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _takes_text(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return any(_takes_text(part) for part in get_args(kind))
    return kind is str


class _Seen:
    """What one line of a sheet may not have because another has it."""

    def __init__(self, columns: _Columns) -> None:
        self._columns = columns
        self._files: dict[Path, int] = {}
        self._values: dict[tuple[Place, Any], int] = {}
        self._pcs: dict[str, int] = {}

    def twice(self, line: sheets.Line, room: Room) -> Iterator[tuple[str, str]]:
        file = file_of(room, line["file"])
        before = self._files.setdefault(file, line.number)
        if before != line.number and line["name"]:
            said = f"{str(file)!r} is the file of line {before} already; name the room otherwise, or add a column file."
            yield "file" if line["file"] else "name", said
        for pc in pcs_of(line["pc"]):
            before = self._pcs.setdefault(pc, line.number)
            if before != line.number:
                yield "pc", f"line {before} has {pc} already."
        for column, place in self._columns.places.items():
            if len(place) == 3 and place[2] in _ONE_ROOMS_OWN and line[column]:
                before = self._values.setdefault((place[:1] + place[2:], line[column]), line.number)
                if before != line.number:
                    yield column, f"line {before} has {without_login(line[column])} already."


def read_all(folder: Path) -> dict[Path, str]:
    """The fleet that is there: every room's text by its file. Raises ConfigError, OSError."""
    found: dict[Path, str] = {}
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; name another with --out.")
    for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if file.is_dir():
            continue
        if file.suffix != ".toml":
            said = f"{file} is no room's file; give the fleet a folder of its own"
            raise ConfigError(f"{said}, such as {folder / 'rooms'}.")
        found[file.relative_to(folder)] = file.read_text()
    return found
