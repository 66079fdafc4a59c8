"""A lamp on the common USB relay board (16c0:05df, "USBRelay1" to "USBRelay8"), which is a HID device without keys.

One feature report of eight bytes, unnumbered: written, ``FF n`` closes relay n and ``FD n`` opens it; read, it is the
board's five letters, and in the last byte one bit a relay (V-USB's hidraw demo; usbrelay and usb-relay-hid on GitHub
describe the same). Linux' hidraw (Documentation/hid/hidraw.rst) puts the report's number, zero, before it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

from pydantic import Field

from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.indicator.lamp import LampConfig, disobedient
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig, Found, Signal

UDEV_RULE = 'SUBSYSTEM=="hidraw", ATTRS{idVendor}=="16c0", ATTRS{idProduct}=="05df", GROUP="dialout", MODE="0660"'
REPORT = 9
"""Bytes, the number before it included."""
CLOSE, OPEN = 0xFF, 0xFD
_HID_ID = "HID_ID=0003:000016C0:000005DF"
_SET_FEATURE = 0xC0004806 | REPORT << 16
_GET_FEATURE = 0xC0004807 | REPORT << 16

MANIFEST = DriverManifest(
    kind="indicator",
    name="usb-relay",
    title="Lamp on a USB relay board (HID 16c0:05df)",
    capabilities=frozenset({"lamp", "discover"}),
    needs=(f"a udev rule: {UDEV_RULE}",),
    tested_with=("a simulated board; no real one yet",),
    transports=("USB HID",),
)


class UsbRelayConfig(LampConfig):
    device: str = ""
    """Such as /dev/hidraw0; empty: found by itself."""
    board: str = Field("", max_length=5)
    """The board's five letters, where several are plugged in."""
    relay: int = Field(1, ge=1, le=8)


Config = UsbRelayConfig


class Bus(Protocol):
    """What the kernel offers. All may raise OSError, and take the time of a USB transfer."""

    def boards(self) -> Sequence[str]:
        """Paths of the boards that are plugged in."""

    def read(self, path: str) -> bytes:
        """The feature report, REPORT bytes."""

    def write(self, path: str, report: bytes) -> None:
        """REPORT bytes."""


class Hidraw:
    """The kernel's."""

    def __init__(self, sysfs: Path = Path("/sys/class/hidraw")) -> None:
        self._sysfs = sysfs

    def boards(self) -> Sequence[str]:
        found = []
        for entry in sorted(self._sysfs.iterdir()) if self._sysfs.is_dir() else ():
            lines = (entry / "device" / "uevent").read_text().splitlines()
            if _HID_ID in lines and any(line.startswith("HID_NAME=") and "USBRelay" in line for line in lines):
                found.append(f"/dev/{entry.name}")
        return found

    def read(self, path: str) -> bytes:
        with _opened(path) as file:
            report = bytearray(REPORT)
            fcntl.ioctl(file, _GET_FEATURE, report)
            return bytes(report)

    def write(self, path: str, report: bytes) -> None:
        with _opened(path) as file:
            fcntl.ioctl(file, _SET_FEATURE, bytearray(report))


@contextmanager
def _opened(path: str) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def order(relay: int, *, on: bool) -> bytes:
    """The report that switches one relay."""
    return bytes([0, CLOSE if on else OPEN, relay]).ljust(REPORT, b"\0")


def letters(report: bytes) -> str:
    """The board's name."""
    return report[1:6].decode("ascii", "replace").rstrip("\0")


def is_on(report: bytes, relay: int) -> bool:
    return bool(report[8] >> (relay - 1) & 1)


class Driver:
    """See ``drivers.protocols.Indicator``. What is shown was read back from the board."""

    Config: ClassVar[type[DriverConfig]] = UsbRelayConfig

    def __init__(self, config: UsbRelayConfig, bus: Bus | None = None) -> None:
        self._config = config
        self._bus = bus or Hidraw()

    async def check(self) -> None:
        await asyncio.to_thread(self._guarded, None)

    async def show(self, signal: Signal) -> None:
        await asyncio.to_thread(self._guarded, self._config.on(signal))

    def _guarded(self, on: bool | None) -> None:
        try:
            path = self._path()
            if on is not None:
                self._bus.write(path, order(self._config.relay, on=on))
            if on is not None and is_on(self._bus.read(path), self._config.relay) != on:
                raise disobedient(self._config.id, on=on)
        except PermissionError as error:
            raise AuthFailed(
                "lamp-permission", f"The USB relay may not be used by this user; write a udev rule: {UDEV_RULE}"
            ) from error
        except OSError as error:
            if error.errno in {errno.ENOTTY, errno.EINVAL}:
                raise Unsupported(
                    "not-a-relay", f"{self._config.device} is no USB relay; leave device out to have it found."
                ) from error
            raise NotReady(
                "lamp-missing", f"The USB relay does not answer ({error.strerror}); plug it in again."
            ) from error

    def _path(self) -> str:
        config = self._config
        if config.device:
            if not os.path.exists(config.device):
                raise NotReady("lamp-missing", f"There is no {config.device}; plug the USB relay in.")
            return config.device
        paths = list(self._bus.boards())
        if config.board:
            paths = [path for path in paths if letters(self._bus.read(path)) == config.board]
        if not paths:
            named = f" {config.board}" if config.board else ""
            raise NotReady("lamp-missing", f"There is no USB relay{named}; plug it in (lsusb -d 16c0:05df lists it).")
        if len(paths) > 1:
            raise Unsupported(
                "lamp-ambiguous", "Several USB relays are plugged in; name one by its five letters: board."
            )
        return paths[0]


def _found(bus: Bus) -> list[Found]:
    found = []
    for path in bus.boards():
        try:
            board = letters(bus.read(path))
        except OSError:
            continue  # not ours to use, or gone
        found.append(Found("indicator", "usb-relay", f"USB relay {board}", {"board": board}))
    return found


async def discover() -> Sequence[Found]:
    """Boards that this user may use."""
    return await asyncio.to_thread(_found, Hidraw())
