"""A panel without a panel: it speaks the protocol of any profile, behind a real pseudo terminal."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from drivers.link.framing import Counted, Ended, Framing, checksum
from drivers.link.stand_in import port_of
from drivers.link.ways import SerialWay, Way
from drivers.manifest import DriverManifest
from drivers.panel import profile as real
from drivers.panel.model import ACTIONS, Action, Profile
from drivers.panel.template import Template, Value
from drivers.protocols import DriverConfig

MANIFEST = DriverManifest(
    kind="panel",
    name="sim",
    title="Simulated panel",
    capabilities=frozenset({"power", "input", "volume", "mute", "freeze", "blank", "hours", "errors"}),
    tested_with=("itself",),
    transports=("pseudo terminal",),
)


class SimPanelConfig(DriverConfig):
    profile: str = Field("smart", min_length=1)
    """Whose protocol it speaks."""


Config = SimPanelConfig


class Simulator:
    """The device's end of a profile's protocol. ``state`` is what it would show, in our words and percent."""

    def __init__(self, profile: Profile, address: int | None = None) -> None:
        self.profile = profile
        self.state: dict[str, str | int] = {"power": "off", "volume": 30, "hours": 1234, "errors": "none"}
        self.state |= dict.fromkeys(("mute", "freeze", "blank"), "off")
        if profile.input is not None:
            self.state["input"] = next(iter(profile.input.values))
        self._address = profile.address.default if address is None else address
        self._buffer = bytearray()
        self._hears = _hearing(profile)

    def answer(self, data: bytes) -> bytes:
        self._buffer += data
        return b"".join(self._said(body) for body in self._hears.cut(self._buffer))

    def _said(self, body: bytes) -> bytes:
        mine: dict[str, Value] = {"id": self._address}
        for name in ACTIONS:
            action = self.profile.action(name)
            if action is None:
                continue
            if action.get and self._template(action.get).match(body, mine) is not None:
                return self._frame(action.reply or "", {**mine, "value": self._shown(name, action)})
            raw = self._template(action.set).match(body, mine) if action.set else None
            if raw is not None and action.set:
                said = action.meaning(self._template(action.set), raw)
                self.state[name] = int(said) if action.range is not None else said
                return self._frame(action.ack or action.reply or "", {**mine, "value": self._shown(name, action)})
        return b""

    def _shown(self, name: str, action: Action) -> Value:
        value = self.state[name]
        return value if isinstance(value, int) and action.range is None else action.wire(value)

    def _template(self, words: str) -> Template:
        return Template.parse(words, self.profile.notation)

    def _frame(self, words: str, values: dict[str, Value]) -> bytes:
        """The message; what the profile leaves open is filled with so many zeros as make it whole."""
        receive, zero = self.profile.receive, "00" if self.profile.notation == "hex" else "0"
        framing = self.profile.framing()
        for zeros in range(24):
            body = self._template(words).encode({**values, "any": zero * zeros})
            end = self.profile.raw(receive.end)
            frame = self.profile.raw(receive.start) + body + checksum(receive.checksum, body) + end
            if framing.cut(bytearray(frame)) == [body]:
                return frame
        raise ValueError(f"no message fits {words}")


def _hearing(profile: Profile) -> Framing:
    """How the device reads what it is sent."""
    send, receive = profile.send, profile.receive
    start, end = profile.raw(send.start), profile.raw(send.end)
    if receive.framing == "length":
        return Counted(receive.length_adds, receive.length_at, receive.length_digits, start, end, send.checksum)
    return Ended(end, start, send.checksum)


class Driver(real.Driver):
    """The real driver of the profile, at a simulated panel's port. See ``drivers.protocols.Panel``."""

    Config: ClassVar[type[DriverConfig]] = SimPanelConfig

    def __init__(self, config: SimPanelConfig) -> None:
        table = {"id": config.id, "driver": "profile", "profile": config.profile, "port": "simulated"}
        super().__init__(real.ProfileConfig.model_validate(table))
        self._name = config.id

    def way(self) -> Way:
        port = port_of(f"panel {self._name}", lambda: Simulator(self.profile).answer)
        return SerialWay(port)
