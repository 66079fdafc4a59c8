"""A network camera found and asked through ONVIF: its stream's address need not be known.

The address is asked for at every start of a take, by the feeder, which then becomes FFmpeg: nothing is remembered that
could be wrong, and a room that starts without a network records as soon as the camera answers. See the decision 0021.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal
from urllib.parse import quote

from drivers.camera import relay, rtsp
from drivers.errors import NotReady
from drivers.manifest import DriverManifest
from drivers.onvif.device import OnvifConfig, OnvifDevice
from drivers.onvif.discovery import look_around
from drivers.protocols import Capture, DriverConfig, Found, Media

CHECK_SECONDS = 4.5

MANIFEST = DriverManifest(
    kind="camera",
    name="onvif",
    title="Network camera (ONVIF)",
    capabilities=frozenset({"copy", "discover", "snapshot"}),
    needs=("a camera with ONVIF Profile S switched on, and one of its ONVIF users",),
    tested_with=("ipycam 1.3 (emulator)",),
    transports=("TCP", "UDP"),
)


class OnvifCameraConfig(OnvifConfig):
    transport: Literal["tcp", "udp"] = "tcp"
    """Of the pictures; as for ``rtsp``."""
    av_offset_ms: float = rtsp.RtspConfig.model_fields["av_offset_ms"].default


Config = OnvifCameraConfig


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: OnvifCameraConfig
    Config: ClassVar[type[DriverConfig]] = OnvifCameraConfig
    media: ClassVar[Media] = "video"

    def capture(self) -> Capture:
        config = self.config
        secrets = {config.password, quote(config.password, safe="")} - {""}
        return Capture(
            media="video",
            input=relay.INPUT,
            copy=True,
            feeder=(sys.executable, "-m", "drivers.camera.onvif_feeder"),
            env={"DARSBOX_ONVIF": config.model_dump_json()},
            secrets=tuple(sorted(secrets, key=len, reverse=True)),
        )

    async def check(self) -> None:
        """It lets us in, has the wished profile, and its stream is one that can be recorded."""
        device = OnvifDevice(self.config)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await (await self._stream(device)).check()
        except TimeoutError as error:
            raise NotReady(
                "camera-unreachable", f"The camera at {device.where} is too slow; check its cable, or restart it."
            ) from error

    async def snapshot(self) -> bytes:
        """A still picture, JPEG, by the camera itself. Raises DriverError."""
        device = OnvifDevice(self.config)
        return await device.snapshot(await device.profile())

    async def stream(self) -> Sequence[str]:
        """FFmpeg's input arguments for its stream as it is now. Raises DriverError."""
        return (await self._stream(OnvifDevice(self.config))).capture().input

    async def _stream(self, device: OnvifDevice) -> rtsp.Driver:
        config = self.config
        return rtsp.Driver(
            rtsp.RtspConfig(
                id=config.id,
                driver="rtsp",
                url=await device.stream(await device.profile()),
                user=config.user,
                password=config.password,
                transport=config.transport,
            )
        )


async def discover(interfaces: Sequence[str] | None = None) -> Sequence[Found]:
    """Cameras that answer, each also as one that turns if it says so. interfaces: for tests."""
    found = []
    for each in await look_around(interfaces):
        where: dict[str, str | int] = {"host": each.host}
        if each.port != 80:
            where["http_port"] = each.port
        if each.secure:
            where["secure"] = True
        found.append(Found("camera", "onvif", each.title, where))
        if each.turns:
            found.append(Found("ptz", "onvif", each.title, where))
    return found
