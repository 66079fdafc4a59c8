"""A lamp on any relay at a serial port that is switched by a pair of messages, as its maker's sheet gives them.

The usual one-channel boards with a CH340 (LCUS-1 and its like): ``A0 01 01 A2`` is on, ``A0 01 00 A1`` off, 9600 baud,
no answer.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from drivers.indicator.lamp import LampConfig
from drivers.link.framing import Whole
from drivers.link.link import line
from drivers.link.ways import Parity, SerialWay, Way
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig, Signal

SECONDS = 1.0
"""How long a relay that answers may take."""
GAP_SECONDS = 0.05
ON, OFF = "A0 01 01 A2", "A0 01 00 A1"

MANIFEST = DriverManifest(
    kind="indicator",
    name="serial-relay",
    title="Lamp on a serial or USB relay",
    capabilities=frozenset({"lamp"}),
    needs=("the relay's cable; the group dialout",),
    tested_with=("pseudo terminals",),
    transports=("RS-232", "USB"),
)


def _bytes(text: str) -> str:
    try:
        bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f'must be bytes of two hexadecimal digits each, such as "{ON}"') from error
    return text


Hex = Annotated[str, AfterValidator(_bytes)]


class SerialRelayConfig(LampConfig):
    port: str = Field(min_length=1)
    baud: int = Field(9600, ge=300, le=1_000_000)
    parity: Parity = "none"
    on_bytes: Hex = Field(ON, min_length=2)
    off_bytes: Hex = Field(OFF, min_length=2)
    on_answer: Hex = ""
    """What the relay says when it is on; empty: it never answers, and is believed once the port took the bytes."""
    off_answer: Hex = ""


Config = SerialRelayConfig


class Driver:
    """See ``drivers.protocols.Indicator``."""

    Config: ClassVar[type[DriverConfig]] = SerialRelayConfig

    def __init__(self, config: SerialRelayConfig) -> None:
        self.config = config

    def way(self) -> Way:
        """Where the relay is."""
        return SerialWay(self.config.port, self.config.baud, self.config.parity)

    async def check(self) -> None:
        async with line(self.way(), Whole(), gap=GAP_SECONDS) as link:
            await link.open()

    async def show(self, signal: Signal) -> None:
        on, config = self.config.on(signal), self.config
        order = bytes.fromhex(config.on_bytes if on else config.off_bytes)
        answer = bytes.fromhex(config.on_answer if on else config.off_answer)
        async with line(self.way(), Whole(), gap=GAP_SECONDS) as link:
            if not answer:
                await link.tell(order)
                return
            heard = bytearray()

            def want(piece: bytes) -> bool | None:
                heard.extend(piece)
                return answer in heard or None

            await link.ask(order, want, seconds=SECONDS, echo_counts=True)
