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
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

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
    transports=("USB", "analogue", "PipeWire"),
)

FEEDER = "drivers.microphone.portaudio_feeder"
CHECK_SECONDS = 4.5
UNSUPPORTED = frozenset({"no-portaudio", "microphone-ambiguous", "microphone-channel"})
"""Codes of the feeder that only a changed configuration or machine can mend."""


class PortAudioConfig(DriverConfig):
    """device: a name as ``appliance devices`` lists it, a part of it, or "default"."""

    device: str = Field("default", min_length=1)
    channel: Literal["mix"] | Annotated[int, Field(ge=1, le=64)] = "mix"
    """One channel of the device, counted from 1, or all of them mixed."""
    gain_db: float = Field(0.0, ge=-40, le=40)


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
            feeder=(
                *(sys.executable, "-m", FEEDER, "--device", config.device),
                *("--channel", str(config.channel), "--gain-db", str(config.gain_db)),
            ),
        )

    async def check(self) -> None:
        """The device is listed and has the wished channel; it is not opened."""
        await _ask("--check", "--device", self.config.device, "--channel", str(self.config.channel))


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
