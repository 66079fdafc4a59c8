"""Where a message begins and ends in a stream of bytes, and whether it arrived whole. Pure: no I/O, no clock.

A frame on the line is ``start + body + checksum + end``; whoever reads gets bodies. What does not add up is noise: it
is skipped, byte by byte where a length was given, message by message where an end sign was.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal, Protocol

LONGEST = 1024
"""Bytes after which something that never ends is noise."""

ChecksumKind = Literal["none", "sum", "xor"]


def checksum(kind: ChecksumKind, body: bytes) -> bytes:
    """The byte that follows the body; none for ``none``. sum: modulo 256."""
    if kind == "none":
        return b""
    return bytes([sum(body) % 256 if kind == "sum" else reduce(xor, body, 0)])


class Framing(Protocol):
    """How one protocol marks its messages."""

    def cut(self, buffer: bytearray) -> list[bytes]:
        """Take every whole frame off the buffer's front and give their bodies; what may still grow stays in it."""

    def wrap(self, body: bytes) -> bytes:
        """The frame with this body."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Messages that end with a sign, such as a carriage return, which stands nowhere else in them.

    start: if there is one, what stands before the last of them is noise. Empty messages are left out.
    """

    end: bytes
    start: bytes = b""
    checksum: ChecksumKind = "none"
    longest: int = LONGEST

    def cut(self, buffer: bytearray) -> list[bytes]:
        bodies: list[bytes] = []
        while (at := buffer.find(self.end)) >= 0:
            body = self._body(bytes(buffer[:at]))
            del buffer[: at + len(self.end)]
            if body:
                bodies.append(body)
        if len(buffer) > self.longest:
            del buffer[: -self.longest]
        return bodies

    def wrap(self, body: bytes) -> bytes:
        return self.start + body + checksum(self.checksum, body) + self.end

    def _body(self, frame: bytes) -> bytes:
        if self.start:
            _, found, frame = frame.rpartition(self.start)
            if not found:
                return b""
        if self.checksum == "none":
            return frame
        body, sent = frame[:-1], frame[-1:]
        return body if checksum(self.checksum, body) == sent else b""


@dataclass(frozen=True, slots=True)
class Counted:
    """Messages that say how long they are, or are always as long.

    length_at: where the length stands, counted from the frame's first byte, start included; None: always ``adds`` long.
    digits: 0 for a byte, otherwise so many hexadecimal digits. adds: what the length leaves out of the whole frame.
    """

    adds: int
    length_at: int | None = None
    digits: int = 0
    start: bytes = b""
    end: bytes = b""
    checksum: ChecksumKind = "none"
    longest: int = LONGEST

    def cut(self, buffer: bytearray) -> list[bytes]:
        bodies: list[bytes] = []
        while buffer:
            if self.start and not buffer.startswith(self.start):
                self._skip_to_start(buffer)
                if not buffer.startswith(self.start):
                    break
            size = self._size(buffer)
            if size is None or (size > 0 and len(buffer) < size):
                break
            body = self._body(bytes(buffer[:size])) if size > 0 else None
            if body is None:
                del buffer[0]
                continue
            bodies.append(body)
            del buffer[:size]
        return bodies

    def wrap(self, body: bytes) -> bytes:
        return self.start + body + checksum(self.checksum, body) + self.end

    def _skip_to_start(self, buffer: bytearray) -> None:
        """Drop noise, but not the first bytes of a start of which the rest may follow."""
        at = buffer.find(self.start)
        if at < 0:
            at = next(
                (len(buffer) - n for n in range(len(self.start) - 1, 0, -1) if buffer.endswith(self.start[:n])),
                len(buffer),
            )
        del buffer[:at]

    def _size(self, buffer: bytearray) -> int | None:
        """Bytes of the frame that begins here; 0 when none can, None while that is not known."""
        if self.length_at is None:
            return self.adds
        field = bytes(buffer[self.length_at : self.length_at + max(self.digits, 1)])
        if len(field) < max(self.digits, 1):
            return None
        try:
            length = int(field, 16) if self.digits else field[0]
        except ValueError:
            return 0
        size = length + self.adds
        least = max(self.length_at + len(field), len(self.start)) + (self.checksum != "none") + len(self.end)
        return size if least <= size <= self.longest else 0

    def _body(self, frame: bytes) -> bytes | None:
        if not frame.endswith(self.end):
            return None
        inner = frame[len(self.start) : len(frame) - len(self.end)]
        if self.checksum == "none":
            return inner
        body, sent = inner[:-1], inner[-1:]
        return body if checksum(self.checksum, body) == sent else None


@dataclass(frozen=True, slots=True)
class Whole:
    """Datagrams: each is one message. Who fills the buffer gives one datagram at a time."""

    def cut(self, buffer: bytearray) -> list[bytes]:
        body = bytes(buffer)
        buffer.clear()
        return [body] if body else []

    def wrap(self, body: bytes) -> bytes:
        return body
