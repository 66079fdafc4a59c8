"""The room of ``make run`` when nobody names one: the devices that this machine has, else simulated ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from itertools import count

from drivers import registry
from drivers.protocols import Discovers, Found

Value = str | int | float | bool

NAMES = {
    "en": "Demonstration room",
    "fr": "Salle de démonstration",
    "ar": "قاعة العرض",
    "ur": "نمائشی کمرہ",
    "zh": "演示教室",
}
SIMULATED: dict[str, list[dict[str, Value]]] = {
    "camera": [
        {"id": "teacher", "label": "Teacher", "driver": "sim", "scene": "teacher"},
        {"id": "slides", "label": "Slides", "driver": "sim", "scene": "slides"},
    ],
    "microphone": [{"id": "lectern", "label": "Lectern microphone", "driver": "sim"}],
}
HEAD = """\
# The room that "make run" made for this machine; it is written anew at every start.
# To change it, copy it: cp {copy} room.toml, then make run ROOM=room.toml
"""

UNASKED = frozenset({"screen"})
"""What is never used unless room.toml names it: a demonstration must not record somebody's desktop."""
DISCOVERY_SECONDS = 3.0


async def discover() -> list[Found]:
    """The cameras and microphones that every driver can see now, except unasked ones. A driver that takes too long
    sees nothing: a demonstration does not wait for it."""

    async def ask(driver: Discovers) -> Sequence[Found]:
        try:
            return await asyncio.wait_for(driver.discover(), DISCOVERY_SECONDS)
        except TimeoutError:
            return ()

    answers = await asyncio.gather(*(ask(driver) for driver in registry.discoverers()))
    return [found for answer in answers for found in answer if found.driver not in UNASKED]


def room_toml(found: Sequence[Found], *, server_url: str, copy_from: str, language: str = "en") -> str:
    """room.toml for what discovery found."""
    parts = [
        HEAD.format(copy=copy_from),
        table("[room]", {"name": NAMES[language], "institution": "Darsbox", "language": language}),
        table("[server]", {"url": server_url}),
        *devices(found),
    ]
    return "\n".join(parts)


def devices(found: Sequence[Found]) -> list[str]:
    """A table of room.toml for each device. A kind of which there is nothing real is simulated, so that the picture
    and the sound of a bare machine can be seen and heard."""
    parts = []
    for kind, simulated in SIMULATED.items():
        real = [device for device in found if device.kind == kind]
        parts += [table(f"[[{kind}]]", entry) for entry in (_entries(kind, real) or simulated)]
    return parts


def _entries(kind: str, devices: Sequence[Found]) -> list[dict[str, Value]]:
    numbers = count(1)
    return [
        {"id": f"{kind}-{next(numbers)}", "label": device.title[:60], "driver": device.driver, **device.config}
        for device in devices
    ]


def table(head: str, entries: Mapping[str, Value]) -> str:
    """One table of a TOML file, its head included."""
    # JSON's text, numbers and booleans are TOML's too, but for DEL.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False).replace(chr(127), '')}" for key, value in entries.items()]
    return "\n".join([head, *lines, ""])
