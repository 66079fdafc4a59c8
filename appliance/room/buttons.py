"""Buttons, switches, clickers and sensors: what people do with them becomes the recorder's orders.

Every device is listened to in a task of its own; orders are carried out one after the other in another. A mute is a
pause: while it lasts no device is open, and nothing is recorded, whatever else is touched. When the device that said so
is gone, nobody knows whether it is still meant: the lesson stays paused, and a person's touch counts again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress

from appliance.config import Device
from appliance.errors import RoomError
from appliance.events import Bus, LessonChanged, OccupancyChanged
from appliance.recorder.touches import Recorder
from appliance.room.faults import watch
from drivers.errors import DriverError, Unsupported
from drivers.protocols import Happening, Input

log = logging.getLogger(__name__)

PATIENCE = (0.5, 4.0)
"""Seconds until a device that is not there is looked for again; doubled each time, up to the last."""
CALM_SECONDS = 1.5
"""After an order: a second press is an impatient one, and would undo what the first wished."""
WAITING = 8
"""Orders that may wait; whoever presses more often plays."""
ABOUT: dict[Happening, str] = {"mute": "mute", "unmute": "mute", "occupied": "presence", "empty": "presence"}
"""States, and of what."""


class Buttons:
    """``run`` it beside the recorder; ``problems``, ``muted`` and ``occupied`` may be read at any time."""

    def __init__(
        self,
        devices: Sequence[Device],
        recorder: Recorder,
        bus: Bus,
        *,
        patience: tuple[float, float] = PATIENCE,
        calm: float = CALM_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices = [device for device in devices if device.kind == "input"]
        self._recorder = recorder
        self._bus = bus
        self._patience = patience
        self._calm = calm
        self._clock = clock
        self._orders: asyncio.Queue[Happening] = asyncio.Queue(WAITING)
        self._busy = False
        self._calm_until = float("-inf")
        self._states: dict[tuple[str, str], Happening] = {}
        self._muted_lesson = ""
        self._plugged = asyncio.Event()
        self.problems: dict[str, DriverError] = {}

    @property
    def muting(self) -> tuple[Device, ...]:
        """The switches and buttons that say that nobody shall be heard."""
        return tuple(device for device in self._devices if self._states.get((device.id, "mute")) == "mute")

    @property
    def muted(self) -> bool:
        """Whether there is one."""
        return "mute" in self._states.values()

    @property
    def occupied(self) -> bool | None:
        """Whether somebody is in the room; None where no sensor says so."""
        known = set(self._states.values()) & {"occupied", "empty"}
        return "occupied" in known if known else None

    def plugged(self) -> None:
        """A device came or went: what is missing is looked for at once."""
        self._plugged.set()
        self._plugged = asyncio.Event()

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled. ready: set once the recorder can be told something."""
        await ready.wait()
        listening = [asyncio.create_task(self._listen(device), name=device.id) for device in self._devices]
        for task in listening:
            watch(task, self._lost)
        tasks = [*listening, asyncio.create_task(self._obey(), name="orders")]
        try:
            with self._bus.subscribe() as queue:
                while True:
                    event = await queue.get()
                    if isinstance(event, LessonChanged) and event.state == "recording" and self.muted:
                        self._order("mute")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- listening

    async def _listen(self, device: Device) -> None:
        """One device for ever."""
        first, longest = self._patience
        patience = first
        while device.module is not None and device.config is not None:
            problem: DriverError
            try:
                source: Input = device.module.Driver(device.config)
                async with aclosing(source.happenings()) as happenings:
                    async for happening in happenings:
                        if happening is not None:
                            self._take(device.id, happening)
                            continue
                        patience = first
                        if self.problems.pop(device.id, None) is not None:
                            log.info("Input %s is back.", device.id)
                problem = Unsupported("driver-broken", f'The driver of "{device.id}" ended unasked; tell its author.')
            except DriverError as error:
                problem = error
            self._lost(device.id, problem)
            plugged = self._plugged
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await plugged.wait()
            patience = min(patience * 2, longest)

    def _lost(self, id_: str, problem: DriverError) -> None:
        before = self.problems.get(id_)
        self.problems[id_] = problem
        self._states = {key: state for key, state in self._states.items() if key[0] != id_}
        if before is None or before.code != problem.code:
            log.warning("Input %s: %s", id_, problem.detail)

    def _take(self, id_: str, happening: Happening) -> None:
        about = ABOUT.get(happening)
        if about is not None:
            if self._states.get((id_, about)) == happening:
                return
            occupied = self.occupied
            self._states[id_, about] = happening
            log.info("Input %s: %s.", id_, happening)
            if about == "mute":
                self._order(happening)
            elif self.occupied is not None and self.occupied != occupied:
                self._bus.publish(OccupancyChanged(self.occupied))
            return
        if happening != "mark" and (self._busy or self._clock() < self._calm_until):
            log.info("Input %s: a second press on %s is taken for an impatient one.", id_, happening)
            return
        log.info("Input %s: %s.", id_, happening)
        if happening != "mark":
            self._busy = True
        self._order(happening)

    def _order(self, happening: Happening) -> None:
        if self._orders.full():
            log.warning("Too many presses at once; %s is left out.", happening)
        else:
            self._orders.put_nowait(happening)

    # -- obeying

    async def _obey(self) -> None:
        while True:
            happening = await self._orders.get()
            try:
                await self._do(happening)
            except RoomError as error:
                log.info("The press on %s could not be obeyed: %s", happening, error.detail)
            finally:
                if happening not in {"mark", "mute", "unmute"}:
                    self._busy = False
                    self._calm_until = self._clock() + self._calm

    async def _do(self, happening: Happening) -> None:
        recorder, status = self._recorder, self._recorder.status()
        lesson = status.lesson
        match happening:
            case "toggle":
                await (recorder.start("") if lesson is None else recorder.stop())
            case "start":
                await recorder.start("")
            case "stop":
                await recorder.stop()
            case "pause":
                await (recorder.resume() if status.state == "paused" else recorder.pause())
            case "mark":
                await recorder.mark("")
            case "mute":
                if lesson is not None and lesson.state == "recording" and self.muted:
                    self._muted_lesson = lesson.id
                    await recorder.pause()
            case "unmute":
                if lesson is not None and lesson.id == self._muted_lesson and not self.muted:
                    self._muted_lesson = ""
                    if lesson.state == "paused":
                        await recorder.resume()
            case _:
                raise AssertionError(happening)  # states of presence are no orders
