"""Capability protocols: what the appliance may ask of a device.

A camera or microphone driver *describes* its capture; the recorder captures. So a driver is testable without
recording, and a recording never depends on a driver's event loop. Each hook says who calls it and when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    copy: the stream is H.264 already and is recorded untouched; otherwise it is encoded.
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

    @property
    def media(self) -> Media:
        """What the takes of this source will hold; asked by the recorder's plan."""

    def capture(self) -> Capture:
        """The capture, from configuration alone, without touching the device. Called at every start of a take."""

    async def check(self) -> None:
        """Is the device there and willing? Called by ``doctor``, ``devices`` and the panel when idle, never while
        recording.

        Returns within 5 s. Raises NotReady, AuthFailed or Unsupported with the reason.
        """


class DriverModule(Protocol):
    """The three names every driver file has, and an optional fourth."""

    MANIFEST: DriverManifest
    Config: type[DriverConfig]

    @property
    def Driver(self) -> Callable[[Any], Source]:
        """Makes the driver; cheap, touches no device. Raises Unsupported when the configuration can never work."""


@runtime_checkable
class Discovers(Protocol):
    """A driver module that can look for devices (capability ``discover``)."""

    async def discover(self) -> Sequence[Found]:
        """What is there now; never raises for a missing bus, returns nothing instead."""
