"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]

WHY = {
    "room.toml": "A file with a mistake keeps the room's program from starting.",
    "secrets": "A password that everybody on the machine can read is none.",
    "devices": "Without a camera or a microphone nothing is recorded.",
    "camera": "What this camera sees is missing from the lessons until it is ready.",
    "microphone": "A lesson without sound is of little use.",
    "panel": "The room cannot switch the display until then; recording does not need it.",
    "ptz": "The camera does not turn until then; it records what it looks at.",
    "indicator": "Nobody in the room sees from this lamp whether it records.",
    "input": "This button does nothing until then; the panel's works.",
    "FFmpeg": "It takes the pictures from the cameras; without it nothing is recorded.",
    "encoder": "A machine that cannot encode in time makes the pictures worse, to keep up.",
    "screen": "Teachers stand before a dark screen; lessons begin by the timetable, or with appliance start.",
    "self-test": "Only what was looked at and listened to is known to work.",
    "look": "The students would see this.",
    "listen": "The students would hear this.",
    "PortAudio": "Real microphones are heard through it.",
    "daemon": "While the room's program does not run, nobody can start a lesson.",
    "port": "The panel speaks with the room's program there.",
    "spool": "A lesson that finds no room on the disk ends early.",
    "server": "Lessons that do not reach the server stay on this disk, and nobody can watch them.",
    "enrolment": "The server takes nothing from a room that it does not know.",
    "clock": "By a wrong clock lessons carry wrong dates, and no timetable is followed.",
    "time": "A clock that nothing sets drifts by minutes in a year, and by years when its battery is empty.",
    "unit": "What does not start by itself is missing after the next power cut.",
    "version": "Who helps you asks for it first.",
}
"""By the first word of what was looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. fact: how it is; advice: the next thing to do, with its command where there is one; empty
    when there is nothing."""

    what: str
    level: Level
    fact: str
    advice: str = ""

    @property
    def why(self) -> str:
        """Why it matters."""
        return WHY[self.what.partition(" ")[0]]

    def as_json(self) -> dict[str, str]:
        return {"what": self.what, "level": self.level, "fact": self.fact, "why": self.why, "advice": self.advice}
