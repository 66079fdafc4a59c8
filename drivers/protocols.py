"""Capability protocols: what the appliance may ask of a device.

A camera or microphone driver *describes* its capture; the recorder captures. So a driver is testable without
recording, and a recording never depends on a driver's event loop. Each hook says who calls it and when.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from drivers.manifest import DriverManifest

Media = Literal["video", "audio"]


class DriverConfig(BaseModel):
    """The part of a device's table in room.toml that every driver has; drivers add their own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    driver: str
    label: str = ""
    av_offset_ms: float = 0.0
    """Measured delay of this device against the room's clock; positive when its media arrives late."""


@dataclass(frozen=True, slots=True)
class Capture:
    """How FFmpeg gets at a source. Pure data: the recorder turns it into a command.

    input: FFmpeg input arguments up to and including ``-i X``; ``pipe:0`` when there is a feeder.
    copy: the stream is H.264 or H.265 already and is recorded untouched; otherwise it is encoded.
    lean: like input, a smaller stream of the same camera for when the disk runs short; empty when it has none.
    feeder: a program whose standard output is FFmpeg's standard input. It writes JSON lines to standard error:
    ``{"epoch": s}`` once, the monotonic instant (seconds) of its first frame or sample; ``{"rms_db": x, "peak_db":
    y}`` ten times a second if it is a microphone; ``{"code": "…", "detail": "…"}`` before it exits with an error.
    env: added to the environment of feeder and FFmpeg, for what must not stand in a command line.
    secrets: what must never be logged or shown although it stands in the input; ``hide`` takes it out of a text, such
    as FFmpeg's last words.

    A raw picture may have odd sizes (a screen does); who encodes it must make them even, as 4:2:0 needs.
    """

    media: Media
    input: tuple[str, ...] = field(repr=False)
    copy: bool = False
    feeder: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    lean: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, text: str) -> str:
        """The text without this capture's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text


@dataclass(frozen=True, slots=True)
class Found:
    """A device that discovery saw; ``config`` is what room.toml would need to use it."""

    kind: str
    driver: str
    title: str
    config: Mapping[str, str | int | float | bool]


@runtime_checkable
class Source(Protocol):
    """A camera, a screen or a microphone."""

    Config: ClassVar[type[DriverConfig]]
    media: ClassVar[Media]
    """What the takes of this source will hold; asked by the recorder's plan."""

    def capture(self) -> Capture:
        """The capture, from configuration alone, without touching the device. Called at every start of a take."""

    async def check(self) -> None:
        """Is the device there and willing? Called by ``doctor``, ``devices`` and the panel when idle, never while
        recording.

        Returns within 5 s. Raises NotReady, AuthFailed or Unsupported with the reason.
        """


Power = Literal["on", "off", "warming", "cooling"]


@dataclass(frozen=True, slots=True)
class PanelState:
    """What a panel says of itself; None: it does not say. volume: percent."""

    power: Power
    input: str | None = None
    volume: int | None = None
    mute: bool | None = None
    freeze: bool | None = None
    blank: bool | None = None


@dataclass(frozen=True, slots=True)
class PanelHealth:
    """hours: of the lamp or the panel. errors: what it complains of, in its own or its document's words."""

    hours: int | None = None
    errors: tuple[str, ...] = ()


@runtime_checkable
class Panel(Protocol):
    """A panel or a projector.

    Every hook may be called at any time, also while a lesson records; nothing waits for it. Each returns within 10 s or
    raises NotReady, AuthFailed or Unsupported; what this model cannot do is Unsupported with the code ``panel-cannot``.
    A driver keeps no line open for ever and no task running: see ``drivers.link.link.line``.
    """

    Config: ClassVar[type[DriverConfig]]

    @property
    def can(self) -> frozenset[str]:
        """Those of power, input, volume, mute, freeze, blank, hours and errors that this model offers; asked by the
        faces to know which buttons to show."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names that ``select`` takes, as far as known without asking the device."""

    async def check(self) -> None:
        """Is it there and willing? Called by ``doctor`` and ``devices``."""

    async def state(self) -> PanelState:
        """Called by the poller; a panel that is off need not be asked for more than that."""

    async def health(self) -> PanelHealth:
        """Called by the poller now and then."""

    async def power(self, *, on: bool) -> None:
        """Called by scenes and the faces. Returns when the panel took the order; warming up may go on."""

    async def select(self, source: str) -> None:
        """Show this input."""

    async def volume(self, percent: int) -> None:
        """0 to 100."""

    async def mute(self, *, on: bool) -> None:
        """The panel's own loudspeakers."""

    async def freeze(self, *, on: bool) -> None:
        """Hold the picture."""

    async def blank(self, *, on: bool) -> None:
        """Show black without switching off."""


@dataclass(frozen=True, slots=True)
class PtzState:
    """pan and tilt: the camera's own steps, right and up are positive; zoom: 0 is the widest. None: it does not say."""

    power: Power
    pan: int | None = None
    tilt: int | None = None
    zoom: int | None = None


@runtime_checkable
class Ptz(Protocol):
    """A camera that turns; its picture is a camera of its own in room.toml.

    Hooks return within 5 s or raise as those of Panel do, and may be called at any time.
    """

    Config: ClassVar[type[DriverConfig]]

    @property
    def presets(self) -> tuple[str, ...]:
        """Names that ``recall`` takes, from room.toml."""

    async def check(self) -> None:
        """Is it there and willing? Called by ``doctor`` and ``devices``."""

    async def state(self) -> PtzState:
        """Called by the poller."""

    async def recall(self, preset: str) -> None:
        """Turn to a place; returns when the camera took the order. Called by scenes and the faces."""

    async def store(self, preset: str) -> None:
        """Make where it looks now this preset. Called by the faces, by a person who may."""

    async def home(self) -> None:
        """Turn to where it looks after it is switched on."""

    async def move(self, pan: float, tilt: float) -> None:
        """Go on turning until ``stop``: -1 (left, down, as fast as it can) to 1 (right, up)."""

    async def zoom(self, speed: float) -> None:
        """Go on zooming until ``stop``: -1 (wide) to 1 (near)."""

    async def stop(self) -> None:
        """Hold still; never held back by the limit on how often a camera may be moved."""


Signal = Literal["off", "recording", "paused", "problem"]


@runtime_checkable
class Indicator(Protocol):
    """A lamp that says what the room does."""

    Config: ClassVar[type[DriverConfig]]

    async def check(self) -> None:
        """Is it there and willing? Called by ``doctor`` and ``devices``. Changes nothing that people see."""

    async def show(self, signal: Signal) -> None:
        """Called at every change, and again every few seconds, for a lamp forgets when its power fails. A lamp with one
        colour is on for ``recording`` and off for ``off``; the rest is the driver's choice.

        Returns within 5 s, once the lamp took the order and, if it can, said so; only then the room calls it shown.
        """


Happening = Literal["start", "stop", "toggle", "pause", "mark", "mute", "unmute", "occupied", "empty"]
"""What a person did. toggle: start, or stop if a lesson runs; pause: likewise go on if it is paused. The last four are
states that last: said again, they change nothing."""


@runtime_checkable
class Input(Protocol):
    """A button, a switch, a clicker, a sensor of presence."""

    Config: ClassVar[type[DriverConfig]]

    async def check(self) -> None:
        """Is it there and willing? Called by ``doctor`` and ``devices``, also while its happenings are listened to."""

    def happenings(self) -> AsyncGenerator[Happening | None, None]:
        """First None: the device is there and is listened to. Then what happens, as it happens, for ever; bounces of
        contacts and repetitions are left out. Closing the generator lets go of the device.

        Raises NotReady, AuthFailed or Unsupported when it is not there or went away; the room listens again later.
        """


class DriverModule(Protocol):
    """The three names every driver file has, and an optional fourth."""

    MANIFEST: DriverManifest
    Config: type[DriverConfig]

    @property
    def Driver(self) -> Callable[[Any], Any]:
        """Makes the driver: a Source, Panel, Ptz, Indicator or Input, as the manifest's kind says. Cheap, touches no
        device. Raises Unsupported when the configuration can never work."""


@runtime_checkable
class Discovers(Protocol):
    """A driver module that can look for devices (capability ``discover``)."""

    async def discover(self) -> Sequence[Found]:
        """What is there now; never raises for a missing bus, returns nothing instead."""
