"""A media package in a zip, as Galicaster sends it: manifest.xml, and the files that it names.

No name out of the zip becomes a name on the disk: members are looked up, never unpacked. What is larger than it may be,
or makes more of itself than video ever does, is refused before or while it is read.
"""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from lms_server.capture import documents
from lms_server.capture.documents import Described, Part
from lms_server.capture.staged import StagedFile
from lms_server.catalog.packages import NewFile
from lms_server.errors import BadRequest, TooLarge
from lms_server.settings import MIB

MOST_MEMBERS = 1000
LARGEST_DOCUMENT = MIB
LARGEST_DIRECTORY = 4 * MIB
MOST_INFLATION = 200
"""Times: how much a member may grow. Video does not shrink, and text by a tenth of this."""
SMALL = 16 * MIB
"""Bytes that a member may have whatever it was before."""
_PIECE = MIB
_MANIFEST = "manifest.xml"


class _Careful(io.FileIO):
    """Reads no more at once than a directory may have: zipfile believes what a zip says of itself."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("its directory is too large")
        return super().read(LARGEST_DIRECTORY if size is None or size < 0 else size) or b""


class Zipped:
    """A zip that can be trusted as far as its members are only read through here."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = {info.filename: info for info in archive.infolist()}
        if len(archive.infolist()) > MOST_MEMBERS:
            raise TooLarge("too-many-files", f"The zip has more than {MOST_MEMBERS} files.")
        for info in archive.infolist():
            _judge(info)
        manifest = next((name for name in self._members if PurePosixPath(name).name == _MANIFEST), None)
        if manifest is None:
            raise BadRequest("bad-zip", f"The zip holds no {_MANIFEST}.")
        self._folder = PurePosixPath(manifest).parent
        text = self._document(manifest)
        self.package_id = documents.package_id(text)
        self.parts = documents.parts_of(text)

    def described(self) -> Iterator[Described]:
        """What its catalogues say. Raises BadRequest."""
        for part in self.parts:
            if part.kind == "catalog" and part.flavor.partition("/")[2] == "episode":
                yield documents.described(self._document(self._name(part)))

    def tracks(
        self, fresh: Callable[[], str], path: Callable[[str], Path], most: int, reserve: int
    ) -> Iterator[NewFile]:
        """Its tracks, one after the other, each durable under a fresh name. most: bytes of all of them.

        Raises BadRequest, TooLarge, StoreFull.
        """
        for part in self.parts:
            if part.kind != "track":
                continue
            name, member = fresh(), self._name(part)
            try:
                size, digest = self._copied(member, path(name), most, reserve)
            except BaseException:
                path(name).unlink(missing_ok=True)
                raise
            most -= size
            yield NewFile("track", part.flavor, PurePosixPath(member).name, name, size, digest)

    def _name(self, part: Part) -> str:
        """The member that an element means. Raises BadRequest."""
        wanted = str(self._folder / part.url)
        if wanted not in self._members or self._members[wanted].is_dir():
            raise BadRequest("bad-zip", f"The zip lacks the file {part.url[:100]!r} of its manifest.")
        return wanted

    def _document(self, name: str) -> bytes:
        if self._members[name].file_size > LARGEST_DOCUMENT:
            raise TooLarge("too-large", "A document in the zip is larger than 1 MiB.")
        with self._archive.open(name) as member:
            return member.read(LARGEST_DOCUMENT + 1)

    def _copied(self, name: str, target: Path, most: int, reserve: int) -> tuple[int, str]:
        digest = hashlib.sha256()
        part = StagedFile(target, reserve)
        try:
            with self._archive.open(name) as member:
                while piece := member.read(_PIECE):
                    if part.bytes + len(piece) > most:
                        raise TooLarge("too-large", "The zip makes more bytes than the server takes.")
                    part.write(piece)
                    digest.update(piece)
            part.sync()
        finally:
            part.close()
        return part.bytes, digest.hexdigest()


@contextmanager
def opened(file: Path) -> Iterator[Zipped]:
    """Raises BadRequest and TooLarge, also out of what is read from it, with a sentence for whatever may be sent as a
    zip."""
    try:
        with _Careful(file) as raw, zipfile.ZipFile(raw) as archive:
            yield Zipped(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadRequest("bad-zip", f"The zip cannot be read: {error}.") from error


def _judge(info: zipfile.ZipInfo) -> None:
    """Raises BadRequest, TooLarge."""
    # orig_filename: zipfile cuts the other one at a NUL.
    path = PurePosixPath(info.orig_filename)
    if path.is_absolute() or ".." in path.parts or any(sign in info.orig_filename for sign in "\\:\0"):
        raise BadRequest("bad-zip", f"The zip names a file outside of itself: {info.orig_filename[:100]!r}.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadRequest("bad-zip", f"The zip holds a link: {info.orig_filename[:100]!r}.")
    if info.flag_bits & 0x1:
        raise BadRequest("bad-zip", "The zip is encrypted.")
    if info.file_size > max(SMALL, MOST_INFLATION * info.compress_size):
        raise TooLarge("zip-bomb", f"{info.orig_filename[:100]!r} in the zip would grow more than any recording does.")
