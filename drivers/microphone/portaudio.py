"""A microphone through PortAudio: ALSA, and through it PulseAudio and PipeWire.

PortAudio lives in the feeder alone. It is asked what there is in a process of its own too, because it remembers the
devices of its first look for ever, and because a broken sound driver must not take the appliance with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from drivers.errors import DriverError, NotReady, Unsupported
from drivers.feeding import PCM_INPUT
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Found, Media

MANIFEST = DriverManifest(
    kind="microphone",
    name="portaudio",
    title="Microphone (PortAudio)",
    capabilities=frozenset({"encode", "level", "discover"}),
    needs=("libportaudio2 (apt-get install libportaudio2)", "a sound device the appliance may open (group audio)"),
    tested_with=("PulseAudio 16 through the ALSA pulse device",),
    transports=("USB", "analogue", "PulseAudio", "PipeWire"),
)

PULSE = "pulse"
"""ALSA's name for the sound server, PulseAudio or PipeWire in its clothes."""
FEEDER = "drivers.microphone.portaudio_feeder"
CHECK_SECONDS = 4.5
UNSUPPORTED = frozenset({"no-portaudio", "microphone-ambiguous", "microphone-channel"})
"""Codes of the feeder that only a changed configuration or machine can mend."""


Channel = Annotated[int, Field(ge=1, le=64)]


class PortAudioConfig(DriverConfig):
    """device: a name as ``appliance devices`` lists it, a part of it, or "default"; of two alike, the socket in which
    one is plugged: a path under /dev/snd/by-path or /dev/snd/by-id."""

    device: str = Field("default", min_length=1)
    source: str = Field("", pattern=r"^[A-Za-z0-9._:\-]*$")
    """Instead of a device, a source of PulseAudio or PipeWire by its name, such as a microphone on the network."""
    channel: Literal["mix"] | Channel | Annotated[list[Channel], Field(min_length=1, max_length=64)] = "mix"
    """One channel of the device, counted from 1; several, mixed in equal parts; or the first two, mixed."""
    gain_db: float = Field(0.0, ge=-40, le=40)
    """Added before the level is measured, so that the panel shows what is recorded."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.source and self.device != "default":
            raise ValueError("takes a device or a source, not both")
        return self


Config = PortAudioConfig


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: PortAudioConfig
    Config: ClassVar[type[DriverConfig]] = PortAudioConfig
    media: ClassVar[Media] = "audio"

    def capture(self) -> Capture:
        config = self.config
        return Capture(
            media="audio",
            input=PCM_INPUT,
            feeder=(sys.executable, "-m", FEEDER, *self._wanted(), "--gain-db", str(config.gain_db)),
            env={"PULSE_SOURCE": config.source} if config.source else {},
        )

    async def check(self) -> None:
        """The device is listed and has the wished channel; it is not opened. Whether a sound server has the source is
        seen only when it is."""
        await _ask("--check", *self._wanted())

    def _wanted(self) -> tuple[str, ...]:
        config = self.config
        channels = config.channel if isinstance(config.channel, list) else [config.channel]
        device = PULSE if config.source else config.device
        return ("--device", device, "--channel", ",".join(map(str, channels)))


async def discover() -> Sequence[Found]:
    """Microphones that can be opened now."""
    try:
        devices = await _ask("--list")
    except DriverError:
        return ()
    return [
        Found("microphone", "portaudio", device["title"], {"device": device["name"]}) for device in devices["devices"]
    ]


async def _ask(*arguments: str) -> dict[str, Any]:
    """The feeder's answer, a JSON object. Raises NotReady or Unsupported with its reason."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", FEEDER, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            out, words = await process.communicate()
    except TimeoutError as error:
        raise NotReady("sound-hangs", "The sound system does not answer; restart it or the room PC.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError as error:
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        raise NotReady("sound-broken", f"The sound system failed ({last}); restart it or the room PC.") from error
    if "code" in answer:
        kind = Unsupported if answer["code"] in UNSUPPORTED else NotReady
        raise kind(answer["code"], answer["detail"])
    return answer
