"""A camera or HDMI grabber at the room PC, through Video4Linux2 (linux/videodev2.h).

What it delivers as H.264 is copied; anything else is encoded by the recorder.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Found, Media

MANIFEST = DriverManifest(
    kind="camera",
    name="v4l2",
    title="USB camera or grabber (V4L2)",
    capabilities=frozenset({"copy", "encode", "discover"}),
    needs=("a device /dev/videoN the appliance may open (group video)", "FFmpeg with v4l2"),
    transports=("USB", "HDMI grabber"),
)

Format = Literal["auto", "mjpeg", "yuyv", "h264"]
FOURCC = {"h264": b"H264", "mjpeg": b"MJPG", "yuyv": b"YUYV"}
INPUT_FORMAT = {"h264": "h264", "mjpeg": "mjpeg", "yuyv": "yuyv422"}
RAW_PIXELS = 640 * 480
"""More than this at full rate does not fit through USB 2 uncompressed."""

SYSFS = Path("/sys/class/video4linux")
VIDIOC_QUERYCAP = 0x80685600
VIDIOC_ENUM_FMT = 0xC0405602
V4L2_BUF_TYPE_VIDEO_CAPTURE = 1
V4L2_CAP_VIDEO_CAPTURE = 0x00000001
V4L2_CAP_DEVICE_CAPS = 0x80000000


class V4l2Config(DriverConfig):
    """format auto: JPEGs for anything larger than 640x480, uncompressed below; h264 is copied as it comes."""

    device: str = Field("/dev/video0", pattern=r"^/dev/[A-Za-z0-9/._:+-]+$")
    size: str = Field("1280x720", pattern=r"^\d{2,5}x\d{2,5}$")
    fps: int = Field(25, ge=1, le=120)
    format: Format = "auto"


Config = V4l2Config


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: V4l2Config
    Config: ClassVar[type[DriverConfig]] = V4l2Config
    media: ClassVar[Media] = "video"

    def capture(self) -> Capture:
        config, wanted = self.config, self._format()
        return Capture(
            media="video",
            input=(
                *("-f", "v4l2", "-input_format", INPUT_FORMAT[wanted]),
                *("-framerate", str(config.fps), "-video_size", config.size, "-i", config.device),
            ),
            copy=wanted == "h264",
        )

    async def check(self) -> None:
        """Open the device and ask what it delivers; nothing is captured."""
        offered = await asyncio.to_thread(formats, self.config.device)
        wanted = self._format()
        if FOURCC[wanted] not in offered:
            able = [name for name, code in FOURCC.items() if code in offered]
            hint = f"set format to {' or '.join(able)}" if able else "it cannot be used"
            raise Unsupported(
                "camera-format", f"The camera {self.config.device} does not deliver {wanted}; {hint}.", wanted=wanted
            )

    def _format(self) -> str:
        if self.config.format != "auto":
            return self.config.format
        width, height = (int(n) for n in self.config.size.split("x"))
        return "mjpeg" if width * height > RAW_PIXELS else "yuyv"


def formats(device: str) -> frozenset[bytes]:
    """The four-letter codes of what a capture device delivers. Blocks as long as open and two ioctls take.

    Raises NotReady ``camera-missing`` | ``camera-busy``, AuthFailed ``camera-permission``, Unsupported
    ``not-a-camera``.
    """
    try:
        if not stat.S_ISCHR(os.stat(device).st_mode):
            raise _no_camera(device)
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        raise AuthFailed(
            "camera-permission",
            f"The camera {device} may not be opened; add the appliance's user to the group video.",
            device=device,
        ) from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise NotReady(
                "camera-busy", f"The camera {device} is used by another program; close it.", device=device
            ) from error
        raise NotReady("camera-missing", f"There is no camera at {device}; is it plugged in?", device=device) from error
    try:
        return _enumerate(descriptor)
    except OSError as error:
        raise _no_camera(device) from error
    finally:
        os.close(descriptor)


def _no_camera(device: str) -> Unsupported:
    return Unsupported(
        "not-a-camera", f"{device} is no camera; look for others with 'appliance devices'.", device=device
    )


def _enumerate(descriptor: int) -> frozenset[bytes]:
    """Raises OSError if the device cannot capture video."""
    capability = bytearray(104)  # struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps
    fcntl.ioctl(descriptor, VIDIOC_QUERYCAP, capability)
    whole, of_node = struct.unpack_from("=II", capability, 84)
    if not (of_node if whole & V4L2_CAP_DEVICE_CAPS else whole) & V4L2_CAP_VIDEO_CAPTURE:
        raise OSError(errno.ENODEV, "no video capture")
    found: set[bytes] = set()
    for index in range(64):
        entry = bytearray(64)  # struct v4l2_fmtdesc: index, type, flags, description[32], pixelformat
        struct.pack_into("=II", entry, 0, index, V4L2_BUF_TYPE_VIDEO_CAPTURE)
        try:
            fcntl.ioctl(descriptor, VIDIOC_ENUM_FMT, entry)
        except OSError as error:
            if error.errno == errno.EINVAL:
                break  # the end of the list
            raise
        found.add(bytes(entry[44:48]))
    return frozenset(found)


async def discover(sysfs: Path = SYSFS, dev: Path = Path("/dev")) -> Sequence[Found]:
    """Cameras that this user may open, with the best format each delivers. sysfs and dev: other roots for tests."""
    return await asyncio.to_thread(_discover, sysfs, dev)


def _discover(sysfs: Path, dev: Path) -> list[Found]:
    found = []
    for node in sorted(sysfs.glob("video*"), key=lambda node: (len(node.name), node.name)):
        device = str(dev / node.name)
        try:
            name = (node / "name").read_text().strip()
            offered = formats(device)
        except (OSError, NotReady, AuthFailed, Unsupported):
            continue  # a camera's second node (metadata), or one that is not for us
        best = next((name for name, code in FOURCC.items() if code in offered), None)
        if best:
            found.append(Found("camera", "v4l2", name or node.name, {"device": device, "format": best}))
    return found
