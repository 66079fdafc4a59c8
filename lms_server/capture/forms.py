"""Agents' forms, read as they come: fields in memory up to a bound, at most one file, which goes to the disk.

multipart/form-data (RFC 7578) through python-multipart's parser, and urlencoded forms, which have no files.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from lms_server.capture.staged import StagedFile
from lms_server.errors import BadRequest, Busy, ServerError, TooLarge, WrongMediaType
from lms_server.ingest.body import Body
from lms_server.settings import MIB, Settings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

LARGEST_FIELD = MIB
LARGEST_FIELDS = 4 * MIB
MOST_FIELDS = 200
_WRITE = MIB
"""Bytes of a file that are gathered before a thread writes them."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that came with a form, durable under ``name`` among those that wait. filename: as its sender called it."""

    name: str
    filename: str
    bytes: int
    sha256: str


@dataclass(slots=True)
class Form:
    fields: dict[str, str] = field(default_factory=dict)
    file: Staged | None = None
    kept: bool = False
    """Whether somebody has written down that the file is here."""

    def wanted(self, name: str) -> str:
        """Raises BadRequest when it is missing or empty."""
        found = self.fields.get(name, "")
        if not found.strip():
            raise BadRequest("missing-field", f"The form lacks the field {name}.")
        return found


class Forms:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.staged
        self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Of a file that waits."""
        return self._folder / name

    def fresh(self) -> str:
        """A name that no file has yet."""
        return f"{secrets.token_urlsafe(18)}.part"

    def names(self) -> list[str]:
        return [path.name for path in self._folder.iterdir()]

    @asynccontextmanager
    async def of(self, request: Request, *, file: int = 0) -> AsyncIterator[Form]:
        """A request's form; its file is gone afterwards, unless it was kept. Raises as ``read``."""
        form = await self.read(request, file=file)
        try:
            yield form
        finally:
            if form.file is not None and not form.kept:
                await run_in_threadpool(self.path(form.file.name).unlink, missing_ok=True)

    async def read(self, request: Request, *, file: int = 0) -> Form:
        """file: bytes that a file in it may have. Nothing is left of a form that is refused.

        Raises BadRequest, TooLarge, WrongMediaType, StoreFull, and Busy when the connection breaks.
        """
        body, form = Body(request), Form()
        intake = _File(self.path, self.fresh, file, self._settings.reserve)
        try:
            with anyio.CancelScope() as scope:
                scope.deadline = anyio.current_time() + self._settings.body_seconds
                await self._take_in(request, body, _Fields(form.fields, intake), scope)
            if scope.cancelled_caught:
                raise Busy("form-cut", "The form did not come to its end; send it again.")
            form.file = await run_in_threadpool(intake.finished)
        except (ServerError, OSError) as error:
            await run_in_threadpool(intake.drop)
            if isinstance(error, ServerError):
                await body.drain()
                error.headers.setdefault("Connection", "close")
            raise
        return form

    async def _take_in(self, request: Request, body: Body, fields: _Fields, scope: anyio.CancelScope) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        plain = kind == b"application/x-www-form-urlencoded"
        if not plain and (kind != b"multipart/form-data" or not options.get(b"boundary")):
            raise WrongMediaType("no-form", "Send a form: multipart/form-data, or urlencoded.")
        text = bytearray()
        try:
            parser = None if plain else MultipartParser(options[b"boundary"], fields.callbacks())
            async for piece in body:
                scope.deadline = anyio.current_time() + self._settings.body_seconds
                if parser is None:
                    text += piece
                    fields.bound(len(text))
                    continue
                parser.write(piece)
                if fields.file.waiting >= _WRITE:
                    await run_in_threadpool(fields.file.flush)
            if parser is not None:
                parser.finalize()
                if not fields.ended:
                    raise BadRequest("bad-form", "The form breaks off before its last boundary.")
        except FormParserError as error:
            raise BadRequest("bad-form", f"The form cannot be read: {error}.") from error
        except ClientDisconnect as error:
            raise Busy("form-cut", "The connection broke before the form was whole; send it again.") from error
        if plain:
            if text.count(b"&") >= MOST_FIELDS:
                raise _too_many()
            fields.all.update(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True))


class _File:
    """The file of a form on its way to the disk. Callbacks gather; ``flush`` is for threads."""

    def __init__(self, path: Callable[[str], Path], fresh: Callable[[], str], most: int, reserve: int) -> None:
        self._path, self._fresh, self._most, self._reserve = path, fresh, most, reserve
        self._part: StagedFile | None = None
        self._gathered = bytearray()
        self._digest = hashlib.sha256()
        self._name = self._filename = ""
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """Bytes that are not on the disk."""
        return len(self._gathered)

    def begin(self, filename: str) -> None:
        if self._name:
            raise BadRequest("second-file", "The form brings two files; send them one by one.")
        if not self._most:
            raise BadRequest("no-file-wanted", "The form brings a file where none belongs.")
        self._name, self._filename = self._fresh(), filename

    def take(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > self._most:
            raise TooLarge("too-large", f"A file sent to this address has at most {self._most} bytes.")
        self._gathered += data

    def flush(self) -> None:
        """Raises StoreFull."""
        if self._part is None:
            self._part = StagedFile(self._path(self._name), self._reserve)
        data = bytes(self._gathered)
        self._gathered.clear()
        self._part.write(data)
        self._digest.update(data)

    def finished(self) -> Staged | None:
        """The whole file, durable. Raises StoreFull."""
        if not self._name:
            return None
        self.flush()
        if self._part is not None:
            self._part.sync()
            self._part.close()
        return Staged(self._name, self._filename, self._bytes, self._digest.hexdigest())

    def drop(self) -> None:
        if self._part is not None:
            self._part.close()
            self._path(self._name).unlink(missing_ok=True)


class _Fields:
    """What the parser calls back. A part with a file's name is the file; every other one is a field."""

    def __init__(self, fields: dict[str, str], file: _File) -> None:
        self.all = fields
        self.file = file
        self.ended = False
        self._total = 0
        self._header: list[bytearray] = []
        self._headers: dict[str, bytes] = {}
        self._field: str | None = None
        self._value = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._header_begins,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._begun,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._whole,
        }

    def bound(self, size: int) -> None:
        """Raises TooLarge."""
        if size > LARGEST_FIELD:
            raise TooLarge("too-large", "A field of a form has at most 1 MiB.")

    def _begin(self) -> None:
        self._headers, self._value, self._field = {}, bytearray(), None
        if len(self.all) >= MOST_FIELDS:
            raise _too_many()

    def _header_begins(self) -> None:
        self._header = [bytearray(), bytearray()]

    def _header_ends(self) -> None:
        self._headers[self._header[0].decode("latin-1").lower()] = bytes(self._header[1])

    def _begun(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        filename = options.get(b"filename")
        if filename is not None:
            self.file.begin(filename.decode("utf-8", "replace"))
        else:
            self._field = options.get(b"name", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self.file.take(data[start:end])
            return
        self._total += end - start
        self.bound(len(self._value) + end - start)
        if self._total > LARGEST_FIELDS:
            raise TooLarge("too-large", "The fields of a form have at most 4 MiB together.")
        self._value += data[start:end]

    def _end(self) -> None:
        if self._field is not None:
            self.all[self._field] = self._value.decode("utf-8", "replace")

    def _whole(self) -> None:
        self.ended = True


def _too_many() -> TooLarge:
    return TooLarge("too-many-fields", f"A form has at most {MOST_FIELDS} fields.")
