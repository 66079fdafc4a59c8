"""Key presses out of the kernel's input events. Pure.

An event is ``struct input_event`` (linux/input.h): a time in seconds and microseconds, type, code and value, in the
machine's own sizes. Of the type EV_KEY, value 1 is down, 0 up, 2 a repetition. Codes: linux/input-event-codes.h.
"""

from __future__ import annotations

import difflib
import struct
from collections.abc import Mapping

from drivers.protocols import Happening

EVENT = struct.Struct("@llHHi")
EV_KEY = 1


def _names() -> dict[str, int]:
    """What keyboards, clickers, foot switches and button boxes send."""
    names = {key: 16 + at for at, key in enumerate("QWERTYUIOP")}
    names |= {key: 30 + at for at, key in enumerate("ASDFGHJKL")}
    names |= {key: 44 + at for at, key in enumerate("ZXCVBNM")}
    names |= {str(digit): 1 + digit for digit in range(1, 10)} | {"0": 11}
    names |= {f"F{number}": 58 + number for number in range(1, 11)} | {"F11": 87, "F12": 88}
    names |= {f"F{number}": 170 + number for number in range(13, 25)}
    names |= {"KP7": 71, "KP8": 72, "KP9": 73, "KP4": 75, "KP5": 76, "KP6": 77, "KP1": 79, "KP2": 80, "KP3": 81}
    names |= {"KP0": 82, "KPENTER": 96, "KPPLUS": 78, "KPMINUS": 74, "KPASTERISK": 55, "KPSLASH": 98, "KPDOT": 83}
    names |= {"ESC": 1, "BACKSPACE": 14, "TAB": 15, "ENTER": 28, "SPACE": 57, "COMMA": 51, "DOT": 52, "SLASH": 53}
    names |= {"HOME": 102, "UP": 103, "PAGEUP": 104, "LEFT": 105, "RIGHT": 106, "END": 107, "DOWN": 108}
    names |= {"PAGEDOWN": 109, "INSERT": 110, "DELETE": 111, "PAUSE": 119}
    names |= {"MUTE": 113, "VOLUMEDOWN": 114, "VOLUMEUP": 115, "POWER": 116, "STOP": 128, "MICMUTE": 248}
    names |= {"NEXTSONG": 163, "PLAYPAUSE": 164, "PREVIOUSSONG": 165, "STOPCD": 166, "RECORD": 167}
    names |= {f"BTN_{number}": 256 + number for number in range(10)}
    names |= {"BTN_LEFT": 272, "BTN_RIGHT": 273, "BTN_MIDDLE": 274}
    names |= {"BTN_TRIGGER": 288, "BTN_THUMB": 289, "BTN_THUMB2": 290, "BTN_TOP": 291, "BTN_TOP2": 292}
    return names


KEYS: Mapping[str, int] = _names()


def code_of(name: str) -> int:
    """``F5``, ``KEY_F5`` or the kernel's number, ``#63``. Raises ValueError with a near name."""
    if name.startswith("#") and name[1:].isdecimal():
        return int(name[1:])
    plain = name.upper().removeprefix("KEY_")
    if plain not in KEYS:
        near = difflib.get_close_matches(plain, KEYS, n=1, cutoff=0.6)
        hint = f'did you mean "{near[0]}"?' if near else "evtest shows the names and numbers of a device's keys"
        raise ValueError(f'has the unknown key "{name}" ({hint})')
    return KEYS[plain]


class Presses:
    """Feed it what was read, in pieces of any size.

    down, up: what a key's press and release mean, by its code. bounce: seconds; an edge that follows another of the
    same key sooner is the contact's, not the person's.
    """

    def __init__(self, down: Mapping[int, Happening], up: Mapping[int, Happening], bounce: float) -> None:
        self._meaning = {1: down, 0: up}
        self._bounce = bounce
        self._edges: dict[int, float] = {}
        self._rest = b""

    def feed(self, data: bytes) -> list[Happening]:
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        return [said for event in EVENT.iter_unpack(data[:whole]) if (said := self._said(*event)) is not None]

    def _said(self, seconds: int, micros: int, kind: int, code: int, value: int) -> Happening | None:
        if kind != EV_KEY or value not in self._meaning:
            return None
        now = seconds + micros / 1e6
        before = self._edges.get(code)
        self._edges[code] = now
        if before is not None and abs(now - before) < self._bounce:  # abs: the room's clock may be set meanwhile
            return None
        return self._meaning[value].get(code)
