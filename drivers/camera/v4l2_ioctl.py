"""As much of Video4Linux2 (linux/videodev2.h, linux/v4l2-controls.h) as a camera is asked before it is recorded.

Every function takes an open descriptor, blocks no longer than its ioctls, and raises OSError as they do.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from collections.abc import Iterator
from dataclasses import dataclass

QUERYCAP = 0x80685600
ENUM_FMT = 0xC0405602
ENUM_FRAMESIZES = 0xC02C564A
QUERYCTRL = 0xC0445624
S_CTRL = 0xC008561C
QUERY_DV_TIMINGS = 0x80845663
S_DV_TIMINGS = 0xC0845657

BUF_TYPE_VIDEO_CAPTURE = 1
CAP_VIDEO_CAPTURE, CAP_DEVICE_CAPS = 0x00000001, 0x80000000
FRMSIZE_DISCRETE = 1
FLAG_DISABLED, FLAG_READ_ONLY = 0x0001, 0x0004

POWER_LINE_FREQUENCY = 0x00980918
WHITE_BALANCE_AUTO, WHITE_BALANCE_TEMPERATURE = 0x0098090C, 0x0098091A
EXPOSURE_AUTO, EXPOSURE_ABSOLUTE = 0x009A0901, 0x009A0902
FOCUS_AUTO, FOCUS_ABSOLUTE = 0x009A090C, 0x009A090A

NO_SIGNAL = frozenset({errno.ENOLINK, errno.ENOLCK, errno.ERANGE})
"""QUERY_DV_TIMINGS: nothing is plugged in; the signal is unstable; it is beyond what the grabber takes."""
MOST = 256
"""Entries of a list after which a driver must be wrong."""


@dataclass(frozen=True, slots=True)
class Range:
    """Of a control that can be set."""

    least: int
    most: int


def formats(descriptor: int) -> frozenset[bytes]:
    """The four-letter codes of what it delivers. Raises OSError too if it cannot capture video."""
    capability = bytearray(104)  # struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps
    fcntl.ioctl(descriptor, QUERYCAP, capability)
    whole, of_node = struct.unpack_from("=II", capability, 84)
    if not (of_node if whole & CAP_DEVICE_CAPS else whole) & CAP_VIDEO_CAPTURE:
        raise OSError(errno.ENODEV, "no video capture")
    # struct v4l2_fmtdesc: index, type, flags, description[32], pixelformat
    entries = _listed(descriptor, ENUM_FMT, 64, struct.pack("=I", BUF_TYPE_VIDEO_CAPTURE))
    return frozenset(entry[44:48] for entry in entries)


def sizes(descriptor: int, code: bytes) -> frozenset[tuple[int, int]]:
    """(width, height) of every picture it delivers in this format; nothing if it takes any within a range, or does not
    say."""
    found = set()
    try:
        # struct v4l2_frmsizeenum: index, pixel_format, type, width, height
        for entry in _listed(descriptor, ENUM_FRAMESIZES, 44, code):
            kind, width, height = struct.unpack_from("=III", entry, 8)
            if kind != FRMSIZE_DISCRETE:
                return frozenset()
            found.add((width, height))
    except OSError as error:
        if error.errno != errno.ENOTTY:
            raise
    return frozenset(found)


def control(descriptor: int, number: int) -> Range | None:
    """None: it has no such control, or not one to be set."""
    query = bytearray(68)  # struct v4l2_queryctrl: id, type, name[32], minimum, maximum, step, default_value, flags
    struct.pack_into("=I", query, 0, number)
    try:
        fcntl.ioctl(descriptor, QUERYCTRL, query)
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.ENOTTY}:
            return None
        raise
    least, most = struct.unpack_from("=ii", query, 40)
    (flags,) = struct.unpack_from("=I", query, 56)
    return None if flags & (FLAG_DISABLED | FLAG_READ_ONLY) else Range(least, most)


def set_control(descriptor: int, number: int, value: int) -> None:
    fcntl.ioctl(descriptor, S_CTRL, bytearray(struct.pack("=Ii", number, value)))  # struct v4l2_control


def follow_signal(descriptor: int) -> tuple[int, int] | None:
    """Set an HDMI grabber to the signal it receives; its width and height. None: it receives none that it can take.

    Raises OSError with ENOTTY for a device that takes no such signals, as a camera or most USB grabbers.
    """
    timings = bytearray(132)  # struct v4l2_dv_timings: type, then bt.width, bt.height, …
    try:
        fcntl.ioctl(descriptor, QUERY_DV_TIMINGS, timings)
    except OSError as error:
        if error.errno in NO_SIGNAL:
            return None
        if error.errno == errno.ENODATA:
            raise OSError(errno.ENOTTY, "not on this input") from error
        raise
    width, height = struct.unpack_from("=II", timings, 4)
    if not width or not height:
        return None
    fcntl.ioctl(descriptor, S_DV_TIMINGS, timings)
    return width, height


def _listed(descriptor: int, request: int, size: int, which: bytes) -> Iterator[bytes]:
    """The entries of one of the kernel's lists: which: what follows the index."""
    for index in range(MOST):
        entry = bytearray(size)
        struct.pack_into("=I", entry, 0, index)
        entry[4 : 4 + len(which)] = which
        try:
            fcntl.ioctl(descriptor, request, entry)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # the end of the list
            raise
        yield bytes(entry)
