"""Cameras, microphones and buttons that are plugged in or pulled out, as the kernel and udev tell it.

Netlink, NETLINK_KOBJECT_UEVENT (linux/netlink.h; systemd, src/libsystemd/sd-device/device-monitor.c). The kernel speaks
to group 1 as soon as a device exists, udev to group 2 once its links and permissions stand; a machine without udev has
only the first. Either is a reason to try the device again, and no more than that: whoever forged one would cost us an
attempt.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from drivers.protocols import Media

log = logging.getLogger(__name__)

_NETLINK_KOBJECT_UEVENT = 15
_GROUPS = 1 | 2
_UDEV = b"libudev\0"
_LARGEST = 16 * 1024
"""Bytes; the kernel's own events have at most 2 KiB, udev's add the device's properties."""
What = Media | Literal["button"]
SUBSYSTEMS: Mapping[str, What] = {"video4linux": "video", "sound": "audio", "input": "button"}


@dataclass(frozen=True, slots=True)
class Plug:
    """A device came, changed or went (action ``remove``). device: as the kernel names it, such as ``video0``."""

    media: What
    action: str
    device: str

    @property
    def there(self) -> bool:
        return self.action != "remove"


def parse(message: bytes, subsystems: Mapping[str, What] = SUBSYSTEMS) -> Plug | None:
    """One event of the kernel or of udev; None if it is of another kind of device, or is none at all."""
    if message.startswith(_UDEV):
        if len(message) < 24:
            return None
        begin, length = struct.unpack_from("=II", message, 16)  # after prefix, magic and size of the header
        message = message[begin : begin + length]
    words = (part.partition("=") for part in message.decode(errors="replace").split("\0"))
    said = {key: value for key, sign, value in words if sign}
    media = subsystems.get(said.get("SUBSYSTEM", ""))
    if media is None:
        return None
    return Plug(media, said.get("ACTION", ""), said.get("DEVNAME") or said.get("DEVPATH", "").rpartition("/")[2])


async def watch_devices(on_plug: Callable[[Plug], None], subsystems: Mapping[str, What] = SUBSYSTEMS) -> None:
    """Tell of every event until cancelled. Where the machine tells none, the patience of keepers alone finds devices
    again."""
    try:
        ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETLINK_KOBJECT_UEVENT)
    except OSError as error:
        log.info("This machine does not tell when a device is plugged in (%s); sources are tried by and by.", error)
        await asyncio.Event().wait()
        return
    loop = asyncio.get_running_loop()

    def on_words() -> None:
        try:
            message = ear.recv(_LARGEST)
        except OSError as error:  # so many came that some are lost: whoever waits is woken by the next
            log.debug("Events of devices were missed: %s", error)
            return
        plug = parse(message, subsystems)
        if plug is not None:
            on_plug(plug)

    with ear:
        ear.bind((0, _GROUPS))
        loop.add_reader(ear, on_words)
        try:
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(ear)
