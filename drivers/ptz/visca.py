"""VISCA cameras on a serial line, up to seven in a row (RS-232; RS-422 with a converter)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from drivers.errors import NotReady
from drivers.link.link import Link, line
from drivers.link.ways import SerialWay, Way
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig
from drivers.ptz import visca_codec as visca
from drivers.ptz.visca_camera import GAP_SECONDS, SECONDS, ViscaCamera, ViscaConfig

MANIFEST = DriverManifest(
    kind="ptz",
    name="visca",
    title="Camera that turns (VISCA, serial)",
    capabilities=frozenset({"presets", "home", "pan-tilt", "zoom", "chain"}),
    needs=("a serial cable to the camera's VISCA IN; its baud as in the camera's menu",),
    tested_with=("a simulated chain over a pseudo terminal",),
    transports=("RS-232", "RS-422"),
)


class ViscaSerialConfig(ViscaConfig):
    port: str = Field(min_length=1)
    baud: Literal[9600, 19200, 38400, 115200] = 9600
    address: int = Field(1, ge=1, le=7)
    """The camera's place in the row, counted from the computer."""


Config = ViscaSerialConfig


class Driver(ViscaCamera):
    """See ``drivers.protocols.Ptz``. All cameras of a row share one line, on which one question is asked at a time."""

    Config: ClassVar[type[DriverConfig]] = ViscaSerialConfig

    def __init__(self, config: ViscaSerialConfig) -> None:
        super().__init__(config)
        self._way = SerialWay(config.port, config.baud)
        self._address = config.address

    def way(self) -> Way:
        """Where the row of cameras is."""
        return self._way

    @property
    def where(self) -> str:
        return f"{self._way.port}, number {self._address}"

    async def ask(self, words: bytes) -> visca.Reply:
        async with line(self.way(), visca.FRAMING, gap=GAP_SECONDS, greet=_number_the_row) as link:
            message = visca.to_camera(self._address, words)
            try:
                return await link.ask(message, lambda body: self.judged(words, body, self._address), seconds=SECONDS)
            except NotReady as error:
                if error.code == "device-silent":
                    link.renew()  # who was switched off has forgotten its number; a new line begins with numbering
                raise


async def _number_the_row(link: Link) -> None:
    """Cameras count themselves: each takes the number it gets and passes on the next; the last comes back."""
    await link.exchange(visca.ADDRESS_SET, lambda body: body if body[-3:-1] == b"\x88\x30" else None, seconds=SECONDS)
    await link.exchange(
        visca.INTERFACE_CLEAR,
        lambda body: body if body.endswith(visca.INTERFACE_CLEAR[:-1]) else None,
        seconds=SECONDS,
        echo_counts=True,
    )
