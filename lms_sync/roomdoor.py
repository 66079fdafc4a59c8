"""The room's daemon as the agent asks it: over its own API on this machine, at the address that it left in the spool.

DaemonError
├── DaemonAway      nothing was asked: there is no daemon, or it does not take the connection
├── DaemonSilent    it was asked, and did not answer: what became of it is unknown
└── DaemonRefused   it says no; code and detail are its own
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from appliance.spool.layout import Spool

PATIENCE = 15.0
"""Seconds; Start waits for the first source, and answers well before."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CODE = re.compile(r"[a-z][a-z0-9-]{0,59}")


class DaemonError(Exception):
    """One sentence."""

    code = "daemon"


class DaemonAway(DaemonError):
    code = "daemon-away"


class DaemonSilent(DaemonError):
    code = "daemon-silent"


class DaemonRefused(DaemonError):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class RoomDoor:
    """transport: for tests; the network otherwise."""

    def __init__(self, spool: Spool, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._file = spool.root / "daemon.json"
        self._http = httpx.AsyncClient(transport=transport, timeout=PATIENCE, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def status(self) -> dict[str, Any]:
        """As GET /api/v1/status has it. Raises DaemonError."""
        return await self._ask("GET", "/status", None)

    async def order(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """start or stop; the status after it. Raises DaemonError."""
        return await self._ask("POST", f"/lesson/{verb}", body)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, f"{self._address()}/api/v1{path}", json=body)
            found = answer.json()
        except httpx.ConnectError as error:
            raise DaemonAway("The room's daemon does not run.") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise DaemonSilent("The room's daemon gave no answer.") from error
        if not isinstance(found, dict):
            raise DaemonSilent("The room's daemon gave an answer of another form.")
        if answer.is_success:
            return found
        code, detail = str(found.get("code", "")), str(found.get("detail", ""))
        raise DaemonRefused(code if _CODE.fullmatch(code) else "refused", plain(detail, 400))

    def _address(self) -> str:
        """Raises DaemonAway."""
        try:
            url = str(json.loads(self._file.read_bytes())["url"])
            host = urlsplit(url).hostname
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DaemonAway("The room's daemon has left no address.") from error
        if host not in _LOOPBACK:
            raise DaemonAway("The room's daemon is asked on this machine only.")
        return url


def plain(text: str, most: int) -> str:
    """As the wire takes it: printable, and not longer than that."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:most]
