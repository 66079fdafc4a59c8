"""What else lives in the room PC beside the recorder, and steps aside for a lesson.

The recorder speaks to all of it through these words, so that it needs to know neither preview nor renderer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.recorder.housekeeper import Housekeeper
from appliance.recorder.judge.supervisor import Judging
from appliance.recorder.load import Shedding
from appliance.recorder.preview import Preview
from appliance.recorder.renderer import Renderer
from media.lesson import Lesson, Remark


class Household(Protocol):
    """What the recorder asks of it. Called in the event loop's thread."""

    async def make_way(self) -> None:
        """Devices are about to be opened: whoever holds one lets go, and nobody works on the side any more."""

    async def hand_over_devices(self) -> None:
        """The recorder keeps the devices for itself from now on: whoever holds one lets go."""

    def overhear(self, source: str, rms_db: float) -> None:
        """A level of a microphone while nothing is recorded, in dB of full scale."""

    def go_on(self) -> None:
        """The devices are closed again; after the end of a lesson, when it is in the ledger."""

    def report(self, lesson: Lesson) -> list[Remark]:
        """What was found wrong in the span that has just ended; its takes are known."""

    async def make_room(self) -> None:
        """A lesson would have to be refused for want of room on the disk."""

    def short_of_room(self) -> None:
        """A lesson has begun, or a source found the disk full: somebody should see what may go."""

    @property
    def freeable(self) -> int:
        """Bytes that may go when room is needed; the forecast counts them."""


@dataclass(frozen=True, slots=True)
class Residents:
    """The household of a real room."""

    preview: Preview
    judging: Judging
    renderer: Renderer
    housekeeper: Housekeeper
    shedding: Shedding

    async def make_way(self) -> None:
        self.shedding.prepare()
        self.renderer.make_way()
        self.judging.wake()
        await self.preview.release_devices()

    async def hand_over_devices(self) -> None:
        await self.preview.release_devices()

    def overhear(self, source: str, rms_db: float) -> None:
        self.judging.overhear(source, rms_db)

    def go_on(self) -> None:
        self.renderer.go_on()

    def report(self, lesson: Lesson) -> list[Remark]:
        return self.judging.report(lesson) + self.shedding.report(lesson)

    async def make_room(self) -> None:
        await self.housekeeper.make_room()

    def short_of_room(self) -> None:
        self.housekeeper.call()

    @property
    def freeable(self) -> int:
        return self.housekeeper.freeable
