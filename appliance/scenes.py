"""``[scenes]`` of room.toml: what the room does by itself when a lesson begins, and undoes after it; and what it does
at a touch, by name. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from drivers.errors import DriverError
from drivers.protocols import DriverConfig, DriverModule

LESSON = "scenes.lesson"
Switch = Literal["on", "off"]
ACTIONS = ("power", "input", "volume", "mute", "freeze", "blank", "preset")
"""In this order they are done: a panel that is off takes nothing else."""
OF_KIND: Mapping[str, tuple[str, ...]] = {"panel": ACTIONS[:-1], "ptz": ("preset",)}
HOME = "home"
"""A preset that every camera has: where it looks after it is switched on."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing that one device is told."""

    device: str
    action: str
    value: str | int


class SceneStep(BaseModel):
    """What one device is told. Devices are told at the same time, the things of one step one after another."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    device: str
    """The id of a panel or of a camera that turns."""
    power: Switch | None = None
    input: str | None = Field(None, min_length=1)
    volume: int | None = Field(None, ge=0, le=100)
    """Percent."""
    mute: Switch | None = None
    freeze: Switch | None = None
    blank: Switch | None = None
    preset: str | None = Field(None, min_length=1)
    seconds: float = Field(60.0, ge=1, le=600)
    """So long it is tried: a projector takes nothing in while it warms up."""
    undo: bool = True
    """After the lesson: what was switched on is switched off again, and the camera turns home."""

    def orders(self) -> tuple[Order, ...]:
        """What is to be done, in its order."""
        wishes = ((action, getattr(self, action)) for action in ACTIONS)
        return tuple(Order(self.device, action, value) for action, value in wishes if value is not None)

    def undoing(self) -> tuple[Order, ...]:
        """What is to be done after the lesson. A panel that goes off need not be told anything else; what input and
        volume it had before is not the room's to know."""
        if not self.undo:
            return ()
        if self.power == "on":
            return (Order(self.device, "power", "off"),)
        switches = [order for order in self.orders() if order.value in {"on", "off"}]
        back = [Order(self.device, o.action, "off" if o.value == "on" else "on") for o in switches]
        if self.preset is not None:
            back.append(Order(self.device, "preset", HOME))
        return tuple(back)


class ScenesTable(BaseModel):
    """Nothing here: panels are the teachers' own business."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    grace_seconds: float = Field(120.0, ge=0, le=24 * 3600)
    """After a lesson's end, before its scene is undone; a lesson that starts meanwhile finds everything as it was."""
    lesson: tuple[SceneStep, ...] = ()
    named: dict[Annotated[str, Field(min_length=1, max_length=60)], tuple[SceneStep, ...]] = Field(default_factory=dict)
    """``[[scenes.named.film]]``: a button on the panel; nothing of it is undone. ``film``, ``slides``, ``board``,
    ``discussion`` and ``dark`` have words of their own in every language of the panel."""

    def tables(self) -> Iterator[tuple[str, tuple[SceneStep, ...]]]:
        """Every scene by the name of its tables in room.toml."""
        yield LESSON, self.lesson
        for name, steps in self.named.items():
            yield f"scenes.named.{name}", steps


class Known(Protocol):
    """What is asked of a device of room.toml."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def config(self) -> DriverConfig | None: ...
    @property
    def module(self) -> DriverModule | None: ...


def mistakes(table: ScenesTable, devices: Sequence[Known], text: str) -> Iterator[str]:
    """Whatever no device of the room can do, each as a sentence with its line. text: room.toml."""
    by_id = {device.id: device for device in devices}
    usable = [device.id for device in devices if device.kind in OF_KIND]
    for name, steps in table.tables():
        for number, step in enumerate(steps, start=1):
            for key, said in _wrong(step, by_id.get(step.device), usable):
                yield mistake(text, name, number, key, said)


def _wrong(step: SceneStep, device: Known | None, usable: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys of a step, and what is wrong with them. device: that it speaks of; usable: ids that a step may speak of."""
    if device is None:
        yield "device", f'there is no device "{step.device}"{_near(step.device, usable)}'
        return
    if device.kind not in OF_KIND:
        said = "a lamp lights by itself" if device.kind == "indicator" else f"a {device.kind} has no part in a scene"
        yield "device", f'"{step.device}": {said}; leave it out'
        return
    orders = step.orders()
    if not orders:
        yield "device", f"it says nothing to do; add one of {', '.join(OF_KIND[device.kind])}"
    known = frozenset(OF_KIND[device.kind])
    presets: tuple[str, ...] | None = None
    if device.module is not None and device.config is not None:
        try:
            driver = device.module.Driver(device.config)
        except DriverError:
            pass  # it is said of the device itself
        else:
            known = known & driver.can if device.kind == "panel" else known
            presets = (*driver.presets, HOME) if device.kind == "ptz" else None
    for order in orders:
        if order.action not in known:
            yield order.action, f'"{device.id}" knows no {order.action}, only {", ".join(sorted(known)) or "nothing"}'
        elif order.action == "preset" and presets is not None and order.value not in presets:
            yield "preset", f'"{device.id}" has no preset "{order.value}"{_near(str(order.value), presets)}'


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    return f' (did you mean "{near[0]}"?)' if near else f"; there are: {', '.join(names)}" if names else ""


def step_of(place: Sequence[str | int]) -> tuple[str, int, Sequence[str | int]] | None:
    """Where in ``[scenes]`` a step's key is wrong: the name of the scene's tables, the step's number from 1, and the
    key; None for what is no step's. place: of a pydantic error."""
    at = 2 if list(place[:1]) == ["named"] else 1
    if len(place) < at + 2:
        return None
    return ".".join(("scenes", *map(str, place[:at]))), int(place[at]) + 1, place[at + 1 :]


def mistake(text: str, name: str, number: int, key: str, said: str) -> str:
    """The sentence with its place. name: of the scene's tables; number: of the step, from 1."""
    line = line_of(text, name, number, key)
    place = f"line {line}, " if line else ""
    return f"{place}[[{name}]] number {number}, {key}: {said}."


def line_of(text: str, name: str, number: int, key: str) -> int:
    """The line of a key of the step with this number, or of its head; 0 where it is written otherwise. tomllib keeps
    no lines."""
    head = r"\s*\.\s*".join(rf'"?{re.escape(part)}"?' for part in name.split(".", 2))
    found = seen = 0
    for at, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*\[\[\s*{head}\s*\]\]", line):
            seen += 1
            found = at if seen == number else found
        elif re.match(r"\s*\[", line):
            seen += 0 if seen < number else 1  # another table ends the step
        elif seen == number and re.match(rf"\s*{key}\s*=", line):
            return at
    return found
