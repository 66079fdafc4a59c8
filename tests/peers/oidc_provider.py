"""An OpenID Connect provider that is not ours (oidc-provider-mock), on the loopback, in a process of its own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from tests.peers.program import wait_until


class Provider:
    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def knows(self, subject: str, **claims: object) -> None:
        """A user, and what the provider says of them."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def lets_in(self, address: str, subject: str) -> str:
        """What the user's browser does there: choose who one is. Where it is sent back to, as a path."""
        answer = httpx.post(address, data={"sub": subject})
        return self._back(answer)

    def denies(self, address: str) -> str:
        """The user says no. Where the browser is sent back to."""
        return self._back(httpx.post(address, data={"action": "deny"}))

    def _back(self, answer: httpx.Response) -> str:
        assert answer.status_code in (302, 303), re.sub(r"<[^>]+>", " ", answer.text)[:500]
        parts = urlsplit(answer.headers["location"])
        return f"{parts.path}?{parts.query}"


@contextmanager
def provider() -> Iterator[Provider]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = Provider(f"http://127.0.0.1:{port}")

    def answers() -> bool:
        try:
            return httpx.get(f"{found.issuer}/.well-known/openid-configuration").is_success
        except httpx.TransportError:
            assert process.poll() is None, "the provider has ended"
            return False

    try:
        wait_until(answers, 20, "the provider")
        yield found
    finally:
        process.terminate()
        process.wait(10)
