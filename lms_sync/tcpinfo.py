"""What Linux knows of a TCP connection: how long its packets take and how far they came.

Source: struct tcp_info of include/uapi/linux/tcp.h, which only ever grows; the offsets below hold since Linux 4.18.
"""

from __future__ import annotations

import socket
import struct
from typing import Protocol

from lms_sync.yielding import Reading

_LENGTH = 196
_RTT, _ACKED, _DELIVERED = 68, 120, 192
"""Offsets of tcpi_rtt (µs, 32 bits), tcpi_bytes_acked (64 bits), tcpi_delivered (segments, 32 bits)."""
LEAST_UNSENT, MOST_UNSENT = 4 * 1024, 128 * 1024


class Options(Protocol):
    """A socket, or what asyncio lets us have of one."""

    def getsockopt(self, level: int, name: int, length: int, /) -> bytes: ...
    def setsockopt(self, level: int, name: int, value: int, /) -> None: ...


def read(connection: Options) -> Reading | None:
    """None when it is closed, or this system tells nothing."""
    try:
        data = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH)
    except OSError:
        return None
    if len(data) < _LENGTH:
        return None
    (rtt,), (acked,) = struct.unpack_from("=I", data, _RTT), struct.unpack_from("=Q", data, _ACKED)
    (delivered,) = struct.unpack_from("=I", data, _DELIVERED)
    return Reading(rtt / 1e6, acked, delivered) if rtt else None


def keep_unsent(connection: Options, count: float) -> None:
    """Let the kernel hold so many bytes that it has not sent, within reason: what it holds cannot be slowed down any
    more. A connection that is closed already is left as it is."""
    wanted = int(min(max(count, LEAST_UNSENT), MOST_UNSENT))
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, wanted)
    except OSError:
        return  # it breaks at the next byte, and that is said there
