"""``provision image usb`` and ``provision image cloud-init``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from provisioning.imaging import answers, cloud, cpio, iso, menus
from provisioning.imaging.aboard import OURS, Aboard, aboard, host_of, shown
from provisioning.imaging.access import Access, access
from provisioning.imaging.errors import CannotImage
from provisioning.layers import OWN, Profiles
from provisioning.progress import complain, say

SCRIPT = Path(__file__).with_name("installer.sh")

image = typer.Typer(
    no_args_is_help=True,
    help="A USB stick that makes rooms by itself, and a seed for cloud-init.\n\n"
    "Example: provision image usb --iso debian-12.12.0-amd64-netinst.iso --deb darsbox-room_1.4.0_amd64.deb "
    "--room amphi-a.toml --enrolment codes/amphi-a --time-zone Africa/Tunis --ssh-key it.pub --out amphi-a.iso",
)

Debs = Annotated[
    list[Path], typer.Option("--deb", metavar="FILE", help="Our package; more, for packages no mirror has to give.")
]
Zone = Annotated[str, typer.Option("--time-zone", metavar="ZONE", help="Of the room, such as Africa/Tunis.")]
RoomFile = Annotated[Path | None, typer.Option("--room", metavar="FILE", help="The room's whole room.toml.")]
Enrolment = Annotated[
    Path | None, typer.Option(metavar="PATH", help="The room's darsbox-enrol.json, or a folder with those of rooms.")
]
SecretFiles = Annotated[
    Path | None, typer.Option("--secrets", metavar="DIR", help="Files for /etc/darsbox/secrets, such as of cameras.")
]
UpdateRoot = Annotated[
    Path | None, typer.Option("--update-root", metavar="FILE", help="The root.json of whose updates the room takes.")
]
Admin = Annotated[str, typer.Option(help="Who may log in, and become root by sudo.")]
Keys = Annotated[Path | None, typer.Option("--ssh-key", metavar="FILE", help="The admin's public SSH keys.")]
Hash = Annotated[
    Path | None, typer.Option("--password-hash", metavar="FILE", help="The admin's, as openssl passwd -6 prints it.")
]
Locale = Annotated[str, typer.Option(help="Of the system; the panel's language is the room's.")]


@image.command(
    help="Debian's installer as an image for a stick or a CD, which asks nothing: it wipes the PC's disk, never one "
    "with lessons, and installs Debian and the room, which enrols itself.\n\n"
    "Without --room and --fleet the room is set up on its panel.\n\n"
    "Example: provision image usb --iso debian-12.12.0-amd64-netinst.iso --deb darsbox-room_1.4.0_amd64.deb --fleet "
    "rooms.csv --enrolment codes --time-zone Africa/Tunis --ssh-key it.pub --out rooms.iso"
)
def usb(
    *,
    installer: Annotated[Path, typer.Option("--iso", metavar="FILE", help="Debian 12's netinst, or a larger one.")],
    debs: Debs,
    zone: Zone,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The image to write.")],
    room: RoomFile = None,
    fleet: Annotated[
        Path | None, typer.Option(metavar="SHEET", help="Many rooms, by the column pc: a serial number or MAC.")
    ] = None,
    own: Annotated[Path, typer.Option("--profiles", metavar="DIR", help="Profiles of your own, for --fleet.")] = OWN,
    enrolment: Enrolment = None,
    secrets: SecretFiles = None,
    update_root: UpdateRoot = None,
    admin: Admin = "it",
    ssh_key: Keys = None,
    password_hash: Hash = None,
    locale: Locale = "en_US.UTF-8",
    keyboard: Annotated[str, typer.Option(help="As us, fr or ara.")] = "us",
    disk: Annotated[answers.Disk, typer.Option(help="Where there are several; only: none of them.")] = "only",
    mirror: Annotated[str, typer.Option(help="Of Debian's packages [default: as the installer chooses]")] = "",
    proxy: Annotated[str, typer.Option(help="On the way to the mirror.")] = "",
    boot: Annotated[str, typer.Option(help="More words for Linux, such as nomodeset.")] = "",
) -> None:
    with _sentences():
        wishes = answers.Wishes(zone, locale, keyboard, mirror, proxy, disk, boot)
        wishes.check()
        who = _access(admin, ssh_key, password_hash)
        taken = _aboard(
            debs,
            who,
            room=room,
            sheet=fleet,
            own=own,
            enrolment=enrolment,
            secrets=secrets,
            update_root=update_root,
        )
        debian = iso.look(installer)
        if debian.architecture != taken.architecture:
            raise CannotImage(
                f"{installer} is for {debian.architecture} machines, and the package for {taken.architecture}: "
                "take both for the same."
            )
        when = iso.moment(taken.when)
        said = answers.preseed(wishes, who, taken.hostname).encode()
        first = {"preseed.cfg": said, "darsbox/installer.sh": SCRIPT.read_bytes(), "darsbox/disk": f"{disk}\n".encode()}
        changes: dict[str, bytes | Path] = {f"/darsbox/{path}": data for path, data in taken.files.items()}
        changes[menus.ADDED] = cpio.archive(first, when)
        if debian.isolinux:
            changes[debian.isolinux] = menus.isolinux(debian.kernel, debian.initrd, boot).encode()
        if debian.grub:
            changes[debian.grub] = menus.grub(debian.kernel, debian.initrd, boot).encode()
        iso.remaster(debian, changes, out, when)
        say(f"{out}: {_about(taken)}")
        say(
            f"A PC that starts from it is wiped {menus.SECONDS} s after the menu, unless there are lessons on its disk."
        )
        _tell_secrets(taken)


@image.command(
    "cloud-init",
    help="What cloud-init wants, for a room or a server on a cloud image or in a virtual machine: a disk labelled "
    "CIDATA (--out FILE.iso), or the files of one (--out DIR).\n\n"
    "Example: provision image cloud-init --deb darsbox-server_1.4.0_amd64.deb --time-zone Africa/Tunis "
    "--ssh-key it.pub --out seed.iso",
)
def cloud_init(
    *,
    debs: Debs,
    zone: Zone,
    out: Annotated[Path, typer.Option(metavar="PATH", help="FILE.iso, or a folder.")],
    room: RoomFile = None,
    enrolment: Enrolment = None,
    secrets: SecretFiles = None,
    update_root: UpdateRoot = None,
    hostname: Annotated[str, typer.Option(help="Of the machine [default: the room's name]")] = "",
    admin: Admin = "it",
    ssh_key: Keys = None,
    password_hash: Hash = None,
    locale: Locale = "en_US.UTF-8",
) -> None:
    with _sentences():
        wishes = answers.Wishes(zone, locale)
        wishes.check()
        who = _access(admin, ssh_key, password_hash)
        taken = _aboard(debs, who, room=room, enrolment=enrolment, secrets=secrets, update_root=update_root, ours=OURS)
        files = cloud.seed(taken.files, wishes, who, host_of(hostname) if hostname else taken.hostname)
        if out.suffix == ".iso":
            iso.small(files, cloud.LABEL, out, iso.moment(taken.when))
        else:
            iso.folder(files, out, iso.moment(taken.when))
        say(f"{out}: {_about(taken)}")
        _tell_secrets(taken)


def _access(admin: str, ssh_key: Path | None, password_hash: Path | None) -> Access:
    keys, hashed = ("" if file is None else _text(file) for file in (ssh_key, password_hash))
    return access(admin, keys, hashed)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotImage(f"{file} cannot be read as text.") from error


def _aboard(
    debs: Sequence[Path],
    who: Access,
    *,
    room: Path | None,
    enrolment: Path | None,
    secrets: Path | None,
    update_root: Path | None,
    sheet: Path | None = None,
    own: Path = OWN,
    ours: Sequence[str] = ("darsbox-room",),
) -> Aboard:
    """Raises CannotImage."""
    fleet = None
    if sheet is not None:
        from lms_server.errors import ServerError  # noqa: PLC0415 - as below
        from provisioning.fleet import made  # noqa: PLC0415 - reads sheets as the server does

        if room is not None:
            raise CannotImage("Give --room for one room or --fleet for many, not both.")
        try:
            fleet = made(sheet.read_bytes(), Profiles(own))
        except ServerError as error:
            raise CannotImage(error.detail.replace("Nothing was changed.", "Nothing was written.")) from error
        except OSError as error:
            raise CannotImage(f"{sheet} cannot be read: {error.strerror}.") from error
    return aboard(
        debs,
        who,
        room=room,
        fleet=fleet,
        enrolment=enrolment,
        secrets=secrets,
        update_root=update_root,
        ours=ours,
    )


def _about(taken: Aboard) -> str:
    if not taken.rooms:
        return "without a room's file; a room is set up on its panel."
    if taken.rooms == 1:
        return f"1 room, {'with' if taken.codes else 'without'} a code."
    return f"{taken.rooms} rooms, {taken.codes} of them with a code."


def _tell_secrets(taken: Aboard) -> None:
    if taken.until is None:
        say("Keep it as you keep passwords: who may log in is in it.")
        return
    hours = (taken.until - time.time()) / 3600
    say(
        f"Its codes let each one PC in, once, until {shown(taken.until)} ({hours:.0f} h): keep it as you keep "
        "passwords, and wipe the stick afterwards."
    )


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except CannotImage as error:
        complain(str(error))
        raise typer.Exit(1) from error
