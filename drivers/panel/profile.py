"""Any panel or projector that speaks in messages, over RS-232 or TCP, as ``drivers.panel.model`` describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from drivers.errors import DriverError, NotReady, Unsupported
from drivers.link.framing import Framing
from drivers.link.link import line
from drivers.link.ways import SerialWay, TcpWay, Way
from drivers.manifest import DriverManifest
from drivers.panel.model import SWITCHES, Action, Profile, SerialPart, load
from drivers.panel.template import Template, Value
from drivers.protocols import DriverConfig, PanelHealth, PanelState, Power

_Want = Callable[[bytes], str | None]

AGAIN = frozenset({"device-lost", "device-nonsense"})
"""Asked once more: a line torn in mid-command, a message that noise spoilt."""

MANIFEST = DriverManifest(
    kind="panel",
    name="profile",
    title="Panel or projector, by a profile",
    capabilities=frozenset({"power", "input", "volume", "mute", "freeze", "blank", "hours", "errors"}),
    needs=("a serial cable (usually a null modem), or the network; remote control switched on in the panel's menu",),
    tested_with=("a simulator of each profile, over a pseudo terminal and TCP",),
    transports=("RS-232", "TCP"),
)


class ProfileConfig(DriverConfig):
    """port, or host: where the panel is. What else may stand here has a default in the profile."""

    profile: str = Field(min_length=1)
    """The name of a profile that comes with the program, or the path of one's own (``/etc/darsbox/acme.toml``)."""
    port: str = ""
    host: str = ""
    tcp_port: int | None = Field(None, ge=1, le=65535)
    baud: int | None = Field(None, ge=300, le=1_000_000)
    parity: Literal["none", "even", "odd"] | None = None
    address: int | None = Field(None, ge=0, le=255)

    @model_validator(mode="after")
    def _one_way(self) -> ProfileConfig:
        if bool(self.port) == bool(self.host):
            raise ValueError('needs either "port" (a serial port) or "host" (an address), and not both')
        return self


Config = ProfileConfig


class Driver:
    """See ``drivers.protocols.Panel``."""

    Config: ClassVar[type[DriverConfig]] = ProfileConfig

    def __init__(self, config: ProfileConfig) -> None:
        self.profile = load(config.profile)
        self._framing: Framing = self.profile.framing()
        self._where = _way(config, self.profile)
        limits = self.profile.address
        self._address = limits.default if config.address is None else config.address
        if not limits.lowest <= self._address <= limits.highest:
            raise Unsupported(
                "panel-address",
                f'The address of "{config.id}" must be {limits.lowest} to {limits.highest}, as its menu shows it.',
                address=self._address,
            )

    def way(self) -> Way:
        """Where the panel is."""
        return self._where

    @property
    def can(self) -> frozenset[str]:
        return self.profile.can

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.profile.input.values) if self.profile.input is not None else ()

    async def check(self) -> None:
        await self._get("power")

    async def state(self) -> PanelState:
        power = await self._get("power")
        if power != "on":
            return PanelState(_power(power))
        volume = await self._try("volume")
        return PanelState(
            power="on",
            input=await self._try("input"),
            volume=int(volume) if volume is not None else None,
            mute=_is_on(await self._try("mute")),
            freeze=_is_on(await self._try("freeze")),
            blank=_is_on(await self._try("blank")),
        )

    async def health(self) -> PanelHealth:
        hours, errors = await self._try("hours"), await self._try("errors")
        return PanelHealth(
            hours=int(hours) if hours is not None else None, errors=(errors,) if errors not in {None, "none"} else ()
        )

    async def power(self, *, on: bool) -> None:
        await self._set("power", "on" if on else "off")

    async def select(self, source: str) -> None:
        await self._set("input", source)

    async def volume(self, percent: int) -> None:
        await self._set("volume", max(0, min(100, percent)))

    async def mute(self, *, on: bool) -> None:
        await self._set("mute", "on" if on else "off")

    async def freeze(self, *, on: bool) -> None:
        await self._set("freeze", "on" if on else "off")

    async def blank(self, *, on: bool) -> None:
        await self._set("blank", "on" if on else "off")

    # -- what is sent and what it means, without a line

    def question(self, name: str) -> bytes:
        """The frame that asks for a state. Raises Unsupported."""
        action = self._action(name)
        if action.get is None:
            raise self._cannot(name)
        return self.profile.frame(self._template(action.get).encode({"id": self._address}))

    def order(self, name: str, wish: str | int) -> bytes:
        """The frame that sets a state; wish: a name, or percent. Raises Unsupported."""
        action = self._action(name)
        if action.set is None:
            raise self._cannot(name)
        values = {"id": self._address, "value": self._wire(name, action, wish)}
        return self.profile.frame(self._template(action.set).encode(values))

    def reading(self, name: str, body: bytes) -> str | None:
        """What a message says of a state: a name, a number (volume: percent); None if it is about something else."""
        action = self._action(name)
        template = self._template(action.reply or "")
        raw = template.match(body, {"id": self._address}, ignore_case=self.profile.receive.ignore_case)
        if raw is None:
            return None
        try:
            said = action.meaning(template, raw)
        except ValueError:
            return None  # noise where a number should be
        known = {*action.values, *action.answers.values()}
        return said if name not in SWITCHES or said in known else None

    def confirms(self, name: str, wish: str | int, body: bytes) -> bool:
        """Whether a message says that an order was taken."""
        action = self._action(name)
        values: dict[str, Value] = {"id": self._address}
        if action.ack is None:
            return self.reading(name, body) == action.rounded(self._wire(name, action, wish), wish)
        template = self._template(action.ack)
        if "value" in template.gaps:
            values["value"] = self._wire(name, action, wish)
        return template.match(body, values, ignore_case=self.profile.receive.ignore_case) is not None

    # -- asking

    async def _get(self, name: str) -> str:
        def want(body: bytes) -> str | None:
            self._refusal(name, body)
            return self.reading(name, body)

        return await self._ask(self.question(name), want, self._action(name))

    async def _try(self, name: str) -> str | None:
        """A state, or None when this panel does not say it now."""
        action = self.profile.action(name)
        if action is None or action.get is None:
            return None
        try:
            return await self._get(name)
        except DriverError as error:
            if error.code == "panel-refuses":
                return None
            raise

    async def _set(self, name: str, wish: str | int) -> None:
        def want(body: bytes) -> str | None:
            self._refusal(name, body)
            return "done" if self.confirms(name, wish, body) else None

        await self._ask(self.order(name, wish), want, self._action(name))

    async def _ask(self, frame: bytes, want: _Want, action: Action) -> str:
        pace = self.profile.pace
        seconds = (action.timeout_ms or pace.timeout_ms) / 1000
        counts = self.profile.receive.echo_answers
        async with line(self.way(), self._framing, gap=pace.gap_ms / 1000) as link:
            try:
                return await link.ask(frame, want, seconds=seconds, echo_counts=counts)
            except NotReady as error:
                if error.code not in AGAIN:
                    raise
                return await link.ask(frame, want, seconds=seconds, echo_counts=counts)

    def _refusal(self, name: str, body: bytes) -> None:
        for words in self.profile.receive.refused:
            if self._template(words).match(body, {"id": self._address}, ignore_case=True) is not None:
                raise NotReady(
                    "panel-refuses",
                    f"The panel at {self._where.where} will not do this now ({name}); is it on, and its menu closed?",
                    where=self._where.where,
                )

    # -- words

    def _action(self, name: str) -> Action:
        action = self.profile.action(name)
        if action is None:
            raise self._cannot(name)
        return action

    def _cannot(self, name: str) -> Unsupported:
        return Unsupported(
            "panel-cannot", f"{self.profile.title} offers no {name} to a program; use its own buttons.", action=name
        )

    def _template(self, words: str) -> Template:
        return Template.parse(words, self.profile.notation)

    def _wire(self, name: str, action: Action, wish: str | int) -> Value:
        try:
            return action.wire(wish)
        except KeyError as error:
            raise Unsupported(
                "panel-no-such",
                f"{self.profile.title} has no {name} {wish!r}; there are: {', '.join(action.values)}.",
                action=name,
            ) from error


def _way(config: ProfileConfig, profile: Profile) -> Way:
    if config.port:
        serial = profile.serial or SerialPart()
        return SerialWay(config.port, config.baud or serial.baud, config.parity or serial.parity, serial.stop_bits)
    port = config.tcp_port or (profile.tcp.port if profile.tcp is not None else None)
    if port is None:
        raise Unsupported(
            "panel-no-network",
            f'{profile.title} has no port of its own on the network; add "tcp_port", the serial server\'s port.',
        )
    return TcpWay(config.host, port)


def _power(said: str) -> Power:
    known: Mapping[str, Power] = {"on": "on", "warming": "warming", "cooling": "cooling"}
    return known.get(said, "off")


def _is_on(said: str | None) -> bool | None:
    return None if said is None else said == "on"
