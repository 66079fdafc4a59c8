"""The maker's side: keys, and the signed folder that servers show and sticks carry.

    KEYS/root.pem      vouches for the other two; kept off line, needed once in years
    KEYS/targets.pem   signs what a version consists of; needed for each version
    KEYS/online.pem    says that this is the newest there is; needed every few weeks

Files are written before what speaks of them, ``timestamp.json`` last and whole: a room that asks meanwhile sees the
state before or the state after.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from appliance.spool.layout import make_directory, write_atomically
from provisioning.updating.bundle import Bundle, Wheel, path_of
from provisioning.updating.errors import UpdateError
from provisioning.updating.trust import INDEX

LIFE = {"root": timedelta(days=5 * 365), "targets": timedelta(days=365), "online": timedelta(days=60)}
"""For how long each signature is believed. The last is long, for a stick may travel for weeks; it bounds for how long a
room can be kept from hearing of a newer version."""
Part = TypeVar("Part", Root, Targets, Snapshot, Timestamp)
_SIGNS = {"root": "root", "targets": "targets", "snapshot": "online", "timestamp": "online"}


class CannotPublish(UpdateError):
    pass


def make_keys(folder: Path) -> None:
    """Raises CannotPublish, also where there are keys already."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in LIFE:
            descriptor = os.open(folder / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(CryptoSigner.generate_ed25519().private_bytes)
    except FileExistsError as error:
        raise CannotPublish(
            f"There are keys in {folder} already, and rooms may trust them; name another folder."
        ) from error
    except OSError as error:
        raise CannotPublish(f"Keys cannot be written to {folder} ({error.strerror}).") from error


class Publisher:
    """repository: the folder with ``metadata``, ``targets`` and ``wheels``. now: for tests."""

    def __init__(self, repository: Path, keys: Path, now: datetime | None = None) -> None:
        self._root = repository
        self._metadata = repository / "metadata"
        self._keys = keys
        self._now = (now or datetime.now(UTC)).replace(microsecond=0)

    def begin(self) -> Path:
        """An empty repository; its root.json, which rooms are to trust. Raises CannotPublish."""
        if (self._metadata / "timestamp.json").exists():
            raise CannotPublish(f"{self._root} is a repository already; publish into it.")
        self._sign("root", self._new_root(version=1))
        self._put_target(targets := Targets(version=1), INDEX, _index({}))
        return self._publish(targets)

    def renew_root(self) -> Path:
        """The keys that are in the folder now are those to trust, for years to come. The root key stays the same: only
        what it signs is believed. Raises CannotPublish."""
        old = self._read("root", Root)
        self._sign("root", self._new_root(version=old.version + 1))
        return self._publish(self._renewed(self._read("targets", Targets)))

    def refresh(self) -> None:
        """Vouch again for what is published. Raises CannotPublish."""
        targets = self._read("targets", Targets)
        due = targets.expires - self._now < LIFE["targets"] / 4 and (self._keys / "targets.pem").exists()
        self._publish(self._renewed(targets) if due else None)

    def publish(self, wheels: Path, kind: str) -> Bundle:
        """Offer what is in a folder of wheels to machines of this kind. Raises CannotPublish; then nothing is offered
        that was not before."""
        bundle, files = bundle_of(wheels, kind)
        targets = self._renewed(self._read("targets", Targets))
        known = self._index(targets)
        path = path_of(bundle.version, kind)
        text = bundle.to_json().encode()
        if path in targets.targets:
            if targets.targets[path].hashes == {"sha256": hashlib.sha256(text).hexdigest()}:
                return bundle
            raise CannotPublish(
                f"Version {bundle.version} is published already, of other wheels; give this one a new version."
            )
        try:
            for wheel in bundle.wheels:
                place = self._root / wheel.path
                make_directory(place.parent)
                if not place.exists():
                    shutil.copyfile(files[wheel.file], fresh := place.with_name(f".{place.name}.new"))
                    fresh.replace(place)
        except OSError as error:
            raise CannotPublish(f"{self._root} cannot be written ({error.strerror}).") from error
        known.setdefault(bundle.version, []).append(kind)
        self._put_target(targets, path, text)
        self._put_target(targets, INDEX, _index(known))
        self._publish(targets)
        return bundle

    # -- what is signed

    def _new_root(self, version: int) -> Root:
        root = Root(version=version, consistent_snapshot=True)
        for role, key in _SIGNS.items():
            root.add_key(self._signer(key).public_key, role)
        return root

    def _renewed(self, targets: Targets) -> Targets:
        targets.version += 1
        return targets

    def _publish(self, targets: Targets | None) -> Path:
        """Sign targets, if they are new, and all above them."""
        if targets is not None:
            self._sign("targets", targets)
        newest = self._newest("targets")
        version = self._newest("snapshot") + 1
        self._sign("snapshot", Snapshot(version=version, meta={"targets.json": MetaFile(newest)}))
        self._sign("timestamp", Timestamp(version=version, snapshot_meta=MetaFile(version)))
        return self._metadata / f"{self._newest('root')}.root.json"

    def _sign(self, role: str, signed: Part) -> None:
        """Raises CannotPublish."""
        signed.expires = self._now + LIFE[_SIGNS[role]]
        metadata = Metadata(signed)
        metadata.sign(self._signer(_SIGNS[role]))
        name = "timestamp.json" if role == "timestamp" else f"{signed.version}.{role}.json"
        self._write(self._metadata / name, metadata.to_bytes())

    def _put_target(self, targets: Targets, path: str, data: bytes) -> None:
        info = TargetFile.from_data(path, data, ["sha256"])
        targets.targets[path] = info
        place = self._root / "targets" / path
        self._write(place.with_name(f"{info.hashes['sha256']}.{place.name}"), data)

    def _index(self, targets: Targets) -> dict[str, list[str]]:
        info = targets.targets[INDEX]
        found = json.loads((self._root / "targets" / f"{info.hashes['sha256']}.{INDEX}").read_bytes())
        return {version: list(kinds) for version, kinds in found["versions"].items()}

    # -- files

    def _signer(self, name: str) -> CryptoSigner:
        file = self._keys / f"{name}.pem"
        try:
            return CryptoSigner(load_pem_private_key(file.read_bytes(), None))
        except (OSError, ValueError, TypeError) as error:
            raise CannotPublish(f"The key {file} cannot be read; make keys with: provision update keys") from error

    def _newest(self, role: str) -> int:
        """Its version; 0 when there is none."""
        files = self._metadata.glob(f"[0-9]*.{role}.json")
        return max((int(file.name.partition(".")[0]) for file in files), default=0)

    def _read(self, role: str, kind: type[Part]) -> Part:
        try:
            data = (self._metadata / f"{self._newest(role)}.{role}.json").read_bytes()
            found = Metadata.from_bytes(data).signed
        except (OSError, RepositoryError) as error:
            raise CannotPublish(f"{self._root} is no repository of updates yet: provision update begin") from error
        if not isinstance(found, kind):
            raise CannotPublish(f"{self._root} is damaged: its {role} is something else.")
        return found

    def _write(self, file: Path, data: bytes) -> None:
        try:
            make_directory(file.parent)
            write_atomically(file, data)
        except OSError as error:
            raise CannotPublish(f"{file} cannot be written ({error.strerror}).") from error


@contextmanager
def wheels_in(place: Path) -> Iterator[Path]:
    """A folder of wheels: the place itself, or what is aboard a Debian package, for as long as the block runs. Raises
    CannotPublish."""
    if place.is_dir():
        yield place
        return
    with TemporaryDirectory(prefix="darsbox-wheels-") as folder:
        command = ["dpkg-deb", "--fsys-tarfile", str(place)]
        try:
            with (
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacking,
                tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive,
            ):
                for entry in archive:
                    if entry.name.endswith(".whl"):
                        entry.name = Path(entry.name).name
                        archive.extract(entry, folder, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise CannotPublish(f"{place} is no folder of wheels and no package that make package made.") from error
        yield Path(folder)


def bundle_of(folder: Path, kind: str) -> tuple[Bundle, Mapping[str, Path]]:
    """What a folder of wheels is as a bundle, and its files by name. Raises CannotPublish."""
    files = {file.name: file for file in sorted(folder.glob("*.whl"))}
    wheels: list[Wheel] = []
    projects: dict[str, str] = {}
    unpacked, machine = 0, kind.partition("-")[0]
    for name, file in files.items():
        try:
            project, version, _, tags = parse_wheel_filename(name)
            with zipfile.ZipFile(file) as archive:
                unpacked += sum(entry.file_size for entry in archive.infolist())
            data = file.read_bytes()
        except (InvalidWheelFilename, OSError, zipfile.BadZipFile) as error:
            raise CannotPublish(f"{name} is damaged or no wheel; make the folder of wheels anew.") from error
        if not any(tag.platform == "any" or tag.platform.endswith(machine) for tag in tags):
            raise CannotPublish(f"{name} is not for machines of kind {kind}.")
        if project in projects:
            raise CannotPublish(f"There are two wheels of {project} in {folder}; keep one.")
        projects[project] = str(version)
        wheels.append(Wheel(name, hashlib.sha256(data).hexdigest(), len(data)))
    if "darsbox" not in projects:
        raise CannotPublish(f"There is no wheel of Darsbox in {folder}; make it with: make package")
    return Bundle(projects["darsbox"], kind, unpacked, tuple(wheels)), files


def _index(versions: Mapping[str, Iterable[str]]) -> bytes:
    return (
        json.dumps({"versions": {each: sorted(kinds) for each, kinds in versions.items()}}, indent=1).encode() + b"\n"
    )
