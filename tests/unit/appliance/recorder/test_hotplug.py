"""If these fail, a camera that is plugged in again waits for its next turn, up to ten seconds of a lesson."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from appliance.recorder.hotplug import Plug, parse

KERNEL = (
    b"add@/devices/pci0000:00/usb1/1-2/1-2:1.0/video4linux/video2\0ACTION=add\0"
    b"DEVPATH=/devices/pci0000:00/usb1/1-2/1-2:1.0/video4linux/video2\0SUBSYSTEM=video4linux\0MAJOR=81\0"
    b"DEVNAME=video2\0SEQNUM=4711\0"
)


def udev(properties: bytes) -> bytes:
    """As systemd-udevd sends it: struct monitor_netlink_header of device-monitor.c, then the properties."""
    return struct.pack("=8sIIIIIIII", b"libudev\0", 0xCAFEFEED, 40, 40, len(properties), 0, 0, 0, 0) + properties


def test_a_camera_the_kernel_speaks_of_is_heard() -> None:
    assert parse(KERNEL) == Plug("video", "add", "video2")


def test_a_microphone_udev_speaks_of_is_heard() -> None:
    said = b"ACTION=change\0DEVPATH=/devices/usb/1-3/sound/card1\0SUBSYSTEM=sound\0ID_MODEL=Lectern=1\0"
    assert parse(udev(said)) == Plug("audio", "change", "card1")


def test_a_button_that_was_plugged_in_is_heard() -> None:
    said = b"ACTION=add\0DEVPATH=/devices/usb/1-4/input/input9/event9\0SUBSYSTEM=input\0DEVNAME=/dev/input/event9\0"
    assert parse(udev(said)) == Plug("button", "add", "/dev/input/event9")


def test_what_went_away_is_no_reason_to_try_again() -> None:
    plug = parse(KERNEL.replace(b"ACTION=add", b"ACTION=remove"))
    assert plug is not None
    assert not plug.there


def test_other_devices_are_passed_over() -> None:
    assert parse(KERNEL.replace(b"SUBSYSTEM=video4linux", b"SUBSYSTEM=block")) is None


@given(st.binary(max_size=64), st.sampled_from([b"", b"libudev\0"]))
def test_garbage_is_no_event(garbage: bytes, begins: bytes) -> None:
    assert parse(begins + garbage) is None
