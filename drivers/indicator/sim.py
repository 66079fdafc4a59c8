"""A lamp without a lamp: the usual serial relay, behind a real pseudo terminal."""

from __future__ import annotations

from typing import ClassVar

from drivers.indicator import serial_relay as real
from drivers.indicator.lamp import LampConfig
from drivers.link.framing import Counted
from drivers.link.stand_in import port_of
from drivers.link.ways import SerialWay, Way
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig

MANIFEST = DriverManifest(
    kind="indicator",
    name="sim",
    title="Simulated lamp",
    capabilities=frozenset({"lamp"}),
    tested_with=("itself",),
    transports=("pseudo terminal",),
)


class SimLampConfig(LampConfig):
    """Nothing to set but what every such lamp has."""


Config = SimLampConfig


class Relay:
    """The device's end: four bytes, the last the sum of the others. on: whether the lamp has current."""

    def __init__(self) -> None:
        self.on = False
        self._buffer = bytearray()

    def answer(self, data: bytes) -> bytes:
        self._buffer += data
        for body in Counted(adds=4, start=b"\xa0\x01").cut(self._buffer):
            state, total = body
            if total == (0xA1 + state) % 256 and state in {0, 1}:
                self.on = state == 1
        return b""


class Driver(real.Driver):
    """The real driver, at a simulated relay's port. See ``drivers.protocols.Indicator``."""

    Config: ClassVar[type[DriverConfig]] = SimLampConfig

    def __init__(self, config: SimLampConfig) -> None:
        super().__init__(real.SerialRelayConfig(id=config.id, driver="serial-relay", port="simulated", lit=config.lit))

    def way(self) -> Way:
        return SerialWay(port_of(f"indicator {self.config.id}", lambda: Relay().answer))
