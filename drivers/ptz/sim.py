"""A camera that turns, without a camera: it speaks VISCA, alone or in a row, over a serial line or over IP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from drivers.link.stand_in import port_of
from drivers.link.ways import SerialWay, Way
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig
from drivers.ptz import visca
from drivers.ptz import visca_codec as codec
from drivers.ptz.visca_camera import ViscaConfig

PAN_LIMIT, TILT_LIMIT, ZOOM_LIMIT = 2448, 1296, 0x4000
FULL_SPEED = 1000.0
"""Steps a second; zooming is ten times as many."""

MANIFEST = DriverManifest(
    kind="ptz",
    name="sim",
    title="Simulated camera that turns",
    capabilities=frozenset({"presets", "home", "pan-tilt", "zoom"}),
    tested_with=("itself", "visca-over-ip 0.5 (client)"),
    transports=("pseudo terminal",),
)


class SimPtzConfig(ViscaConfig):
    """Nothing to set but what every such camera has."""


Config = SimPtzConfig


class Camera:
    """One camera: where it looks, and what it says to a message's words (without address and end)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on = True
        self.pan = self.tilt = self.zoom = 0.0
        self.presets: dict[int, tuple[float, float, float]] = {}
        self._speed = (0.0, 0.0, 0.0)
        self._clock = clock
        self._at = clock()

    def said(self, words: bytes) -> list[bytes]:
        """Its answers, without address and end."""
        self._move_on()
        if words[:1] == b"\x09":
            return [self._told(words)]
        done = self._does(words)
        if done is None:
            return [b"\x60\x02"]
        return [b"\x41", b"\x51"] if done else [b"\x61\x41"]

    def _told(self, words: bytes) -> bytes:
        if words == codec.POWER_INQUIRY:
            return b"\x50\x02" if self.on else b"\x50\x03"
        if words == codec.PAN_TILT_INQUIRY:
            return b"\x50" + codec.in_nibbles(round(self.pan)) + codec.in_nibbles(round(self.tilt))
        if words == codec.ZOOM_INQUIRY:
            return b"\x50" + codec.in_nibbles(round(self.zoom))
        return b"\x60\x02"

    def _does(self, words: bytes) -> bool | None:
        """None: it does not know the command; False: not now."""
        match words:
            case b"\x01\x04\x00\x02" | b"\x01\x04\x00\x03":
                self.on = words[-1] == 2
                return True
            case b"\x01\x00\x01":
                return True
        if not self.on:
            return False
        pan, tilt, zoom = self._speed
        match list(words):
            case [1, 6, 4]:
                self.pan = self.tilt = 0.0
            case [1, 6, 1, pan_speed, tilt_speed, 1 | 2 | 3 as side, 1 | 2 | 3 as height]:
                pan = {1: -1, 2: 1, 3: 0}[side] * pan_speed / codec.PAN_SPEEDS
                tilt = {1: 1, 2: -1, 3: 0}[height] * tilt_speed / codec.TILT_SPEEDS
            case [1, 4, 7, 0]:
                zoom = 0.0
            case [1, 4, 7, 2 | 3 as way]:
                zoom = 0.5 if way == 2 else -0.5
            case [1, 4, 7, speed] if speed >> 4 in {2, 3}:
                zoom = (1 if speed >> 4 == 2 else -1) * (speed & 0x0F) / codec.ZOOM_SPEEDS
            case [1, 4, 0x3F, 1, number]:
                self.presets[number] = (self.pan, self.tilt, self.zoom)
            case [1, 4, 0x3F, 2, number]:
                self.pan, self.tilt, self.zoom = self.presets.get(number, (self.pan, self.tilt, self.zoom))
            case _:
                return None
        self._speed = (pan, tilt, zoom)
        return True

    def _move_on(self) -> None:
        """To where it has turned since it was last asked."""
        now = self._clock()
        passed, self._at = (now - self._at) * FULL_SPEED, now
        pan, tilt, zoom = self._speed
        self.pan = max(-PAN_LIMIT, min(PAN_LIMIT, self.pan + pan * passed))
        self.tilt = max(-TILT_LIMIT, min(TILT_LIMIT, self.tilt + tilt * passed))
        self.zoom = max(0.0, min(ZOOM_LIMIT, self.zoom + zoom * passed * 10))


class Row:
    """Cameras on one serial line. They answer only once they were given their numbers, as real ones do."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self.cameras = cameras
        self.numbered = False
        self._buffer = bytearray()

    def answer(self, data: bytes) -> bytes:
        self._buffer += data
        return b"".join(self._said(body) for body in codec.FRAMING.cut(self._buffer))

    def _said(self, body: bytes) -> bytes:
        if body == codec.ADDRESS_SET[:-1]:
            self.numbered = True
            return bytes([0x88, 0x30, 1 + len(self.cameras), 0xFF])
        if body == codec.INTERFACE_CLEAR[:-1]:
            return codec.INTERFACE_CLEAR
        number = body[0] - 0x80
        if not self.numbered or not 1 <= number <= len(self.cameras):
            return b""
        sender = bytes([0x80 + (number << 4)])
        return b"".join(sender + said + b"\xff" for said in self.cameras[number - 1].said(body[1:]))


class IpCamera(asyncio.DatagramProtocol):
    """A camera behind a UDP socket, with Sony's sequence numbers: one that is not the next is refused."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.expected: int | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # what create_datagram_endpoint promises

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        for said in self.answers(data):
            if self._transport is not None:
                self._transport.sendto(said, addr)

    def answers(self, datagram: bytes) -> list[bytes]:
        packet = codec.packet(datagram)
        if packet is None:
            return []
        if packet.type == codec.CONTROL and packet.payload == codec.RESET:
            self.expected = None
            return [bytes(codec.Packet(codec.CONTROL_REPLY, packet.sequence, codec.RESET))]
        if packet.type not in {codec.COMMAND, codec.INQUIRY} or packet.payload[:1] != b"\x81":
            return []
        if self.expected is not None and packet.sequence < self.expected:
            return [bytes(codec.Packet(codec.CONTROL_REPLY, packet.sequence, codec.SEQUENCE_ERROR))]
        self.expected = packet.sequence + 1
        words = packet.payload[1:].removesuffix(b"\xff")
        return [
            bytes(codec.Packet(codec.REPLY, packet.sequence, b"\x90" + said + b"\xff"))
            for said in self.camera.said(words)
        ]


class Driver(visca.Driver):
    """The real serial driver, at a simulated camera's port. See ``drivers.protocols.Ptz``."""

    Config: ClassVar[type[DriverConfig]] = SimPtzConfig

    def __init__(self, config: SimPtzConfig) -> None:
        super().__init__(
            visca.ViscaSerialConfig(id=config.id, driver="visca", port="simulated", presets=config.presets)
        )
        self._name = config.id

    def way(self) -> Way:
        return SerialWay(port_of(f"ptz {self._name}", lambda: Row([Camera()]).answer))
