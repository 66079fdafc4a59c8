"""What class 2 projectors say by UDP: that they are here (``%2ACKN``), and that their state has changed (``%2POWR=1``).

A projector sends notices to the machine that spoke with it last, at the same port. PJLink Class 2, version 2.00.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable

PORT = 4352
SEARCH_SECONDS = 2.0
NOTICES = frozenset({"LKUP", "ERST", "POWR", "INPT"})
_NOTICE = re.compile(rb"%2([A-Z]{4})=([^\r\n]{0,40})\r?")


def notice(datagram: bytes) -> tuple[str, str] | None:
    """The command and value of a notice; None for anything else."""
    found = _NOTICE.fullmatch(datagram)
    if found is None or found[1].decode() not in NOTICES:
        return None
    return found[1].decode(), found[2].decode("utf-8", "replace")


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[str, bytes], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._heard(str(addr[0]), data)


class Notices:
    """Calls back with a projector's address whenever it says that something changed, so that it can be asked at once.

    Several programs may listen at the port. Raises OSError when it cannot be had; polling goes on without notices.
    """

    def __init__(self, changed: Callable[[str, str, str], None], *, host: str = "0.0.0.0", port: int = PORT) -> None:  # noqa: S104 - projectors must reach it
        """changed: the projector's address, the command, the value."""
        self._changed = changed
        self._host = host
        self.port = port
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._heard), sock=_socket(self._host, self.port)
        )
        self.port = int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _heard(self, host: str, datagram: bytes) -> None:
        said = notice(datagram)
        if said is not None:
            self._changed(host, *said)


async def search(target: str = "255.255.255.255", port: int = PORT, seconds: float = SEARCH_SECONDS) -> list[str]:
    """Addresses of the class 2 projectors that answer; none when this machine has no network to ask."""
    found: set[str] = set()

    def heard(host: str, datagram: bytes) -> None:
        if datagram.startswith(b"%2ACKN="):
            found.add(host)

    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Ear(heard),
            sock=_socket("0.0.0.0", 0),  # noqa: S104 - answers come from anywhere
        )
    except OSError:
        return []
    try:
        transport.sendto(b"%2SRCH\r", (target, port))
        await asyncio.sleep(seconds)
    finally:
        transport.close()
    return sorted(found)


def _socket(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
