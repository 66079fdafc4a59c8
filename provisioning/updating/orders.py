"""``provision update``: of a room, and of whoever makes updates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appliance.spool import wanted
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool, write_atomically
from lms_sync import identity
from provisioning import slots
from provisioning.progress import complain, say
from provisioning.updating import trust, waiting
from provisioning.updating.bundle import kind_here
from provisioning.updating.errors import NotNow, Unreachable, UpdateError
from provisioning.updating.fetching import Wheelhouse
from provisioning.updating.installing import Installer
from provisioning.updating.link import Free, RoomLink
from provisioning.updating.publishing import Publisher, make_keys, wheels_in
from provisioning.updating.services import Systemd
from provisioning.updating.sources import Folder, Source, Web

SPOOL = Path("/var/lib/darsbox/spool")
PACKAGED = Path("/usr/lib/darsbox/room/wheelhouse")
"""Wheels that came with the package."""

update = typer.Typer(
    no_args_is_help=True,
    help="New versions of Darsbox, signed, tried, and taken back if they fail.\n\n"
    "Example: provision update apply --from /media/stick/updates",
)
Root = Annotated[Path, typer.Option(help="Where the versions lie.")]
Spool_ = Annotated[Path, typer.Option("--spool", help="The room's spool.")]
Anchor = Annotated[Path, typer.Option(help="The root.json of whoever makes the updates.")]
Keys = Annotated[Path, typer.Option(help="Folder of the keys.")]


@update.command(
    help="What the timer does: the version that the server wants, if it may be now.\n\nExample: provision update run"
)
def run(root: Root = slots.ROOT, spool: Spool_ = SPOOL, anchor: Anchor = trust.ANCHOR) -> None:
    with _sentences(patient=True):
        installer = Installer(root, spool, Systemd())
        with installer.alone():
            say(installer.settle())
            version = wanted.read(Spool(spool))
            if not version:
                say("The server wants no other version here.")
            if version in ("", slots.current(root)):
                waiting.clear(installer.folder)
                return
            said = installer.journal()
            if version == said.bad:
                # No failure of the timer's, twice an hour for weeks: the server sees that the room stays behind.
                say(f"{said.last} It is not tried again; the room waits for another.")
                return
            with _noted(installer.folder, version, Clock(Spool(spool)).now()):
                source = Web(f"{_server(spool)}/updates")
                say(_apply(installer, source, anchor, Spool(spool), version))


@update.command(
    help="A version from a folder or an address, now.\n\nExample: provision update apply --from /media/stick/updates"
)
def apply(
    *,
    origin: Annotated[str, typer.Option("--from", help="Folder of updates, or its web address.")],
    version: Annotated[str, typer.Option(help="Which one [default: the newest there]")] = "",
    again: Annotated[bool, typer.Option("--again", help="Also if it failed here before.")] = False,
    root: Root = slots.ROOT,
    spool: Spool_ = SPOOL,
    anchor: Anchor = trust.ANCHOR,
) -> None:
    with _sentences():
        source: Source = Web(origin) if origin.startswith(("http://", "https://")) else Folder(Path(origin))
        installer = Installer(root, spool, Systemd())
        with installer.alone():
            installer.settle()
            say(_apply(installer, source, anchor, Spool(spool), version, again=again))


@update.command(
    help="Judge an update that lost its power, as at the machine's start.\n\nExample: provision update settle"
)
def settle(root: Root = slots.ROOT, spool: Spool_ = SPOOL) -> None:
    with _sentences(patient=True):
        installer = Installer(root, spool, Systemd())
        with installer.alone():
            say(installer.settle())


@update.command(
    help="Which version is in use, and how the last update ended.\n\nExample: provision update status --json"
)
def status(
    root: Root = slots.ROOT,
    spool: Spool_ = SPOOL,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    with _sentences():
        said = Installer(root, spool, Systemd()).journal()
        current, versions, wish = slots.current(root), slots.versions(root), wanted.read(Spool(spool))
        if as_json:
            typer.echo(json.dumps({"current": current, "versions": versions, "wanted": wish, **asdict(said)}, indent=1))
            return
        typer.echo(f"In use: {current or 'no version'}; here: {', '.join(versions) or 'none'}")
        if wish:
            typer.echo(f"The server wants {wish} here.")
        if said.phase != "settled":
            typer.echo(f"On the way from {said.old} to {said.new} ({said.phase}).")
        if said.last:
            typer.echo(said.last)


@update.command(
    "trust", help="Believe whoever made this root.json.\n\nExample: provision update trust /media/stick/root.json"
)
def trust_(file: Path, anchor: Anchor = trust.ANCHOR) -> None:
    with _sentences():
        data = trust.anchor_at(file)
        trust.check_anchor(data)
        try:
            anchor.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(anchor, data)
        except OSError as error:
            raise UpdateError(f"{anchor} cannot be written ({error.strerror}); this is root's to do.") from error
        say(f"This room takes updates that {file} vouches for.")


# -- whoever makes updates


@update.command(help="Make the three keys of a maker of updates.\n\nExample: provision update keys /media/safe/keys")
def keys(folder: Path) -> None:
    with _sentences():
        make_keys(folder)
        say(f"{folder}: root.pem belongs in a safe, targets.pem where versions are built, online.pem on the server.")


@update.command(
    help="An empty folder of updates.\n\nExample: provision update begin /srv/updates --keys /media/safe/keys"
)
def begin(repository: Path, keys: Keys) -> None:
    with _sentences():
        say(f"Rooms are to trust {Publisher(repository, keys).begin()}")


@update.command(
    help="Offer a version: what make package has made.\n\n"
    "Example: provision update publish /srv/updates --wheels dist/darsbox-room_1.4.0_amd64.deb --keys /media/safe/keys"
)
def publish(
    repository: Path,
    keys: Keys,
    wheels: Annotated[Path, typer.Option(help="A package, or a folder with the wheels of Darsbox and all it needs.")],
    kind: Annotated[str, typer.Option(help="Machines that it is for, as x86_64-cp311.")] = kind_here(),
) -> None:
    with _sentences():
        with wheels_in(wheels) as folder:
            bundle = Publisher(repository, keys).publish(folder, kind)
        size = sum(wheel.bytes for wheel in bundle.wheels)
        say(f"Version {bundle.version} for {kind}: {len(bundle.wheels)} wheels, {size >> 20} MiB")


@update.command(
    help="Vouch again for what is published; at least every six weeks.\n\n"
    "Example: provision update refresh /srv/updates --keys /etc/darsbox/update-keys"
)
def refresh(repository: Path, keys: Keys) -> None:
    with _sentences():
        Publisher(repository, keys).refresh()


@update.command(
    help="Trust the keys that are in the folder now, for five years more.\n\n"
    "Example: provision update renew-root /srv/updates --keys /media/safe/keys"
)
def renew_root(repository: Path, keys: Keys) -> None:
    with _sentences():
        say(f"{Publisher(repository, keys).renew_root()} is signed; rooms find it by themselves.")


# -- shared


def _apply(
    installer: Installer, source: Source, anchor: Path, spool: Spool, version: str, *, again: bool = False
) -> str:
    """Raises UpdateError."""
    passed = Clock(spool).passed()
    repository = trust.Repository(source, trust.anchor_at(anchor), installer.folder / "seen", passed)
    if not version:
        offered = repository.releases()
        if not offered:
            raise Unreachable(f"{source.name} has no version yet.")
        version = offered[-1].version
    old = installer.check(version, again=again)
    if version == old:
        return f"Version {version} is in use already."
    bundle = repository.bundle(version, kind_here())
    link = RoomLink(spool, installer.folder, source.name) if isinstance(source, Web) else Free()
    wheels = Wheelhouse(installer.folder, [PACKAGED], link=link).gather(bundle, source)
    return installer.install(bundle, wheels, again=again)


@contextmanager
def _noted(folder: Path, version: str, now: float | None) -> Iterator[None]:
    """What keeps the version from coming is written down for the doctor."""
    try:
        yield
        waiting.clear(folder)
    except (UpdateError, slots.SlotError) as error:
        with suppress(OSError):
            waiting.note(folder, version, str(error), now)
        raise


def _server(spool: Path) -> str:
    """Read here, for the room's key beside it is none of the updater's business. Raises UpdateError."""
    try:
        return str(json.loads(identity.server_file(Spool(spool)).read_bytes())["server"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UpdateError(
            "This room belongs to no server yet; enrol it, or bring updates on a stick:"
            " provision update apply --from FOLDER"
        ) from error


@contextmanager
def _sentences(*, patient: bool = False) -> Iterator[None]:
    """patient: what mends itself is no failure, for the timer asks again."""
    try:
        yield
    except (UpdateError, slots.SlotError) as error:
        if patient and isinstance(error, NotNow | Unreachable):
            say(str(error))
            return
        complain(str(error))
        raise typer.Exit(1) from error
