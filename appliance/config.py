"""room.toml as typed, frozen models: what a room is, and which devices it has.

Every key has a default that suits a poor room, so an empty file is a valid room without devices. Whatever is not
understood is refused: all mistakes at once, one plain sentence a line, each with its place and a near name if there
is one. A device whose driver is not on this machine is no mistake of the file: it is carried along with its
``problem`` and never stops the room from starting.
"""

from __future__ import annotations

import ipaddress
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from appliance import scenes
from appliance.addresses import web_address
from appliance.dumping import as_toml
from appliance.errors import ConfigError
from appliance.scenes import ScenesTable
from appliance.schedule import SelftestTable, TimetableTable
from appliance.secret_files import NoSecret, Secrets
from appliance.sentences import Mistake, did_you_mean, keys_of, sentence, sentences, shown
from appliance.targets import TargetTable
from appliance.thresholds import JudgeTable
from appliance.uplink import HoursRow, SyncTable
from drivers import registry
from drivers.errors import AuthFailed, DriverError
from drivers.protocols import DriverConfig, DriverModule

Language = Literal["en", "fr", "ar", "ur", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEVICE_KINDS = ("camera", "microphone", "panel", "ptz", "indicator", "input")
SOURCE_KINDS = ("camera", "microphone")
MAX_BYTES = 1 << 20
"""A room.toml is some hundred bytes; a larger file is not one."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_RESERVED_IDS = frozenset({"receipts", "renditions", "targets"})
"""Folders of a lesson beside those of its sources."""


def _loopback(host: str) -> str:
    if host != "localhost" and not _is_loopback(host):
        raise ValueError("must be this machine's own, such as 127.0.0.1: the panel's API is not for the network")
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Table(BaseModel):
    """Base of every table: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RoomTable(Table):
    name: str = Field("Classroom", min_length=1, max_length=100)
    institution: str = Field("", max_length=200)
    language: Language = "en"
    profile: str = Field("", max_length=100)
    """What `provision` made it of; the room itself does not look at it."""


class ServerTable(Table):
    url: Annotated[str, AfterValidator(web_address)] | None = None
    """Where lessons go; without one they are kept here."""


class RecorderTable(Table):
    fragment_seconds: float = Field(0.25, ge=0.1, le=0.5)
    """What is made durable at once, and so what a power cut may cost."""
    height: int = Field(720, ge=120, le=2160, multiple_of=2)
    """Lines of a picture that must be encoded here; a camera's own H.264 is recorded as it comes."""
    fps: int = Field(25, ge=1, le=60)
    crf: int = Field(23, ge=10, le=40)
    max_kbit: int = Field(2500, ge=100, le=50_000)
    audio_kbit: int = Field(96, ge=16, le=320)
    max_hours: float = Field(6.0, gt=0, le=24)
    """A lesson that nobody stops ends by itself."""
    resume_minutes: float = Field(30.0, ge=0, le=24 * 60)
    """A lesson cut off by a power failure goes on by itself if the room is back within this time."""
    pre_roll_seconds: int = Field(0, ge=0, le=60)
    """Of the time before Start, held in memory while the room waits, and the lesson's beginning; 0: the room does not
    listen before Start."""
    undo_seconds: int = Field(30, ge=0, le=120)
    """For so long a Stop on the panel can be undone; meanwhile what comes is held in memory, and dropped after it."""
    ffmpeg: str = ""
    """Path of the FFmpeg to use; empty: the machine's own, else the one that comes with the program."""
    hardware: bool = True
    """Encode with the machine's graphics hardware if a trial proves that it works."""
    renditions: bool = True
    """Make the small forms of a lesson (poster, slidecast, proxy) after it, while nothing is recorded."""


class DiskTable(Table):
    reserve_percent: float = Field(2.0, ge=0, le=50)
    """Never filled by recordings: the ledger and the log need it."""
    warn_hours: float = Field(4.0, ge=0)
    keep_free_percent: float = Field(15.0, ge=0, le=95)
    """Below this, takes that the server has signed for are removed here, oldest first."""


class ApiTable(Table):
    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    port: int = Field(8400, ge=0, le=65535)


@dataclass(frozen=True, slots=True)
class Device:
    """One device table. config and module are None when there is no such driver here, and problem says why."""

    kind: str
    id: str
    driver: str
    label: str
    config: DriverConfig | None = None
    module: DriverModule | None = None
    problem: DriverError | None = None


class Tables(Table):
    """room.toml without its devices."""

    room: RoomTable = RoomTable()
    server: ServerTable = ServerTable()
    recorder: RecorderTable = RecorderTable()
    judge: JudgeTable = JudgeTable()
    selftest: SelftestTable = SelftestTable()
    disk: DiskTable = DiskTable()
    sync: SyncTable = SyncTable()
    timetable: TimetableTable = TimetableTable()
    scenes: ScenesTable = ScenesTable()
    api: ApiTable = ApiTable()


@dataclass(frozen=True, slots=True)
class Config:
    """A whole room.toml; devices by kind, in the order of the file, which is that of preference."""

    tables: Tables
    devices: tuple[Device, ...] = ()
    targets: tuple[TargetTable, ...] = ()
    file: Path | None = None

    @property
    def room(self) -> RoomTable:
        return self.tables.room

    @property
    def server(self) -> ServerTable:
        return self.tables.server

    @property
    def sources(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.kind in SOURCE_KINDS)

    def dump(self) -> str:
        """What is in force, as TOML, defaults included and secrets masked."""
        blocks = [as_toml(f"[{name}]", table) for name, table in self.tables.model_dump(mode="json").items()]
        blocks += [as_toml("[[target]]", target.model_dump(mode="json")) for target in self.targets]
        for device in self.devices:
            body = (
                device.config.model_dump(mode="json") if device.config else {"id": device.id, "driver": device.driver}
            )
            note = f"# {device.problem.detail}\n" if device.problem else ""
            blocks.append(note + as_toml(f"[[{device.kind}]]", body))
        return "\n".join(blocks)


def load(path: Path) -> Config:
    """Read room.toml. Raises ConfigError with every mistake, one a line."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {path}; write one, or name another with --config.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than 1 MiB, so it is no room.toml.")
    try:
        return replace(parse(data.decode(), Secrets(path.absolute().parent)), file=path)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8.") from error


def listening(table: ApiTable, host: str | None, port: int | None) -> ApiTable:
    """Where to listen, when the command line may have another wish than the file. Raises ConfigError."""
    wish = {"host": table.host if host is None else host, "port": table.port if port is None else port}
    try:
        return ApiTable.model_validate(wish, strict=True)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{said}." for said in sentences(error, ApiTable))) from error


def parse(text: str, secrets: Secrets = Secrets(None)) -> Config:  # noqa: B008  it holds nothing that changes
    """Without secrets, none is looked at. Raises ConfigError with every mistake, one a line; ``mistakes`` has them with
    their places."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"room.toml is not TOML: {error}.", mistakes=[str(error)]) from error
    mistakes: list[Mistake] = []
    if isinstance(raw.get("profile"), str):
        said = f'This is only what a room has of its own, on top of the profile "{raw["profile"]}"'
        raise ConfigError(f"{said}; make the whole room.toml of it: provision show FILE --out room.toml")
    device_tables = {kind: raw.pop(kind) for kind in DEVICE_KINDS if kind in raw}
    targets = tuple(_targets(raw.pop("target", []), secrets, mistakes))
    tables = Tables()
    try:
        tables = Tables.model_validate_json(_json(raw), strict=True)
    except ValidationError as error:
        mistakes += _mistakes_of_tables(error, text)
    devices = tuple(_devices(device_tables, secrets, mistakes))
    mistakes += _twice(devices)
    mistakes += _blind(devices)
    mistakes += (Mistake(said, "scenes") for said in scenes.mistakes(tables.scenes, devices, text))
    if mistakes:
        raise ConfigError("\n".join(mistakes), mistakes=mistakes)
    return Config(tables, devices, targets)


def _targets(entries: object, secrets: Secrets, mistakes: list[Mistake]) -> Iterator[TargetTable]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        said = "[target] must be written with two brackets, [[target]], once for each target."
        mistakes.append(Mistake(said, "target"))
        return
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        try:
            target = TargetTable.model_validate_json(_json(secrets.filled(entry)), strict=True)
        except ValidationError as error:
            wrong = sentences(error, TargetTable)
            place = ("target", entry.get("id", number))
            mistakes += [Mistake(f"[[target]] number {number}: {said}.", *place, *said.place) for said in wrong]
            continue
        except NoSecret as error:
            mistakes.append(Mistake(f"[[target]] number {number}: {error}.", "target", entry.get("id", number)))
            continue
        if target.id in seen:
            said = f'[[target]] number {number}: the id "{target.id}" is used twice.'
            mistakes.append(Mistake(said, "target", target.id, "id"))
        seen.add(target.id)
        yield target


def _json(value: object) -> str:
    """TOML's values as JSON: strict JSON validation takes lists for tuples and text for paths, and nothing else."""
    return json.dumps(value, default=str)


# -- devices


def _devices(tables: Mapping[str, Any], secrets: Secrets, mistakes: list[Mistake]) -> Iterator[Device]:
    for kind, entries in tables.items():
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            said = f"[{kind}] must be written with two brackets, [[{kind}]], once for each {kind}."
            mistakes.append(Mistake(said, kind))
            continue
        for number, entry in enumerate(entries, start=1):
            whole = {"id": f"{kind}-{number}", **entry}
            device = _device(kind, whole, secrets, _Place(kind, number, whole["id"], mistakes))
            if device is not None:
                yield device


@dataclass(frozen=True, slots=True)
class _Place:
    """One device's table, for whoever finds a mistake in it."""

    kind: str
    number: int
    name: object
    mistakes: list[Mistake]

    def wrong(self, said: str, *key: object, named: bool = True) -> None:
        name = f' ("{self.name}")' if named else ""
        sentence = f"[[{self.kind}]] number {self.number}{name}: {said}."
        self.mistakes.append(Mistake(sentence, self.kind, self.name, *key))


def _named(entry: Mapping[str, Any], place: _Place) -> tuple[str, str] | None:
    """The id and the driver of a device's table; None where one of them is wrong, which is then told."""
    name, driver = entry["id"], entry.get("driver")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        said = f"{shown(name)} is no plain name; an id has up to 40 letters, digits, dashes and underscores, and begins"
        place.wrong(f"{said} with a letter or a digit", "id", named=False)
    elif name.lower() in _RESERVED_IDS:
        place.wrong(f'the id "{name}" is taken by a folder of every lesson; choose another', "id")
    elif driver is None:
        place.wrong('the key "driver" is missing', "driver")
    elif not isinstance(driver, str):
        place.wrong(f'"driver" must be text in quotes, not {shown(driver)}', "driver")
    else:
        return name, driver
    return None


def _device(kind: str, entry: dict[str, Any], secrets: Secrets, place: _Place) -> Device | None:
    named = _named(entry, place)
    if named is None:
        return None
    name, driver = named
    label = entry.get("label", "")
    label = label if isinstance(label, str) else ""
    try:
        module = registry.load(kind, driver)
        config = module.Config.model_validate_json(_json(secrets.filled(entry)), strict=True)
    except NoSecret as error:
        # A camera whose password is not there is dark; the others record.
        return Device(kind, name, driver, label, problem=AuthFailed("no-secret", f"{error}."))
    except DriverError as error:
        return Device(kind, name, driver, label, problem=error)
    except ValidationError as error:
        for mistake in sentences(error, module.Config):
            place.wrong(mistake, *mistake.place)
        return None
    return Device(kind, name, driver, config.label or name, config, module)


def _twice(devices: Iterable[Device]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for device in devices:
        if device.id.lower() in seen:
            said = f'[[{device.kind}]]: the id "{device.id}" is used twice; every device needs its own.'
            yield Mistake(said, device.kind, device.id, "id")
        seen.add(device.id.lower())


def _blind(devices: Iterable[Device]) -> Iterator[Mistake]:
    """Cameras that turn whose picture is that of no camera."""
    devices = list(devices)
    cameras = [device.id for device in devices if device.kind == "camera"]
    for device in devices:
        camera = getattr(device.config, "camera", "")
        if camera and camera not in cameras:
            near = did_you_mean(camera, cameras)
            said = f'[[{device.kind}]] "{device.id}", camera: there is no camera "{camera}"{near}.'
            yield Mistake(said, device.kind, device.id, "camera")


# -- sentences


def _mistakes_of_tables(error: ValidationError, text: str) -> Iterator[Mistake]:
    for item in error.errors():
        table, *inner = item["loc"]
        yield Mistake(_of_table(item, str(table), inner, text), *item["loc"])


def _of_table(item: Mapping[str, Any], table: str, inner: list[int | str], text: str) -> str:
    if table == "scenes" and (step := scenes.step_of(inner)) is not None:
        name, number, key = step
        return scenes.mistake(text, name, number, str(key[0]), sentence(item, key, scenes.SceneStep.model_fields))
    if table == "sync" and len(inner) > 1:
        key = inner[2:] or (inner[:1] if item["type"] != "value_error" else [])
        return f"[sync] {inner[0]} number {int(inner[1]) + 1}: {sentence(item, key, keys_of(HoursRow))}."
    if inner:
        field = Tables.model_fields[table].annotation
        known = keys_of(field) if isinstance(field, type) and issubclass(field, BaseModel) else ()
        return f"[{table}]: {sentence(item, inner, known)}."
    if item["type"] == "extra_forbidden":
        near = did_you_mean(table, [*Tables.model_fields, "target", *DEVICE_KINDS])
        return f"room.toml has the unknown table [{table}]{near}."
    return f"[{table}] must be a table, a line [{table}] with its keys below it."
