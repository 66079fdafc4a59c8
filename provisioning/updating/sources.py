"""Where updates come from: a folder that a server shows, or the same folder on a stick.

ROOT/metadata/…      signed (TUF)
ROOT/targets/…       what the signatures speak of: the index and the bundles
ROOT/wheels/…        what the bundles name by hash
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from provisioning.updating.errors import Unreachable

PATIENCE = 60.0
"""Seconds without a byte; a room's link may be that slow."""
PIECE = 64 * 1024


class NotThere(Unreachable):
    """The repository answers, and has no such file."""


class Source(Protocol):
    name: str
    """For sentences."""

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The file from byte ``start`` on, in pieces. Raises Unreachable, NotThere, and FromTheBeginning only where
        ``start`` is not 0."""
        ...


class FromTheBeginning(Exception):
    """This source cannot go on in the middle of this file."""


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        try:
            with (self._root / path).open("rb") as file:
                file.seek(start)
                while piece := file.read(PIECE):
                    yield piece
        except FileNotFoundError as error:
            raise NotThere(f"{self.name} has no {path}: copy the whole folder of updates there.") from error
        except OSError as error:
            raise Unreachable(f"{self.name} cannot be read ({error.strerror}); try another stick.") from error


class Web:
    """url: of the repository's root. transport: for tests; the network otherwise."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.name = url.rstrip("/")
        self._http = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(PATIENCE, connect=10.0),
            headers={"Accept-Encoding": "identity", "User-Agent": "darsbox-update"},
            follow_redirects=False,
            trust_env=False,
        )

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._http.stream("GET", f"{self.name}/{path}", headers=headers) as answer:
                self._check(answer, path, start)
                yield from answer.iter_raw()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(
                f"{self.name} does not answer ({type(error).__name__}); it is asked again later."
            ) from error

    def _check(self, answer: httpx.Response, path: str, start: int) -> None:
        code = answer.status_code
        if code == HTTPStatus.NOT_FOUND:
            raise NotThere(f"{self.name} has no {path}; ask whoever looks after the server.")
        if start and code in (HTTPStatus.OK, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            raise FromTheBeginning
        if code != (HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK):
            raise Unreachable(f"{self.name} answers with status {code}; it is asked again later.")
        if start and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise FromTheBeginning


class Fetcher(FetcherInterface):
    """A source as TUF's client asks it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield from self._source.read(url)
        except NotThere as error:
            raise DownloadHTTPError(str(error), HTTPStatus.NOT_FOUND) from error
        except Unreachable as error:
            raise DownloadError(str(error)) from error
