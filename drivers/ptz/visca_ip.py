"""VISCA cameras on the network: Sony's VISCA over IP (UDP 52381), or plain VISCA over TCP as others have it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import ClassVar, Literal
from weakref import WeakKeyDictionary

from pydantic import Field

from drivers.errors import NotReady
from drivers.link.framing import Whole
from drivers.link.link import Link, line
from drivers.link.ways import TcpWay, UdpWay
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig
from drivers.ptz import visca_codec as visca
from drivers.ptz.visca_camera import GAP_SECONDS, SECONDS, ViscaCamera, ViscaConfig

UDP_PORT, TCP_PORT = 52381, 5678
TRIES = 2
"""A datagram may be lost, and a camera that was restarted counts anew."""

MANIFEST = DriverManifest(
    kind="ptz",
    name="visca-ip",
    title="Camera that turns (VISCA over IP)",
    capabilities=frozenset({"presets", "home", "pan-tilt", "zoom"}),
    needs=("VISCA over IP switched on in the camera's network settings",),
    tested_with=("a simulated camera over UDP, which the client visca-over-ip 0.5 understands",),
    transports=("UDP", "TCP"),
)


class ViscaIpConfig(ViscaConfig):
    host: str = Field(min_length=1)
    transport: Literal["udp", "tcp"] = "udp"
    """udp: Sony's, with sequence numbers; tcp: plain VISCA, as PTZOptics and others have it."""
    ip_port: int | None = Field(None, ge=1, le=65535)
    """52381 for udp, 5678 for tcp."""


Config = ViscaIpConfig

_SEQUENCES: WeakKeyDictionary[Link, Iterator[int]] = WeakKeyDictionary()


class Driver(ViscaCamera):
    """See ``drivers.protocols.Ptz``."""

    Config: ClassVar[type[DriverConfig]] = ViscaIpConfig

    def __init__(self, config: ViscaIpConfig) -> None:
        super().__init__(config)
        self._udp = UdpWay(config.host, config.ip_port or UDP_PORT) if config.transport == "udp" else None
        self._tcp = TcpWay(config.host, config.ip_port or TCP_PORT)

    @property
    def where(self) -> str:
        return (self._udp or self._tcp).where

    async def ask(self, words: bytes) -> visca.Reply:
        message = visca.to_camera(1, words)
        if self._udp is None:
            async with line(self._tcp, visca.FRAMING, gap=GAP_SECONDS) as link:
                return await link.ask(message, lambda body: self.judged(words, body, 1), seconds=SECONDS)
        async with line(self._udp, Whole(), gap=GAP_SECONDS, greet=_count_anew) as link:
            for attempt in range(1, TRIES + 1):
                try:
                    return await self._ask_numbered(link, words, message)
                except NotReady as error:
                    if attempt == TRIES or error.code not in {"device-silent", "device-nonsense", "ptz-sequence"}:
                        raise
                    link.renew()
        raise AssertionError("the last try returns or raises")

    async def _ask_numbered(self, link: Link, words: bytes, message: bytes) -> visca.Reply:
        # The first question opens the line, and with it the count begins; only then is the number known.
        await link.open()
        sequence = next(_SEQUENCES.setdefault(link, count(1)))
        kind = visca.INQUIRY if words[:1] == b"\x09" else visca.COMMAND

        def want(datagram: bytes) -> visca.Reply | None:
            packet = visca.packet(datagram)
            if packet is None or packet.sequence != sequence:
                return None
            if packet.type == visca.CONTROL_REPLY and packet.payload == visca.SEQUENCE_ERROR:
                raise NotReady("ptz-sequence", f"The camera at {self.where} lost count; it is asked again.")
            if packet.type != visca.REPLY:
                return None
            return self.judged(words, packet.payload.removesuffix(b"\xff"), 1)

        return await link.ask(bytes(visca.Packet(kind, sequence, message)), want, seconds=SECONDS)


async def _count_anew(link: Link) -> None:
    """Set the camera's sequence number to nothing, and ours with it."""
    _SEQUENCES[link] = count(1)

    def want(datagram: bytes) -> bytes | None:
        packet = visca.packet(datagram)
        return datagram if packet is not None and packet.type == visca.CONTROL_REPLY else None

    await link.exchange(bytes(visca.Packet(visca.CONTROL, 0, visca.RESET)), want, seconds=SECONDS)
