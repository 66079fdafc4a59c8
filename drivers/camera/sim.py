"""A simulated camera worth watching: a teacher at a board, slides that change, or a pattern for measuring.

Every scene carries a running clock (wall time and monotonic seconds), so that a viewer sees at once what is missing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from drivers.camera.sim_frame import HEIGHT, WIDTH
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Media

MANIFEST = DriverManifest(
    kind="camera",
    name="sim",
    title="Simulated camera",
    capabilities=frozenset({"encode"}),
    transports=("none",),
)

FPS = {"teacher": 25, "slides": 5, "pattern": 25}


class SimCameraConfig(DriverConfig):
    """scene: ``teacher`` a speaking teacher and a board that fills; ``slides`` numbered slides in three languages;
    ``pattern`` a frame counter, and a white flash of 100 ms at every even second of the monotonic clock, at the same
    instants as the beep of the simulated microphone. fps 0: what suits the scene. fault: what goes wrong with the
    picture after ``fault_after`` seconds, for ``fault_seconds``, again and again; with one, the camera has a sensor's
    noise."""

    scene: Literal["teacher", "slides", "pattern"] = "teacher"
    fps: int = Field(0, ge=0, le=60)
    slide_seconds: float = Field(20.0, ge=1, le=3600)
    fault: Literal["none", "black", "dark", "covered", "frozen"] = "none"
    fault_after: float = Field(10.0, ge=0, le=3600)
    fault_seconds: float = Field(30.0, ge=1, le=3600)


Config = SimCameraConfig


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: SimCameraConfig
    Config: ClassVar[type[DriverConfig]] = SimCameraConfig
    media: ClassVar[Media] = "video"

    def capture(self) -> Capture:
        config = self.config
        fps = str(config.fps or FPS[config.scene])
        feeder = [sys.executable, "-m", "drivers.camera.sim_feeder", config.scene, "--fps", fps]
        if config.scene == "slides":
            feeder += ["--slide-seconds", str(config.slide_seconds)]
        if config.fault != "none":
            when = ("--fault-after", str(config.fault_after), "--fault-seconds", str(config.fault_seconds))
            feeder += ["--fault", config.fault, *when]
        return Capture(
            media="video",
            input=(
                *("-probesize", "32", "-analyzeduration", "0"),  # see drivers.feeding.PCM_INPUT
                *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{WIDTH}x{HEIGHT}"),
                *("-framerate", fps, "-i", "pipe:0"),
            ),
            feeder=tuple(feeder),
        )

    async def check(self) -> None:
        """It is always there."""
