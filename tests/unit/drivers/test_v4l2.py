"""A camera that is missing, forbidden or no camera is told apart, and each has its own next step."""

from __future__ import annotations

import errno
import fcntl
import stat
import struct
from pathlib import Path
from typing import TypeVar

import pytest

from drivers.camera import v4l2
from drivers.camera import v4l2_ioctl as ioctl
from drivers.camera.v4l2 import Driver, V4l2Config
from drivers.errors import NotReady, Unsupported

Entry = TypeVar("Entry")


def config(**keys: object) -> V4l2Config:
    return V4l2Config.model_validate({"id": "front", "driver": "v4l2", **keys})


@pytest.mark.parametrize(
    ("keys", "input_format", "copied"),
    [
        ({}, "mjpeg", False),
        ({"size": "640x480"}, "yuyv422", False),
        ({"format": "yuyv"}, "yuyv422", False),
        ({"format": "h264"}, "h264", True),
    ],
)
def test_the_format_is_what_the_bus_can_carry(keys: dict[str, object], input_format: str, copied: bool) -> None:
    capture = Driver(config(**keys)).capture()
    assert capture.input[capture.input.index("-input_format") + 1] == input_format
    assert capture.copy is copied


def test_a_missing_camera_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(NotReady) as caught:
        v4l2.offers(str(tmp_path / "video9"))
    assert caught.value.code == "camera-missing"


@pytest.mark.parametrize("device", ["/dev/null", "file"])
def test_what_is_no_camera_is_called_so(device: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unsupported) as caught:
        v4l2.offers(str(tmp_path / device))
    assert caught.value.code == "not-a-camera"


@pytest.mark.anyio
async def test_discovery_passes_over_what_cannot_be_opened(tmp_path: Path) -> None:
    node = tmp_path / "sys" / "video0"
    node.mkdir(parents=True)
    (node / "name").write_text("HD Webcam\n")
    assert await v4l2.discover(tmp_path / "sys", tmp_path) == []
    assert await v4l2.discover(tmp_path / "no such folder", tmp_path) == []


@pytest.mark.anyio
async def test_discovery_offers_the_best_format_under_a_name_that_lasts(kernel: Kernel, tmp_path: Path) -> None:
    for number in (0, 2):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text("HD Webcam\n")
    dev = kernel.devices(tmp_path / "dev", "video0", "video2")
    for folder, link, node in (
        ("by-id", "usb-HD_Webcam-video-index0", "video2"),
        ("by-path", "pci-0000:00:14.0-usb-0:1:1.0-video-index0", "video0"),
        ("by-path", "pci-0000:00:14.0-usb-0:2:1.0-video-index0", "video2"),
    ):
        (dev / "v4l" / folder).mkdir(parents=True, exist_ok=True)
        (dev / "v4l" / folder / link).symlink_to(f"../../{node}")
    one, other = await v4l2.discover(tmp_path, dev)
    assert one.title == "HD Webcam (mjpeg up to 1920x1080, yuyv up to 640x480)"
    assert [Path(str(each.config["device"])).name[-18:] for each in (one, other)] == [
        "0:1:1.0-video-index0"[-18:],
        "0:2:1.0-video-index0"[-18:],
    ], "two alike are told apart by their sockets"
    assert one.config["format"] == "mjpeg"
    (tmp_path / "video0" / "name").write_text("Document camera\n")
    found = await v4l2.discover(tmp_path, dev)
    assert Path(str(found[1].config["device"])).name == "usb-HD_Webcam-video-index0"


class Kernel:
    """The kernel's side of the ioctls of a camera: MJPEG and YUYV in two sizes, with a few controls.

    controls: number to (least, most). set: what was set, in order. signal: an HDMI signal's size; an errno: none, for
    that reason.
    """

    def __init__(self) -> None:
        self.controls: dict[int, tuple[int, int]] = {}
        self.set: list[tuple[int, int]] = []
        self.signal: tuple[int, int] | int = errno.ENOTTY
        self.refused: set[tuple[int, int]] = set()

    def devices(self, dev: Path, *names: str) -> Path:
        """/dev, in which the nodes are files; they may be opened all the same."""
        dev.mkdir(parents=True)
        for name in names:
            (dev / name).touch()
        return dev

    def ioctl(self, descriptor: int, request: int, data: bytearray) -> int:
        (index,) = struct.unpack_from("=I", data)
        if request == ioctl.QUERYCAP:
            struct.pack_into("=II", data, 84, 0x84200001, 0x04200001)
        elif request == ioctl.ENUM_FMT:
            data[44:48] = self.entry([b"MJPG", b"YUYV"], index)
        elif request == ioctl.ENUM_FRAMESIZES:
            sizes = {b"MJPG": [(1920, 1080), (1280, 720)], b"YUYV": [(640, 480)]}[bytes(data[4:8])]
            struct.pack_into("=III", data, 8, 1, *self.entry(sizes, index))
        elif request == ioctl.QUERYCTRL:
            if index not in self.controls:
                raise OSError(errno.EINVAL, "no such control")
            struct.pack_into("=ii", data, 40, *self.controls[index])
        elif request == ioctl.S_CTRL:
            wanted: tuple[int, int] = struct.unpack("=Ii", data)
            if wanted in self.refused:
                raise OSError(errno.EINVAL, "not this value")
            self.set.append(wanted)
        elif request == ioctl.QUERY_DV_TIMINGS:
            if isinstance(self.signal, int):
                raise OSError(self.signal, "no signal")
            struct.pack_into("=II", data, 4, *self.signal)
        return 0

    @staticmethod
    def entry(entries: list[Entry], index: int) -> Entry:
        if index >= len(entries):
            raise OSError(errno.EINVAL, "the end")
        return entries[index]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(fcntl, "ioctl", kernel.ioctl)
    monkeypatch.setattr(stat, "S_ISCHR", lambda mode: True)
    return kernel


def test_the_kernels_numbers_are_those_of_its_headers() -> None:
    """_IOC(direction, 'V', number, size) of asm-generic/ioctl.h; sizes as videodev2.h has them on every 64-bit PC."""
    read, write = 2, 1
    for request, direction, number, size in (
        (ioctl.QUERYCAP, read, 0, 104),
        (ioctl.ENUM_FMT, read | write, 2, 64),
        (ioctl.ENUM_FRAMESIZES, read | write, 74, 44),
        (ioctl.QUERYCTRL, read | write, 36, 68),
        (ioctl.S_CTRL, read | write, 28, 8),
        (ioctl.QUERY_DV_TIMINGS, read, 99, 132),
        (ioctl.S_DV_TIMINGS, read | write, 87, 132),
    ):
        assert request == direction << 30 | size << 16 | ord("V") << 8 | number


def test_a_camera_is_set_as_the_room_wants_it(kernel: Kernel, tmp_path: Path) -> None:
    kernel.controls = {
        ioctl.POWER_LINE_FREQUENCY: (0, 2),
        ioctl.EXPOSURE_AUTO: (0, 3),
        ioctl.EXPOSURE_ABSOLUTE: (3, 2047),
        ioctl.WHITE_BALANCE_AUTO: (0, 1),
        ioctl.WHITE_BALANCE_TEMPERATURE: (2800, 6500),
        ioctl.FOCUS_ABSOLUTE: (0, 250),
    }
    with_all = config(power_line_hz=50, exposure=20.0, white_balance=9000, focus=40)
    assert Driver(at(kernel, tmp_path, with_all)).prepare() == ([], None)
    assert kernel.set == [
        (ioctl.POWER_LINE_FREQUENCY, 1),
        (ioctl.EXPOSURE_AUTO, 1),
        (ioctl.EXPOSURE_ABSOLUTE, 200),
        (ioctl.WHITE_BALANCE_AUTO, 0),
        (ioctl.WHITE_BALANCE_TEMPERATURE, 6500),
        (ioctl.FOCUS_ABSOLUTE, 100),
    ], "within its ranges; what has no automatic needs none switched off"
    kernel.set.clear()
    kernel.refused = {(ioctl.EXPOSURE_AUTO, 3)}
    Driver(at(kernel, tmp_path, config(exposure="auto"))).prepare()
    assert kernel.set == [(ioctl.EXPOSURE_AUTO, 0)], "the automatic that it has"


def test_a_setting_the_camera_lacks_is_named_and_costs_no_lesson(kernel: Kernel, tmp_path: Path) -> None:
    driver = Driver(at(kernel, tmp_path, config(focus="auto")))
    missing, _ = driver.prepare()
    assert missing == [f"The camera {driver.config.device} does not take focus; leave it out of room.toml."]
    with pytest.raises(Unsupported, match="does not take focus"):
        driver._check()


def test_a_size_the_camera_lacks_is_refused_with_those_it_has(kernel: Kernel, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="mjpeg in 1920x1080, 1280x720; set size"):
        Driver(at(kernel, tmp_path, config(size="1024x768")))._check()


def test_a_grabber_says_that_nothing_comes_and_follows_what_does(kernel: Kernel, tmp_path: Path) -> None:
    grabber = Driver(at(kernel, tmp_path, config(signal=True, format="yuyv")))
    assert grabber.capture().feeder is not None
    for reason in (errno.ENOLINK, errno.ENOLCK, errno.ERANGE):
        kernel.signal = reason
        with pytest.raises(NotReady) as caught:
            grabber.prepare()
        assert caught.value.code == "grabber-no-signal"
    kernel.signal = (1920, 1080)
    _, received = grabber.prepare()
    assert received == (1920, 1080)
    assert "1920x1080" in grabber.device_input(received)
    kernel.signal = errno.ENOTTY
    with pytest.raises(Unsupported, match="set signal to false"):
        grabber.prepare()


def at(kernel: Kernel, folder: Path, wanted: V4l2Config) -> V4l2Config:
    """The same at a device that is there."""
    device = folder / "video0"
    device.touch()
    return wanted.model_copy(update={"device": str(device)})
