"""Asking the server: every request signed, every answer doubted.

What can go wrong, as types that say what to do next. Each has a code for the ledger and the faces, and one sentence.

    SyncError
    ├── LinkError               nothing can be asked of the server now: wait, then go on where we were
    │   ├── Unreachable         no connection, a broken one, or no answer in time
    │   ├── NotOurServer        an answer, but of a captive portal, a proxy or another service
    │   ├── Busy                it is there but cannot now (429, 5xx); retry_after in seconds, or None
    │   └── NotAdmitted         it does not accept this room's signature
    │       └── Revoked         an admin has put this room out
    └── RequestError            our server, and it says no to this one request
        ├── Gone                404, 410: no such upload (any more)
        ├── Conflict            409: it stands at another offset, or is at work on it
        ├── Garbled             460: what arrived is not what the checksum says
        ├── TooLarge            413: the server's limit, or that of a proxy on the way
        └── Refused             anything else

Redirects are never followed, cookies never kept, answers never read past ``LARGEST_ANSWER``. No request takes longer
than ``PATIENCE`` seconds without moving. The server's clock is learned from Darsbox-Time and carried on by our
monotonic one, so a wrong clock in the room costs one extra request.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
from joserfc.jwk import OKPKey

from lms_sync import wire
from lms_sync.pace import HEADERS
from lms_sync.pacer import Pacer

LARGEST_ANSWER = 64 * 1024
PATIENCE = 30.0
"""Seconds without a byte taken or an answer given until a request counts as lost."""
LONGEST_RETRY_AFTER = 3600.0
_UNSENT_IN_KERNEL = 128 * 1024
"""Bytes the kernel may hold unsent: so progress is real, and a time-out means the link and not our own buffer."""
_PROBLEM = "application/problem+json"
_CODE = re.compile(r"[a-z][a-z0-9-]{0,59}")


class SyncError(Exception):
    """Base of all. code: for the ledger and the faces; detail: one plain sentence."""

    code = "sync"

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class LinkError(SyncError):
    code = "link"


class Unreachable(LinkError):
    code = "server-unreachable"


class NotOurServer(LinkError):
    code = "not-our-server"


class Busy(LinkError):
    code = "server-busy"

    def __init__(self, detail: str, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail, code)
        self.retry_after = retry_after


class NotAdmitted(LinkError):
    code = "not-admitted"


class Revoked(NotAdmitted):
    code = "room-revoked"


class RequestError(SyncError):
    code = "refused"


class Gone(RequestError):
    code = "gone"


class Conflict(RequestError):
    code = "conflict"


class Garbled(RequestError):
    code = "checksum-mismatch"


class TooLarge(RequestError):
    code = "too-large"


class Refused(RequestError):
    code = "refused"


class _ClockSkew(Exception):
    """Our proof's time was wrong; the server's is known now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is our server's. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises NotOurServer when the body is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError as error:
            raise NotOurServer("The server's answer cannot be read.") from error
        if not isinstance(found, dict):
            raise NotOurServer("The server's answer has another form than expected.")
        return found

    def number(self, name: str) -> int | None:
        """A header that is a whole number of at least 0; None when it is missing or anything else."""
        value = self.headers.get(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


class ServerClock:
    """What the server's clock says now, as far as it told us; until then our own."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead: float | None = None

    @property
    def known(self) -> bool:
        """Whether the server has spoken."""
        return self._ahead is not None

    def now(self) -> float:
        return self._wall() if self._ahead is None else self._steady() + self._ahead

    def learn(self, server_time: float) -> float:
        """Returns by how many seconds we were wrong."""
        wrong = server_time - self.now()
        self._ahead = server_time - self._steady()
        return wrong


class Client:
    """Requests of one room to one server. An async context manager; one event loop.

    server: scheme, host and port. transport: for tests; the network otherwise. patience: seconds
    (``PATIENCE``). largest: bytes of an answer (``LARGEST_ANSWER``).
    """

    def __init__(
        self,
        server: str,
        room: str = "",
        key: OKPKey | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: ServerClock | None = None,
        patience: float = PATIENCE,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        self._largest = largest
        self.server = server.rstrip("/")
        self._room = room
        self._key = key
        self._patience = patience
        self.clock = clock or ServerClock()
        self.last_contact: float | None = None
        """Unix seconds, by the room's clock, of the last answer that was our server's."""
        self.pacer = Pacer()
        """What bodies wait for; the agent puts its own here."""
        self._http = httpx.AsyncClient(
            transport=transport or _transport(self.server),
            timeout=httpx.Timeout(patience, connect=min(patience, 10.0)),
            headers={"Accept-Encoding": "identity", "User-Agent": "darsbox-sync"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    def path_of(self, location: str) -> str:
        """The path (and query) of a Location, absolute or relative; the host it names is not followed: behind a proxy
        a server often misjudges its own. Raises NotOurServer."""
        try:
            url = httpx.URL(self.server + wire.UPLOADS).join(location)
        except (httpx.InvalidURL, ValueError) as error:
            raise NotOurServer("The server named an upload by an address that cannot be read.") from error
        path = url.raw_path.decode("ascii")
        if not path.startswith("/") or not 1 < len(path) <= 1024:
            raise NotOurServer("The server named an upload by an address that cannot be used.")
        return path

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | memoryview = b""
    ) -> Answer:
        """An answer with a status of 2xx that is our server's. Raises SyncError."""
        signed = (headers or {}).get(wire.PIECES_HEADER, "").encode() or body
        digest = await asyncio.to_thread(_sha256, signed) if len(signed) > 256 * 1024 else _sha256(signed)
        try:
            return await self._ask_again_in_time(method, path, headers or {}, body, digest)
        except NotAdmitted as error:
            if method == "HEAD" and error.code == NotAdmitted.code:
                # The answer to a HEAD has no body that could say why; this one's has.
                await self._ask_again_in_time("GET", f"{path}/receipt", {}, b"", wire.EMPTY_SHA256)
            raise

    async def _ask_again_in_time(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | memoryview, digest: str
    ) -> Answer:
        """Once more when only our clock was wrong."""
        try:
            return await self._ask(method, path, headers, body, digest)
        except _ClockSkew:
            pass
        try:
            return await self._ask(method, path, headers, body, digest)
        except _ClockSkew as error:
            raise NotAdmitted("The server does not accept this room's clock, nor its own.", "clock-skew") from error

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | memoryview, digest: str
    ) -> Answer:
        sent = dict(headers)
        if self._key is not None:
            sent["Authorization"] = wire.prove(
                self._key, self._room, method=method, path=path, body_sha256=digest, now=self.clock.now()
            )
        try:
            async with asyncio.timeout(self._patience) as deadline:
                content: bytes | AsyncIterator[bytes] = b""
                self.pacer.spend(HEADERS)
                if body:
                    content = self._paced(body, deadline)
                    sent["Content-Length"] = str(len(body))
                url, watch = self.server + path, {"trace": self._trace}
                async with self._http.stream(method, url, headers=sent, content=content, extensions=watch) as response:
                    return self._judge(response, await _read(response, self._largest))
        except TimeoutError as error:
            raise Unreachable("The server did not answer in time.") from error
        except httpx.TimeoutException as error:
            raise Unreachable("The server did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise NotOurServer("The server's certificate is not trusted.", "bad-certificate") from error
            raise Unreachable(f"The server cannot be reached ({_why(error)}).") from error

    def _paced(self, body: bytes | memoryview, deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The body in its pieces; each one that moves puts the deadline off."""
        loop = asyncio.get_running_loop()

        def moved() -> None:
            deadline.reschedule(loop.time() + self._patience)

        return self.pacer.pieces(body, moved)

    async def _trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """Told by httpcore what it does: a new connection is one whose delay can be felt, already by its first body."""
        if event == "connection.connect_tcp.complete":
            self.pacer.connected(facts["return_value"].get_extra_info("socket"))

    def _judge(self, response: httpx.Response, body: bytes) -> Answer:
        status = response.status_code
        headers = {name.lower(): value for name, value in response.headers.items()}
        server_time = _time(headers.get(wire.TIME_HEADER.lower()))
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        ours = (
            server_time is not None
            or headers.get("tus-resumable") == wire.TUS_VERSION
            or kind == _PROBLEM
            or (kind == "application/json" and status < 300)
        )
        if headers.get("content-encoding", "identity") != "identity":
            ours = False
        if ours:
            self.last_contact = time.time()
            wrong = self.clock.learn(server_time) if server_time is not None else 0.0
            if status == 401 and abs(wrong) > wire.MAX_SKEW / 2:
                raise _ClockSkew
        if 200 <= status < 300 and ours:
            return Answer(status, headers, body)
        raise _error(status, headers, _problem(kind, body), ours)


def _error(status: int, headers: Mapping[str, str], problem: Mapping[str, str], ours: bool) -> SyncError:
    """The meaning of every answer that is not what was asked for."""
    code, detail = problem.get("code"), problem.get("detail")
    if status in {408, 423, 425, 429} or status >= 500:
        return Busy(detail or f"The server cannot at the moment ({status}).", code, _retry_after(headers))
    if status == 413:
        return TooLarge(detail or "That is too large for the server or for a proxy on the way.", code)
    if not ours:
        if 300 <= status < 400:
            return NotOurServer("Something redirects us elsewhere; the network may want a login first.")
        return NotOurServer(f"Something else than a Darsbox server answers there ({status}).")
    if status in {401, 403}:
        kind = Revoked if code == Revoked.code else NotAdmitted
        return kind(detail or "The server does not accept this room; enrol it again.", code)
    kinds: dict[int, type[RequestError]] = {404: Gone, 410: Gone, 409: Conflict, 460: Garbled}
    return kinds.get(status, Refused)(detail or f"The server refuses the request ({status}).", code)


def _transport(server: str) -> httpx.AsyncBaseTransport:
    """The network, through the proxy that the environment names, if any."""
    url = httpx.URL(server)
    proxy = urllib.request.getproxies().get(url.scheme)
    if proxy is not None and urllib.request.proxy_bypass(url.host):
        proxy = None
    options = [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_IN_KERNEL)]
    return httpx.AsyncHTTPTransport(proxy=proxy, socket_options=options)


async def _read(response: httpx.Response, largest: int) -> bytes:
    found = bytearray()
    async for part in response.aiter_raw():
        found += part
        if len(found) > largest:
            raise NotOurServer("The answer is longer than any of a Darsbox server.")
    return bytes(found)


def _sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest() if data else wire.EMPTY_SHA256


def _time(text: str | None) -> float | None:
    try:
        found = float(text) if text else math.nan
    except ValueError:
        return None
    return found if 0 < found < 1e11 else None


def _problem(kind: str, body: bytes) -> dict[str, str]:
    """code and detail of problem JSON, as far as they are text of a sane length."""
    if kind != _PROBLEM:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    known = {name: found[name][:300] for name in ("code", "detail") if isinstance(found.get(name), str)}
    if not _CODE.fullmatch(known.get("code", "")):
        known.pop("code", None)
    return known


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header may also be a date, which is held against the answer's own."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER) if math.isfinite(seconds) else None


def _why(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text[:120] if text else type(error).__name__
