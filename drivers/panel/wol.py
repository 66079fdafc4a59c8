"""A panel or a computer that is only woken: Wake-on-LAN.

The magic packet (AMD, Magic Packet Technology, publication 20213): six bytes FF and the network card's address sixteen
times, here by UDP to port 9 of the broadcast address, as sleeping devices have no address of their own. It is never
answered; whether the device is awake is seen from its TCP, which accepts or refuses a connection only when it is.
"""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from drivers.errors import NotReady
from drivers.manifest import DriverManifest
from drivers.panel.few import FewWords
from drivers.protocols import DriverConfig, PanelState

DISCARD = 9
SECONDS = 1.5
TIMES = 3
"""A packet that nobody confirms may get lost."""

MANIFEST = DriverManifest(
    kind="panel",
    name="wol",
    title="Panel or computer woken by Wake-on-LAN",
    capabilities=frozenset({"power"}),
    needs=("Wake-on-LAN switched on in its menu, and a cable: few wake by WLAN",),
    tested_with=("a UDP socket",),
    transports=("UDP", "TCP"),
)


def _mac(text: str) -> str:
    digits = re.sub(r"[:.-]", "", text)
    if not re.fullmatch(r"[0-9A-Fa-f]{12}", digits):
        raise ValueError('must be the address of its network card, such as "00:11:22:AA:BB:CC"')
    return digits.upper()


class WolConfig(DriverConfig):
    mac: Annotated[str, AfterValidator(_mac)]
    host: str = Field(min_length=1)
    """Its own address, to see whether it is awake."""
    tcp_port: int = Field(DISCARD, ge=1, le=65535)
    """Any port that its firewall does not hide; it need not be open."""
    broadcast: str = "255.255.255.255"
    """Where the packet goes: of a network behind a router its own, such as 192.168.1.255."""
    wake_port: int = Field(DISCARD, ge=1, le=65535)


Config = WolConfig


def magic(mac: str) -> bytes:
    """The 102 bytes that wake this card."""
    return b"\xff" * 6 + bytes.fromhex(mac) * 16


class Driver(FewWords):
    """See ``drivers.protocols.Panel``."""

    Config: ClassVar[type[DriverConfig]] = WolConfig
    words = "Wake-on-LAN"

    def __init__(self, config: WolConfig) -> None:
        self._config = config

    @property
    def can(self) -> frozenset[str]:
        return frozenset({"power"})

    async def check(self) -> None:
        """It may sleep; but its name must be known."""
        try:
            await asyncio.get_running_loop().getaddrinfo(self._config.host, self._config.tcp_port)
        except OSError as error:
            raise NotReady(
                "device-unreachable",
                f"Nobody knows the address of {self._config.host}; check host.",
                where=self._config.host,
            ) from error

    async def state(self) -> PanelState:
        try:
            async with asyncio.timeout(SECONDS):
                _, writer = await asyncio.open_connection(self._config.host, self._config.tcp_port)
        except ConnectionRefusedError:
            return PanelState("on")  # who refuses is awake
        except (OSError, TimeoutError):
            return PanelState("off")
        writer.close()
        return PanelState("on")

    async def power(self, *, on: bool) -> None:
        """Returns when the packets are on their way; nobody confirms them."""
        if not on:
            raise self.cannot("power off")
        where = (self._config.broadcast, self._config.wake_port)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                for _ in range(TIMES):
                    out.sendto(magic(self._config.mac), where)
        except OSError as error:
            raise NotReady(
                "device-unreachable",
                f"No packet can be sent to {where[0]} ({error.strerror}); check the room PC's network, and broadcast.",
                where=where[0],
            ) from error
