"""Who an agent is: Basic (RFC 7617) or Digest (RFC 7616: MD5, qop=auth).

Nonces are the time and an HMAC over it, so that any web process of the server knows those of the others. A request that
was overheard may be repeated as long as its nonce lives; over a network that is not trusted, agents use HTTPS.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from urllib.request import parse_http_list, parse_keqv_list

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.problems import problem
from lms_server.catalog.agents import REALM, Agent, Agents, ha1_of
from lms_server.errors import Unauthenticated

NONCE_SECONDS = 300.0


class Stranger(Unauthenticated):
    """No login, or one that does not hold. stale: it holds, but its nonce is too old."""

    def __init__(self, detail: str, *, stale: bool = False) -> None:
        super().__init__("not-signed-in", detail)
        self.stale = stale


class Logins:
    def __init__(self, agents: Agents, secret: str, clock: Callable[[], float]) -> None:
        """secret: the same in every process of this server."""
        self._agents = agents
        self._secret = secret.encode()
        self._clock = clock

    async def require(self, request: Request) -> Agent:
        """Whose request it is. Raises Stranger, and TooManyAttempts for who guesses."""
        target = request.scope["raw_path"].decode("ascii", "replace")
        if request.url.query:
            target += f"?{request.url.query}"
        address = request.client.host if request.client is not None else ""
        header = request.headers.get("authorization", "")
        return await run_in_threadpool(self._agent, header, request.method, target, address)

    async def refusal(self, request: Request, error: Exception) -> Response:
        """The answer to a stranger, with what it may sign in by; an exception handler."""
        assert isinstance(error, Stranger)  # noqa: S101  starlette calls it with nothing else
        answer = problem(401, error.code, error.detail)
        stale = ", stale=true" if error.stale else ""
        digest = f'Digest realm="{REALM}", qop="auth", nonce="{self._nonce()}", algorithm=MD5{stale}'
        answer.headers.append("WWW-Authenticate", digest)
        if request.headers.get("x-requested-auth", "").lower() != "digest":
            answer.headers.append("WWW-Authenticate", f'Basic realm="{REALM}", charset="UTF-8"')
        return answer

    def _agent(self, header: str, method: str, target: str, address: str) -> Agent:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic":
            return self._basic(rest, address)
        if scheme.lower() == "digest":
            return self._digest(rest, method, target, address)
        raise Stranger("Sign in as a capture agent, by Basic or Digest.")

    def _basic(self, credentials: str, address: str) -> Agent:
        try:
            name, colon, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Stranger("The login is not base64 of a name and a password.") from error
        known = self._agents.login(name, address)
        if known is None or not colon or not hmac.compare_digest(ha1_of(name, password[:1000]), known[1]):
            raise self._wrong(name, address)
        return self._right(known[0], address)

    def _digest(self, text: str, method: str, target: str, address: str) -> Agent:
        try:
            said = parse_keqv_list(parse_http_list(text))
            name, nonce = said["username"], said["nonce"]
            parts = nonce, said["nc"], said["cnonce"], said["qop"]
            uri, response = said["uri"], said["response"]
        except (KeyError, ValueError, IndexError) as error:
            raise Stranger("The digest lacks one of its parts.") from error
        made = self._made(nonce)
        if parts[3] != "auth" or uri != target:
            raise Stranger("The digest is for another address or of another kind than was asked for.")
        if made is None:
            raise Stranger("The digest's nonce is not of this server.", stale=True)
        known = self._agents.login(name, address)
        expected = _response(known[1] if known is not None else "", parts, method, uri)
        if known is None or not hmac.compare_digest(expected.encode(), response.encode()):
            raise self._wrong(name, address)
        if not abs(self._clock() - made) <= NONCE_SECONDS:
            raise Stranger("The digest's nonce is too old.", stale=True)
        return self._right(known[0], address)

    def _wrong(self, name: str, address: str) -> Stranger:
        self._agents.failed(name, address)
        return Stranger("The agent's name or its password is wrong.")

    def _right(self, agent: Agent, address: str) -> Agent:
        self._agents.signed_in(agent, address)
        return agent

    def _nonce(self) -> str:
        return self._sealed(f"{int(self._clock()):x}")

    def _sealed(self, made: str) -> str:
        seal = hmac.new(self._secret, f"agents' nonce {made}".encode(), hashlib.sha256).hexdigest()
        return f"{made}-{seal[:40]}"

    def _made(self, nonce: str) -> float | None:
        """When a nonce was made; None for one that this server did not make."""
        made = nonce.partition("-")[0]
        if not hmac.compare_digest(self._sealed(made).encode(), nonce.encode()):
            return None
        return float(int(made, 16))


def _response(ha1: str, parts: tuple[str, str, str, str], method: str, uri: str) -> str:
    """parts: nonce, nc, cnonce, qop."""
    ha2 = hashlib.md5(f"{method}:{uri}".encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(":".join((ha1, *parts, ha2)).encode(), usedforsecurity=False).hexdigest()
