"""The server's HTTP API as lms-pull uses it: list, look, open a file from an offset.

Patience is here: a request that finds no server, or a server that is restarting, is tried again with growing pauses.
The token goes to the server it is meant for and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from .errors import Missing, NoSuchLesson, PullError, Refused, Unreachable, WrongToken

API = "/api/v1"
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries. A reverse proxy that restarts its server answers 502 for about that long."""
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_BUSY = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a lesson. bytes: its length; sha256: hex of the whole; url: absolute, on the server itself."""

    name: str
    kind: str
    source: str
    bytes: int
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """started: Unix seconds; seconds: its length; files: empty in a list."""

    id: str
    title: str
    room: str
    state: str
    started: float
    seconds: float
    gaps: int
    bytes: int
    files: tuple[File, ...] = ()

    @property
    def day(self) -> datetime:
        """Its beginning by this computer's own clock, which is where its folder is read."""
        return datetime.fromtimestamp(self.started).astimezone()


class Server:
    """The one place that talks HTTP. transport and sleep are there for tests."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._base = httpx.URL(url.rstrip("/") + "/")
        self._sleep = sleep
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "User-Agent": "lms-pull", "Accept-Encoding": "identity"},
            timeout=TIMEOUT,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def lessons(self, asked: Mapping[str, str] | None = None) -> Iterator[Lesson]:
        """Every lesson this token may see, page after page. asked: the server's filters, as ``{"room": "Amphi A"}``.
        Raises PullError."""
        query = dict(asked or {})
        while True:
            page = self._json(self._address("lessons"), query)
            try:
                yield from [_lesson(item, self._file) for item in page["items"]]
                following = page.get("next")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _strange() from error
            if not following:
                return
            query["page"] = str(following)

    def lesson(self, lesson: str) -> Lesson:
        """One lesson with its files. Raises NoSuchLesson, PullError."""
        if not lesson.isalnum():
            raise NoSuchLesson(f"There is no lesson {lesson!r} on the server; `lms-pull --list` shows what there is.")
        try:
            return _lesson(self._json(self._address("lessons", lesson), {}), self._file)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _strange() from error

    @contextmanager
    def open(self, file: File, offset: int) -> Iterator[httpx.Response]:
        """The file's bytes from offset on: 206, or 200 with the whole file when it has changed meanwhile (If-Range),
        or 416 when it is not that long. Raises PullError; httpx.TransportError when the link fails."""
        headers = {"Range": f"bytes={offset}-", "If-Range": f'"{file.sha256}"'} if offset else {}
        request = self._http.build_request("GET", file.url, headers=headers)
        response = self._patiently(lambda: self._http.send(request, stream=True))
        try:
            if response.status_code != 416:
                self._check(response)
            yield response
        finally:
            response.close()

    # -- inside ------------------------------------------------------------------------------------------

    def _address(self, *parts: str) -> httpx.URL:
        return self._base.join(f"{API.lstrip('/')}/{'/'.join(parts)}")

    def _file(self, item: dict[str, Any]) -> File:
        url = self._base.join(str(item["url"]))
        if (url.scheme, url.host, url.port) != (self._base.scheme, self._base.host, self._base.port):
            raise Refused(
                f"The server keeps its files at {url.host}, and the token is not for that address; "
                "ask the server's administrator to correct its public address."
            )
        return File(
            name=str(item["name"]),
            kind=str(item["kind"]),
            source=str(item.get("source") or ""),
            bytes=int(item["bytes"]),
            sha256=str(item["sha256"]).lower(),
            url=str(url),
        )

    def _json(self, url: httpx.URL, query: dict[str, str]) -> Any:
        response = self._patiently(lambda: self._http.get(url, params=query))
        self._check(response)
        try:
            return response.json()
        except ValueError as error:
            raise _strange() from error

    def _patiently(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        for pause in (*PAUSES, None):
            try:
                response = ask()
            except httpx.TransportError as error:
                if pause is None or isinstance(error, httpx.UnsupportedProtocol):
                    raise self.unreachable(error) from error
            else:
                if response.status_code not in _BUSY or pause is None:
                    return response
                response.close()
                pause = max(pause, _retry_after(response))  # noqa: PLW2901 - the server's own wish for a longer pause
            self._sleep(pause)
        raise AssertionError("the last round returns or raises")

    def unreachable(self, error: httpx.TransportError) -> Unreachable:
        where = f"{self._base.host}:{self._base.port}" if self._base.port else self._base.host
        if isinstance(error, httpx.ConnectError) and "certificate" in str(error).lower():
            return Unreachable(f"The certificate of {where} is not trusted by this computer; check the address.")
        return Unreachable(
            f"The server at {where} does not answer; check address and network, then run the same command again."
        )

    def _check(self, response: httpx.Response) -> None:
        """Raises the PullError an answer stands for; a good answer passes."""
        status = response.status_code
        if status in (200, 206):
            return
        if status == 401:
            raise WrongToken("The server does not accept this token; ask its administrator for a new one.")
        if status == 403:
            raise WrongToken("This token may not see that; ask the server's administrator for one that may.")
        if status == 404:
            raise _missing(response)
        if 300 <= status < 400:
            target = response.headers.get("Location", "another address")
            raise Refused(f"The server sends us on to {target}; give that address as --server if you trust it.")
        raise Refused(f"The server answered {status}{_said(response)}; tell its administrator if that stays so.")


def _lesson(item: dict[str, Any], file: Callable[[dict[str, Any]], File]) -> Lesson:
    return Lesson(
        id=str(item["id"]),
        title=str(item["title"]),
        room=str(item["room"]),
        state=str(item["state"]),
        started=_instant(item["started"]),
        seconds=float(item["seconds"]),
        gaps=int(item.get("gap_count") or 0),
        bytes=int(item.get("bytes") or 0),
        files=tuple(file(entry) for entry in item.get("files", ())),
    )


def _instant(value: Any) -> float:
    """Unix seconds of a time that is one already, or ISO 8601 with its offset."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def _missing(response: httpx.Response) -> PullError:
    parts = response.request.url.path.rstrip("/").split("/")
    if len(parts) >= 2 and parts[-2] == "lessons":
        return NoSuchLesson(f"There is no lesson {parts[-1]!r} on the server; `lms-pull --list` shows what there is.")
    if parts[-1] == "lessons":
        return Refused("There is no Darsbox server at that address; check --server.")
    return Missing(f"The server no longer has {parts[-1]!r}; tell its administrator.")


def _strange() -> Refused:
    return Refused("The server's answer is not one of a Darsbox server we know; check --server, or update lms-pull.")


def _retry_after(response: httpx.Response) -> float:
    wish = response.headers.get("Retry-After", "")
    return min(float(wish), 60.0) if wish.isdigit() else 0.0


def _said(response: httpx.Response) -> str:
    """The problem's own words (RFC 9457), when there are any."""
    try:
        response.read()
        problem = response.json()
    except (ValueError, httpx.TransportError):
        return ""
    detail = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f" ({str(detail).rstrip('.')})" if detail else ""
