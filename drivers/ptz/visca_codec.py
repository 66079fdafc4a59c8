"""VISCA: the words a camera that turns is spoken to in. Pure: bytes in, bytes out.

Sony's VISCA command lists (EVI-D, BRC, SRG series). On a serial line up to seven cameras stand in a row, with addresses
1 to 7: a message to camera n begins with 0x80 + n, its answers with 0x80 + 16 n; all end with 0xFF. Over IP (Sony's
"VISCA over IP") the same messages, always to camera 1, stand behind a header of eight bytes: a type, a length, and a
sequence number, all with the higher byte first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from drivers.link.framing import Ended

FRAMING = Ended(b"\xff", longest=64)
PAN_SPEEDS, TILT_SPEEDS, ZOOM_SPEEDS = 0x18, 0x14, 7
COMMAND, INQUIRY, REPLY, CONTROL, CONTROL_REPLY = 0x0100, 0x0110, 0x0111, 0x0200, 0x0201
RESET = b"\x01"
SEQUENCE_ERROR = b"\x0f\x01"
_HEADER = struct.Struct(">HHI")

ADDRESS_SET = bytes.fromhex("88 30 01 FF")
INTERFACE_CLEAR = bytes.fromhex("88 01 00 01 FF")

POWER_INQUIRY = bytes.fromhex("09 04 00")
PAN_TILT_INQUIRY = bytes.fromhex("09 06 12")
ZOOM_INQUIRY = bytes.fromhex("09 04 47")
HOME = bytes.fromhex("01 06 04")
ZOOM_STOP = bytes.fromhex("01 04 07 00")
DRIVE_STOP = bytes([0x01, 0x06, 0x01, PAN_SPEEDS, TILT_SPEEDS, 0x03, 0x03])

Kind = Literal["ack", "completion", "error"]
ERRORS = {0x01: "length", 0x02: "syntax", 0x03: "busy", 0x04: "cancelled", 0x05: "no-socket", 0x41: "not-now"}


def to_camera(address: int, words: bytes) -> bytes:
    """A whole message; words: without address and end."""
    return bytes([0x80 + address]) + words + b"\xff"


def recall(preset: int) -> bytes:
    return bytes([0x01, 0x04, 0x3F, 0x02, preset])


def store(preset: int) -> bytes:
    return bytes([0x01, 0x04, 0x3F, 0x01, preset])


def drive(pan: float, tilt: float) -> bytes:
    """-1 to 1, right and up positive; a speed of nothing still needs a number."""
    return bytes(
        [
            *(0x01, 0x06, 0x01),
            max(1, round(min(1.0, abs(pan)) * PAN_SPEEDS)),
            max(1, round(min(1.0, abs(tilt)) * TILT_SPEEDS)),
            0x03 if not pan else 0x02 if pan > 0 else 0x01,
            0x03 if not tilt else 0x01 if tilt > 0 else 0x02,
        ]
    )


def zoom(speed: float) -> bytes:
    """-1 (wide) to 1 (near)."""
    if not speed:
        return ZOOM_STOP
    return bytes([0x01, 0x04, 0x07, (0x20 if speed > 0 else 0x30) + round(min(1.0, abs(speed)) * ZOOM_SPEEDS)])


@dataclass(frozen=True, slots=True)
class Reply:
    """socket: which of the camera's two tasks. data: of an inquiry's answer. error: a name of ERRORS, or its number."""

    kind: Kind
    socket: int = 0
    data: bytes = b""
    error: str = ""


def reply(body: bytes, address: int) -> Reply | None:
    """A message without its end, as an answer of this camera; None for another's words, an echo, or noise."""
    sender = 0x80 + (address << 4)
    at = body.rfind(sender)
    if at < 0 or len(body) < at + 2:
        return None
    head, data = body[at + 1], body[at + 2 :]
    kind, socket = head >> 4, head & 0x0F
    if kind == 4 and not data:
        return Reply("ack", socket)
    if kind == 5:
        return Reply("completion", socket, data)
    if kind == 6 and len(data) == 1:
        return Reply("error", socket, error=ERRORS.get(data[0], f"{data[0]:02x}"))
    return None


def nibbles(data: bytes) -> int:
    """A number in the lower halves of its bytes. Raises ValueError for anything else."""
    if not data or any(byte > 0x0F for byte in data):
        raise ValueError(f"no number in {data.hex(' ')}")
    number = 0
    for byte in data:
        number = number << 4 | byte
    return number


def in_nibbles(number: int, places: int = 4) -> bytes:
    """The number's lower half bytes, the highest first."""
    return bytes((number >> 4 * place) & 0x0F for place in reversed(range(places)))


def signed(number: int) -> int:
    """Of 16 bits."""
    return number - 0x10000 if number >= 0x8000 else number


@dataclass(frozen=True, slots=True)
class Packet:
    """What travels over IP."""

    type: int
    sequence: int
    payload: bytes

    def __bytes__(self) -> bytes:
        return _HEADER.pack(self.type, len(self.payload), self.sequence) + self.payload


def packet(datagram: bytes) -> Packet | None:
    """None for what is no packet, or one cut short."""
    if len(datagram) < _HEADER.size:
        return None
    kind, length, sequence = _HEADER.unpack_from(datagram)
    payload = datagram[_HEADER.size :]
    return Packet(kind, sequence, payload) if len(payload) == length else None
