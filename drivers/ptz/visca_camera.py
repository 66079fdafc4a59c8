"""What every VISCA camera does, however its messages travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from pydantic import Field, field_validator

from drivers.errors import DriverError, NotReady, Unsupported
from drivers.protocols import DriverConfig, Power, PtzState
from drivers.ptz import visca_codec as visca
from drivers.ptz.steering import Steering

SECONDS = 1.0
"""A camera acknowledges within one picture or two; one that is busy may take longer."""
GAP_SECONDS = 0.02
PRESETS: Mapping[str, int] = {"board": 1, "lectern": 2, "class": 3}


class ViscaConfig(DriverConfig):
    """presets: names, and the numbers under which the camera keeps them (0 to 127; many keep only 0 to 5). camera: the
    id of the ``[[camera]]`` whose picture it turns, if that is not the one at its address or the only one."""

    camera: str = ""
    presets: dict[str, int] = Field(default_factory=lambda: dict(PRESETS))

    @field_validator("presets")
    @classmethod
    def _numbers(cls, presets: dict[str, int]) -> dict[str, int]:
        wrong = [name for name, number in presets.items() if not 0 <= number <= 127]
        if wrong:
            raise ValueError(f"must have numbers from 0 to 127, which {wrong[0]} has not")
        return presets


class ViscaCamera(ABC):
    """The hooks of ``drivers.protocols.Ptz`` over one question: words out, reply back."""

    def __init__(self, config: ViscaConfig) -> None:
        self._presets = config.presets
        self._steering = Steering(self._steer)

    @abstractmethod
    async def ask(self, words: bytes) -> visca.Reply:
        """The acknowledgement of a command, or the completion of an inquiry. Raises DriverError."""

    @property
    @abstractmethod
    def where(self) -> str:
        """As a person calls it."""

    @property
    def presets(self) -> tuple[str, ...]:
        return tuple(self._presets)

    async def check(self) -> None:
        await self._power()

    async def state(self) -> PtzState:
        power = await self._power()
        if power != "on":
            return PtzState(power)
        turned = await self._number(visca.PAN_TILT_INQUIRY, 8)
        return PtzState(
            "on",
            pan=None if turned is None else visca.signed(turned >> 16),
            tilt=None if turned is None else visca.signed(turned & 0xFFFF),
            zoom=await self._number(visca.ZOOM_INQUIRY, 4),
        )

    async def recall(self, preset: str) -> None:
        await self.ask(visca.recall(self._preset(preset)))

    async def store(self, preset: str) -> None:
        await self.ask(visca.store(self._preset(preset)))

    async def home(self) -> None:
        await self.ask(visca.HOME)

    async def move(self, pan: float, tilt: float) -> None:
        await self._steering.wish("move", visca.drive(pan, tilt))

    async def zoom(self, speed: float) -> None:
        await self._steering.wish("zoom", visca.zoom(speed))

    async def stop(self) -> None:
        self._steering.forget()
        await self.ask(visca.DRIVE_STOP)
        await self.ask(visca.ZOOM_STOP)

    async def _steer(self, _kind: str, words: bytes) -> None:
        await self.ask(words)

    async def _power(self) -> Power:
        said = await self.ask(visca.POWER_INQUIRY)
        return "on" if said.data == b"\x02" else "off"

    async def _number(self, words: bytes, places: int) -> int | None:
        try:
            said = await self.ask(words)
        except DriverError as error:
            if error.code in {"ptz-refuses", "ptz-cannot"}:
                return None
            raise
        try:
            return visca.nibbles(said.data) if len(said.data) == places else None
        except ValueError:
            return None

    def _preset(self, name: str) -> int:
        if name not in self._presets:
            raise Unsupported(
                "ptz-no-such",
                f'The camera at {self.where} has no preset "{name}"; there are: {", ".join(self._presets)}.',
                preset=name,
            )
        return self._presets[name]

    def judged(self, words: bytes, body: bytes, address: int) -> visca.Reply | None:
        """Whether a message answers these words. Raises NotReady or Unsupported for an error."""
        said = visca.reply(body, address)
        if said is None or said.error == "cancelled":  # of the move before, which this one ends
            return None
        if said.error in {"length", "syntax"}:
            raise Unsupported("ptz-cannot", f"The camera at {self.where} does not know this command.", where=self.where)
        if said.error:
            raise NotReady(
                "ptz-refuses",
                f"The camera at {self.where} cannot do this now ({said.error}); is it switched on, its menu closed?",
                where=self.where,
            )
        inquiry = words[:1] == b"\x09"
        return said if said.kind == ("completion" if inquiry else "ack") and bool(said.data) == inquiry else None
