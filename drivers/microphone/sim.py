"""A simulated microphone: a teacher's voice, beeps for measuring, or a quiet room.

The voice is espeak-ng (licence GPL-3 or later), reached through its public C API by the feeder only, which is a program
of its own; nothing of it is linked into the appliance, and a room with real microphones never loads it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar, Literal

from drivers.errors import Unsupported
from drivers.feeding import PCM_INPUT
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Media

MANIFEST = DriverManifest(
    kind="microphone",
    name="sim",
    title="Simulated microphone",
    capabilities=frozenset({"encode", "level"}),
    transports=("none",),
)


class SimMicrophoneConfig(DriverConfig):
    """scene: ``speech`` a teacher speaks; ``beep`` 1 kHz for 100 ms at every even second of the monotonic clock, at the
    same instants as the flash of the simulated camera's ``pattern``; ``silence`` a quiet room; ``muted``
    no sound at all."""

    scene: Literal["speech", "beep", "silence", "muted"] = "speech"
    language: Literal["en", "fr", "ar"] = "en"


Config = SimMicrophoneConfig


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: SimMicrophoneConfig
    Config: ClassVar[type[DriverConfig]] = SimMicrophoneConfig
    media: ClassVar[Media] = "audio"

    def capture(self) -> Capture:
        config = self.config
        feeder = (sys.executable, "-m", "drivers.microphone.sim_feeder", config.scene, "--language", config.language)
        return Capture(media="audio", input=PCM_INPUT, feeder=feeder)

    async def check(self) -> None:
        """Only the voice needs anything."""
        if self.config.scene == "speech" and find_spec("espeakng_loader") is None:
            raise Unsupported(
                "no-voice",
                "The simulated voice needs the package espeakng-loader; install it, or set scene to beep or silence.",
            )
