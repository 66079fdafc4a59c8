"""The wheels of a version, in one folder: those that are here already by a link, the others from the source.

    FOLDER/bundles/VERSION/     bundle.json, requirements.lock and the wheels; whole once ``gather`` has returned
    FOLDER/parts/SHA256         what has come of a wheel; the next run goes on there

A wheel counts when its hash is right, whoever brought it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from appliance.spool.layout import make_directory, sync_directory, write_atomically
from provisioning.updating.bundle import Bundle, Wheel
from provisioning.updating.errors import Refused, Unreachable, UpdateError
from provisioning.updating.link import Free, Link
from provisioning.updating.sources import FromTheBeginning, Source

UNPACKED = 1.25
"""What a slot takes, as a multiple of the files in its wheels: their bytecode lies beside them."""
SPARE = 64 << 20
"""Bytes that stay free beside a new version."""
LOCK = "requirements.lock"


class Wheelhouse:
    """folder: of the updates. others: folders with wheels that came in other ways, with the package say. link: what
    carries the rest. free: bytes on the folder's disk, for tests."""

    def __init__(
        self,
        folder: Path,
        others: Sequence[Path] = (),
        *,
        link: Link | None = None,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._bundles = folder / "bundles"
        self._parts = folder / "parts"
        self._others = others
        self._link = link or Free()
        self._free = free

    def gather(self, bundle: Bundle, source: Source) -> Path:
        """The folder with all of the bundle's wheels and its lock. Raises UpdateError; what has come so far stays."""
        folder = self._bundles / bundle.version
        try:
            for each in (folder, self._parts):
                make_directory(each)
            lacking = [wheel for wheel in bundle.wheels if not self._here(wheel, folder)]
            self._room_for(bundle, lacking)
            for wheel in lacking:
                self._fetch(wheel, source)
                (self._parts / wheel.sha256).replace(folder / wheel.file)
            write_atomically(folder / LOCK, bundle.lock().encode())
            sync_directory(folder)
            self._tidy({wheel.sha256 for wheel in bundle.wheels})
        except OSError as error:
            raise UpdateError(f"The update cannot be written ({error.strerror}): make space on {folder}.") from error
        return folder

    def keep_only(self, versions: Sequence[str]) -> None:
        """Free the space of all others. Raises OSError."""
        for folder in self._bundles.glob("*"):
            if folder.name not in versions:
                shutil.rmtree(folder)

    def lacking(self, bundle: Bundle) -> Sequence[Wheel]:
        """What would have to come over the link. Raises OSError."""
        return [wheel for wheel in bundle.wheels if self._found(wheel) is None]

    def _here(self, wheel: Wheel, folder: Path) -> bool:
        """Whether it is in the folder, now, without anything being fetched."""
        found = self._found(wheel)
        if found is None:
            (folder / wheel.file).unlink(missing_ok=True)
            return False
        if found.parent != folder:
            (folder / wheel.file).unlink(missing_ok=True)
            try:
                os.link(found, folder / wheel.file)
            except OSError:  # another disk
                shutil.copyfile(found, folder / wheel.file)
        return True

    def _found(self, wheel: Wheel) -> Path | None:
        for folder in (*sorted(self._bundles.glob("*")), *self._others):
            file = folder / wheel.file
            if file.is_file() and file.stat().st_size == wheel.bytes and _sha256(file) == wheel.sha256:
                return file
        return None

    def _room_for(self, bundle: Bundle, lacking: Sequence[Wheel]) -> None:
        """Raises Refused."""
        come = sum(wheel.bytes - self._come(wheel) for wheel in lacking)
        needed, free = come + round(UNPACKED * bundle.unpacked) + SPARE, self._free(self._parts)
        if free < needed:
            raise Refused(
                f"Version {bundle.version} needs {needed >> 20} MiB and {self._parts.parent} has {free >> 20} MiB free:"
                " make space there; nothing was changed."
            )

    def _come(self, wheel: Wheel) -> int:
        part = self._parts / wheel.sha256
        return part.stat().st_size if part.is_file() else 0

    def _fetch(self, wheel: Wheel, source: Source) -> None:
        """The wheel whole in its part. Raises UpdateError, OSError."""
        part = self._parts / wheel.sha256
        resumed = self._come(wheel) > 0
        if self._come(wheel) < wheel.bytes:
            self._receive(wheel, source, part)
        if part.stat().st_size < wheel.bytes:
            raise Unreachable(f"{source.name} broke off in {wheel.file}; it goes on there later.")
        if part.stat().st_size == wheel.bytes and _sha256(part) == wheel.sha256:
            return
        part.unlink()
        if not resumed:
            raise Refused(f"{wheel.file} from {source.name} is not what was signed; nothing was changed.")
        # The end of a part may be lost with the power.
        self._fetch(wheel, source)

    def _receive(self, wheel: Wheel, source: Source, part: Path) -> None:
        """Append what comes. Raises Unreachable, NotNow, OSError."""
        try:
            self._append(source.read(wheel.path, self._come(wheel)), wheel, part)
        except FromTheBeginning:
            part.unlink()
            self._append(source.read(wheel.path), wheel, part)

    def _append(self, pieces: Iterator[bytes], wheel: Wheel, part: Path) -> None:
        self._link.ask()
        come = self._come(wheel)
        with part.open("ab") as file:
            try:
                for piece in pieces:
                    come += len(piece)
                    if come > wheel.bytes:
                        file.truncate(0)
                        raise Refused(f"{wheel.file} is longer than what was signed; nothing was changed.")
                    file.write(piece)
                    self._link.carried(len(piece))
                    if come < wheel.bytes:
                        self._link.ask()
            finally:
                file.flush()
                os.fsync(file.fileno())
                self._link.end()

    def _tidy(self, wanted: set[str]) -> None:
        """Parts of wheels that nobody wants any more, and of those that are whole."""
        for part in self._parts.glob("*"):
            if part.name not in wanted or part.is_file():
                part.unlink()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
