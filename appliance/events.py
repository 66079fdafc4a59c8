"""What happens in the room, as frozen typed events, and the bus that carries them to whoever listens.

The recorder publishes, the API subscribes. A slow listener loses its oldest events, never holds anybody up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

QUEUE = 256
"""Events a listener may lag behind: some seconds of levels, hours of anything else."""


@dataclass(frozen=True, slots=True)
class LessonChanged:
    """A lesson began, paused, went on, got a mark, or ended. state as in ``media.lesson``."""

    lesson: str
    state: str


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """A source's state, by evidence: ``idle`` | ``starting`` | ``recording`` | ``stalled`` | ``lost``."""

    source: str
    state: str


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness of a microphone over the last tenth of a second, in dB of full scale (0 is the loudest)."""

    source: str
    rms_db: float
    peak_db: float


@dataclass(frozen=True, slots=True)
class DiskChanged:
    """Room on the spool's disk crossed a line: ``ok`` | ``low`` | ``full``."""

    state: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The judge found something wrong with a source (a code of ``recorder.judge.facts``), or right again."""

    source: str
    code: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Shed:
    """Something was given up because the machine or its disk is short (a code of ``recorder.load``), or is back."""

    code: str
    on: bool


@dataclass(frozen=True, slots=True)
class SelfTested:
    """The room was tried before class. wrong: pairs of source and code."""

    wrong: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ScenePlayed:
    """A scene that somebody touched is done, as far as devices obeyed."""

    name: str


@dataclass(frozen=True, slots=True)
class FittingSeen:
    """A panel or a camera that was told something by hand has been looked at since."""

    device: str


@dataclass(frozen=True, slots=True)
class OccupancyChanged:
    """A sensor says that people came into the room, or that it is empty now."""

    occupied: bool


@dataclass(frozen=True, slots=True)
class SceneStepped:
    """A device was told something, by a scene or by a hand. code: of the problem, empty when it was done."""

    device: str
    action: str
    value: str
    code: str


Event = (
    LessonChanged
    | SourceChanged
    | Level
    | DiskChanged
    | Judged
    | Shed
    | SelfTested
    | OccupancyChanged
    | SceneStepped
    | ScenePlayed
    | FittingSeen
)


class Bus:
    """Publish from the event loop's thread; every subscriber has a queue of its own."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Event]] = set()

    @property
    def listened(self) -> bool:
        """Whether anyone listens: levels are not worth computing for nobody."""
        return bool(self._listeners)

    def publish(self, event: Event) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[Event]]:
        """A queue of all events from now until the block ends."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
