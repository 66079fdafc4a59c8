"""What an image carries for its rooms, checked before anything is written.

Every mistake that a room would find out in its classroom is found here: a room.toml with a mistake, a code that is
over, a package of another program or machine.
"""

from __future__ import annotations

import subprocess
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import config
from appliance.errors import ConfigError
from lms_sync.wire.slip import LARGEST, NAME, BadSlip, Slip
from provisioning.imaging.access import Access
from provisioning.imaging.errors import CannotImage
from provisioning.updating import trust
from provisioning.updating.errors import UpdateError

if TYPE_CHECKING:
    from provisioning.fleet import Fleet  # reads sheets as the server does

INSTALL = Path(__file__).with_name("install.sh")
OURS = ("darsbox-room", "darsbox-server")
_AR = b"!<arch>\n"


@dataclass(frozen=True, slots=True)
class Deb:
    """A Debian package. when: Unix seconds at which it was built, as it says itself."""

    file: Path
    name: str
    architecture: str
    version: str
    when: int


@dataclass(frozen=True, slots=True)
class Aboard:
    """files: of our folder on the medium, by path. until: Unix seconds when the first code is over; None without codes.
    rooms, codes: how many."""

    files: Mapping[str, bytes | Path]
    architecture: str
    when: int
    rooms: int = 0
    codes: int = 0
    until: float | None = None
    hostname: str = "darsbox"


@dataclass(slots=True)
class _Rooms:
    """Files of rooms, and which PC each is for."""

    files: dict[str, bytes | Path] = field(default_factory=dict)
    index: list[str] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)

    def add(self, folder: str, text: str, slip: Slip | None, pcs: Sequence[str] = ()) -> str:
        room = config.parse(text).room
        host = host_of(room.name)
        self.files[f"rooms/{folder}/room.toml"] = text.encode()
        self.files[f"rooms/{folder}/hostname"] = f"{host}\n".encode()
        if slip is not None:
            self.files[f"rooms/{folder}/{NAME}"] = f"{slip.text()}\n".encode()
            self.slips.append(slip)
        self.index += [f"{pc} {folder}\n" for pc in pcs]
        return host


def aboard(
    debs: Sequence[Path],
    access: Access,
    *,
    room: Path | None = None,
    fleet: Fleet | None = None,
    enrolment: Path | None = None,
    secrets: Path | None = None,
    update_root: Path | None = None,
    ours: Sequence[str] = ("darsbox-room",),
    now: float | None = None,
) -> Aboard:
    """Everything, or every reason why not. ours: which of our packages it may be. Raises CannotImage."""
    packages = [deb_of(file) for file in debs]
    mine = [deb for deb in packages if deb.name in ours]
    if len(mine) != 1:
        named = ", ".join(deb.name for deb in packages)
        raise CannotImage(f"--deb must name one package {' or '.join(ours)}, as make package makes it, not {named}.")
    for deb in packages:
        if deb.architecture not in (mine[0].architecture, "all"):
            raise CannotImage(f"{deb.file} is for {deb.architecture} machines, and {mine[0].file} is not.")
    files: dict[str, bytes | Path] = {"install.sh": INSTALL, **dict(_of(access))}
    files |= {f"packages/{deb.file.name}": deb.file for deb in packages}
    codes = slips(enrolment, time.time() if now is None else now) if enrolment is not None else {}
    rooms, host = _Rooms(), "darsbox"
    if room is not None:
        text = _text(room)
        host = rooms.add("default", text, _of_room(config.parse(text).room.name, codes))
    elif fleet is not None:
        _add_fleet(rooms, fleet, codes)
    elif codes:
        raise CannotImage("An enrolment file is for a room of its own: give --room or --fleet, too.")
    if rooms.index:
        rooms.files["rooms/index"] = "".join(rooms.index).encode()
    files |= rooms.files
    if secrets is not None:
        files |= {f"secrets/{file.name}": file for file in _plain_files(secrets)}
    if update_root is not None:
        files["update-root.json"] = _root(update_root)
    return Aboard(
        dict(sorted(files.items())),
        mine[0].architecture,
        mine[0].when,
        rooms=sum(path.endswith("/room.toml") for path in rooms.files),
        codes=len(rooms.slips),
        until=min((slip.expires for slip in rooms.slips), default=None),
        hostname=host,
    )


def _of(access: Access) -> Iterable[tuple[str, bytes]]:
    yield "admin", access.admin.encode() + b"\n"
    if access.keys:
        yield "authorized_keys", access.keys.encode()
    if not access.password_hash:
        yield "admin-has-no-password", b""


def _add_fleet(rooms: _Rooms, fleet: Fleet, codes: Mapping[tuple[str, str], Slip]) -> None:
    nameless = [f"line {made.line}, column pc: " for made in fleet.rooms if not made.pcs]
    if nameless:
        said = "which PC it is must be said: its serial number, or a network address of it."
        raise CannotImage("\n".join(f"{line}{said}" for line in nameless))
    for number, made in enumerate(fleet.rooms, 1):
        table = made.room.get("room", {})
        slip = codes.get((str(table.get("institution", "")), str(table["name"]))) or codes.get(("", str(table["name"])))
        rooms.add(f"{number:05}", made.text, slip, made.pcs)


def _text(room: Path) -> str:
    """A room.toml that the room itself would take, as it stands. Passwords that are in files are not asked for: they
    are the room's. Raises CannotImage."""
    try:
        text = room.read_text()
        loaded = config.parse(text)
    except ConfigError as error:
        raise CannotImage("\n".join(f"{room}: {line}" for line in error.detail.splitlines())) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CannotImage(f"{room} cannot be read; it is to be a room.toml.") from error
    wrong = [f"{room}: {device.problem.detail}" for device in loaded.devices if device.problem is not None]
    if wrong:
        raise CannotImage("\n".join(wrong))
    return text


def _of_room(name: str, codes: Mapping[tuple[str, str], Slip]) -> Slip | None:
    """Raises CannotImage when there are codes, and none for this room."""
    found = next((slip for (_, of), slip in codes.items() if of == name), None)
    if found is None and codes:
        others = ", ".join(sorted(of for _, of in codes))
        raise CannotImage(f"The enrolment file is for {others}, and the room is {name}; make one for it on the server.")
    return found


def slips(place: Path, now: float) -> dict[tuple[str, str], Slip]:
    """Enrolment files by institution and room: one file, or all in a folder. Raises CannotImage."""
    files = sorted(place.rglob(NAME)) if place.is_dir() else [place]
    if not files:
        raise CannotImage(f"There is no {NAME} in {place}; make it with: lms-server enrol-codes")
    found: dict[tuple[str, str], Slip] = {}
    for file in files:
        try:
            with file.open("rb") as opened:
                slip = Slip.read(opened.read(LARGEST + 1))
        except BadSlip as error:
            raise CannotImage(f"{file}: {error}") from error
        except OSError as error:
            raise CannotImage(f"{file} cannot be read: {error.strerror}.") from error
        if slip.expires <= now:
            raise CannotImage(
                f"{file}: the code was good until {shown(slip.expires)}; make a new one on the server, good for some "
                f"days: lms-server enrol-code '{slip.room}' --url {slip.server} --hours 72 --out DIR"
            )
        found[slip.institution, slip.room] = slip
    return found


def deb_of(file: Path) -> Deb:
    """Raises CannotImage."""
    try:
        with file.open("rb") as opened:
            head = opened.read(68)
        if not head.startswith(_AR):
            raise CannotImage(f"{file} is no Debian package; make it with: make package")
        done = subprocess.run(
            ["dpkg-deb", "--showformat", "${Package}\n${Architecture}\n${Version}\n", "--show", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise CannotImage(f"{error.filename} cannot be used: {error.strerror}.") from error
    found = done.stdout.splitlines()
    if done.returncode or len(found) != 3:
        raise CannotImage(f"{file} is a damaged Debian package; make it anew with: make package")
    name, architecture, version = found
    # The first member's time, in ar's header: sixteen bytes of name, then twelve of time.
    return Deb(file, name, architecture, version, int(head[24:36] or 0))


def _plain_files(folder: Path) -> list[Path]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise CannotImage(f"{folder} cannot be read: {error.strerror}.") from error
    if not all(file.is_file() and file.name.isascii() and " " not in file.name for file in files):
        raise CannotImage(f"{folder} is to hold nothing but files with passwords, with plain names.")
    return files


def _root(file: Path) -> bytes:
    try:
        data = trust.anchor_at(file)
        trust.check_anchor(data)
    except UpdateError as error:
        raise CannotImage(f"{file} is no root.json of somebody who makes updates.") from error
    return data


def host_of(name: str) -> str:
    """A room's name as that of its machine in the network: at most 63 small letters of ASCII, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "".join(sign if sign.isalnum() else " " for sign in plain).split()
    return "-".join(words)[:63].strip("-") or "room"


def shown(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
