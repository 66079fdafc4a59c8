"""A camera or HDMI grabber at the room PC, through Video4Linux2.

What it delivers as H.264 is copied; anything else is encoded by the recorder. When nothing is to be set, FFmpeg reads
the device itself; otherwise a feeder sets it at every start of a take, for cameras forget when they lose their power.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from drivers.camera import relay
from drivers.camera import v4l2_ioctl as v4l2
from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Found, Media

MANIFEST = DriverManifest(
    kind="camera",
    name="v4l2",
    title="USB camera or grabber (V4L2)",
    capabilities=frozenset({"copy", "encode", "discover", "controls", "signal"}),
    needs=("a device /dev/videoN the appliance may open (group video)", "FFmpeg with v4l2"),
    tested_with=("the kernel's own numbers and structures; no real camera yet",),
    transports=("USB", "HDMI grabber"),
)

Format = Literal["auto", "mjpeg", "yuyv", "h264"]
FOURCC = {"h264": b"H264", "mjpeg": b"MJPG", "yuyv": b"YUYV"}
INPUT_FORMAT = {"h264": "h264", "mjpeg": "mjpeg", "yuyv": "yuyv422"}
RAW_PIXELS = 640 * 480
"""More than this at full rate does not fit through USB 2 uncompressed."""
SYSFS = Path("/sys/class/video4linux")

Size = tuple[int, int]


class V4l2Config(DriverConfig):
    """device: best one of the lasting names in /dev/v4l/by-id or by-path, as ``appliance devices`` gives it.
    format auto: JPEGs for anything larger than 640x480, uncompressed below; h264 is copied as it comes.

    What is None is left as the camera has it.
    """

    device: str = Field("/dev/video0", pattern=r"^/dev/[A-Za-z0-9/._:+-]+$")
    size: str = Field("1280x720", pattern=r"^\d{2,5}x\d{2,5}$")
    fps: int = Field(25, ge=1, le=120)
    format: Format = "auto"
    signal: bool = False
    """A grabber that can say what it receives: it is set to that, and asked whether anything comes at all."""
    power_line_hz: Literal[50, 60] | None = None
    """Of the mains, against flickering light."""
    exposure: Literal["auto"] | Annotated[float, Field(gt=0, le=1000)] | None = None
    """Milliseconds; with the mains' 50 Hz, 10 and 20 do not flicker."""
    white_balance: Literal["auto"] | Annotated[int, Field(ge=1000, le=20_000)] | None = None
    """Kelvin: about 3000 for warm lamps, 4500 for cold ones, 6000 for daylight."""
    focus: Literal["auto"] | Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of its range; a camera that sees a whole room is best held still at far."""


Config = V4l2Config


@dataclass(frozen=True, slots=True)
class Setting:
    """One control of the camera. key: as in room.toml. values: the first it takes, kept within its range; percent: they
    are a share of that."""

    key: str
    number: int
    values: tuple[int, ...]
    percent: bool = False


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: V4l2Config
    Config: ClassVar[type[DriverConfig]] = V4l2Config
    media: ClassVar[Media] = "video"

    def capture(self) -> Capture:
        copied = self._format() == "h264"
        if not self.config.signal and not settings(self.config):
            return Capture(media="video", input=self.device_input(), copy=copied)
        feeder = (sys.executable, "-m", "drivers.camera.v4l2_feeder", self.config.model_dump_json())
        return Capture(media="video", input=relay.INPUT, copy=copied, feeder=feeder)

    def device_input(self, received: Size | None = None) -> tuple[str, ...]:
        """FFmpeg's input arguments for the device itself. received: the size of the signal it was set to, whose rate it
        has too."""
        config = self.config
        size = f"{received[0]}x{received[1]}" if received else config.size
        rate = () if received else ("-framerate", str(config.fps))
        return (
            "-f",
            "v4l2",
            "-input_format",
            INPUT_FORMAT[self._format()],
            *rate,
            "-video_size",
            size,
            "-i",
            config.device,
        )

    def prepare(self) -> tuple[list[str], Size | None]:
        """Set the device as configured. Returns one sentence for each setting it does not have, and the size of the
        signal it receives, if it was to be asked. Blocks. Raises what ``opened`` raises, NotReady
        ``grabber-no-signal`` | ``camera-missing`` (it went away meanwhile)."""
        config = self.config
        with opened(config.device) as descriptor:
            received = _signal(descriptor, config.device) if config.signal else None
            missing = [each for each in settings(config) if not _set(descriptor, each)]
        return [
            f"The camera {config.device} does not take {each.key}; leave it out of room.toml." for each in missing
        ], received

    async def check(self) -> None:
        """Open the device, ask what it delivers, and set it; nothing is captured."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        config, wanted = self.config, self._format()
        offered = offers(config.device)
        if FOURCC[wanted] not in offered:
            able = [name for name, code in FOURCC.items() if code in offered]
            hint = f"set format to {' or '.join(able)}" if able else "it cannot be used"
            raise Unsupported(
                "camera-format", f"The camera {config.device} does not deliver {wanted}; {hint}.", wanted=wanted
            )
        sizes = offered[FOURCC[wanted]]
        width, height = map(int, config.size.split("x"))
        if sizes and not config.signal and (width, height) not in sizes:
            listed = ", ".join(f"{w}x{h}" for w, h in sorted(sizes, reverse=True))
            raise Unsupported(
                "camera-format", f"The camera {config.device} delivers {wanted} in {listed}; set size to one of these."
            )
        missing, _ = self.prepare()
        if missing:
            raise Unsupported("camera-format", missing[0])

    def _format(self) -> str:
        if self.config.format != "auto":
            return self.config.format
        width, height = (int(n) for n in self.config.size.split("x"))
        return "mjpeg" if width * height > RAW_PIXELS else "yuyv"


def settings(config: V4l2Config) -> list[Setting]:
    """What is to be set, in this order: a value counts only when its automatic is off."""
    wanted = []
    if config.power_line_hz is not None:
        wanted.append(Setting("power_line_hz", v4l2.POWER_LINE_FREQUENCY, (1 if config.power_line_hz == 50 else 2,)))
    if config.exposure == "auto":
        # Of the two automatics, cameras have mostly the one that leaves the (fixed) aperture alone.
        wanted.append(Setting("exposure", v4l2.EXPOSURE_AUTO, (3, 0)))
    elif config.exposure is not None:
        wanted.append(Setting("exposure", v4l2.EXPOSURE_AUTO, (1,)))
        wanted.append(Setting("exposure", v4l2.EXPOSURE_ABSOLUTE, (round(config.exposure * 10),)))
    if config.white_balance is not None:
        auto = config.white_balance == "auto"
        wanted.append(Setting("white_balance", v4l2.WHITE_BALANCE_AUTO, (int(auto),)))
    if isinstance(config.white_balance, int):
        wanted.append(Setting("white_balance", v4l2.WHITE_BALANCE_TEMPERATURE, (config.white_balance,)))
    if config.focus is not None:
        wanted.append(Setting("focus", v4l2.FOCUS_AUTO, (int(config.focus == "auto"),)))
    if isinstance(config.focus, int):
        wanted.append(Setting("focus", v4l2.FOCUS_ABSOLUTE, (config.focus,), percent=True))
    return wanted


def _set(descriptor: int, setting: Setting) -> bool:
    """Whether the camera took it. Raises NotReady when it went away."""
    try:
        able = v4l2.control(descriptor, setting.number)
        if able is None:
            # A camera without automatic needs none to be switched off.
            return setting.number in {v4l2.FOCUS_AUTO, v4l2.WHITE_BALANCE_AUTO} and setting.values == (0,)
        for wanted in setting.values:
            value = able.least + round((able.most - able.least) * wanted / 100) if setting.percent else wanted
            try:
                v4l2.set_control(descriptor, setting.number, min(able.most, max(able.least, value)))
            except OSError as error:
                if error.errno not in {errno.EINVAL, errno.ERANGE, errno.EACCES, errno.EBUSY}:
                    raise
            else:
                return True
    except OSError as error:
        raise NotReady("camera-missing", f"The camera went away while it was set ({error.strerror}).") from error
    return False


def _signal(descriptor: int, device: str) -> Size | None:
    try:
        received = v4l2.follow_signal(descriptor)
    except OSError as error:
        raise Unsupported(
            "camera-format", f"The device {device} cannot say what it receives; set signal to false."
        ) from error
    if received is None:
        raise NotReady(
            "grabber-no-signal",
            f"The grabber {device} receives no picture; check its cable, and that the other device is switched on.",
            device=device,
        )
    return received


@contextmanager
def opened(device: str) -> Iterator[int]:
    """A descriptor of a capture device. Raises NotReady ``camera-missing`` | ``camera-busy``, AuthFailed
    ``camera-permission``, Unsupported ``not-a-camera``."""
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
        yield descriptor
    finally:
        os.close(descriptor)


def offers(device: str) -> dict[bytes, frozenset[Size]]:
    """What a capture device delivers: four-letter codes, and the sizes it lists for each. Blocks as long as open and
    some ioctls take. Raises what ``opened`` raises."""
    with opened(device) as descriptor:
        try:
            return {code: v4l2.sizes(descriptor, code) for code in v4l2.formats(descriptor)}
        except OSError as error:
            raise _no_camera(device) from error


def _no_camera(device: str) -> Unsupported:
    return Unsupported(
        "not-a-camera", f"{device} is no camera; look for others with 'appliance devices'.", device=device
    )


async def discover(sysfs: Path = SYSFS, dev: Path = Path("/dev")) -> Sequence[Found]:
    """Cameras that this user may open, with the best format each delivers. sysfs and dev: other roots for tests."""
    return await asyncio.to_thread(_discover, sysfs, dev)


def _discover(sysfs: Path, dev: Path) -> list[Found]:
    seen = []
    for node in sorted(sysfs.glob("video*"), key=lambda node: (len(node.name), node.name)):
        try:
            name = (node / "name").read_text().strip() or node.name
            offered = offers(str(dev / node.name))
        except (OSError, NotReady, AuthFailed, Unsupported):
            continue  # a camera's second node (metadata), or one that is not for us
        if any(code in offered for code in FOURCC.values()):
            seen.append((name, dev / node.name, offered))
    names = [name for name, _, _ in seen]
    return [
        Found(
            "camera",
            "v4l2",
            f"{name} ({_described(offered)})",
            {
                "device": lasting_name(device, dev, alike=names.count(name) > 1),
                "format": next(form for form, code in FOURCC.items() if code in offered),
            },
        )
        for name, device, offered in seen
    ]


def lasting_name(device: Path, dev: Path, *, alike: bool) -> str:
    """udev's name that outlives a restart: by what is plugged in, or by the socket when two are alike, for then udev
    cannot tell them apart; the device's own where there is no udev."""
    for folder in ("by-path",) if alike else ("by-id", "by-path"):
        for link in sorted((dev / "v4l" / folder).glob("*")):
            if link.resolve() == device.resolve():
                return str(link)
    return str(device)


def _described(offered: dict[bytes, frozenset[Size]]) -> str:
    parts = []
    for form, code in FOURCC.items():
        if code in offered:
            largest = max(offered[code], key=lambda size: size[0] * size[1], default=None)
            parts.append(f"{form} up to {largest[0]}x{largest[1]}" if largest else form)
    return ", ".join(parts)
