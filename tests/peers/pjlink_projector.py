"""A projector's end of PJLink class 1 and 2, byte for byte as the specification writes it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

SALT = "498e4a67"


def _values() -> dict[str, str]:
    return {
        "POWR": "0",
        "INPT": "31",
        "INST": "11 31 32 51",
        "AVMT": "30",
        "ERST": "010002",
        "LAMP": "1200 1 300 0",
        "FREZ": "0",
    }


@dataclass
class Projector:
    """One connection's words; ``reply`` gives what goes out. refuses: commands and the error they get."""

    pj_class: int = 2
    password: str = ""
    values: dict[str, str] = field(default_factory=_values)
    refuses: dict[str, str] = field(default_factory=dict)

    @property
    def greeting(self) -> bytes:
        return f"PJLINK 1 {SALT}\r".encode() if self.password else b"PJLINK 0\r"

    def reply(self, data: bytes) -> bytes:
        return b"".join(self._said(line) for line in data.decode().split("\r") if line)

    def _said(self, line: str) -> bytes:
        if self.password and not line.startswith("%"):
            digest, line = line[:32], line[32:]
            if digest != hashlib.md5(f"{SALT}{self.password}".encode(), usedforsecurity=False).hexdigest():
                return b"PJLINK ERRA\r"
        number, command, parameter = line[1:2], line[2:6], line[7:]
        return f"%{number}{command}={self._answer(int(number), command, parameter)}\r".encode()

    def _answer(self, number: int, command: str, parameter: str) -> str:
        if command in self.refuses:
            return self.refuses[command]
        if command == "CLSS":
            return str(self.pj_class)
        if number > self.pj_class or command not in self.values:
            return "ERR1"
        if parameter == "?":
            return self.values[command]
        if command == "INPT" and parameter not in self.values["INST"].split():
            return "ERR2"
        self.values[command] = parameter
        return "OK"
