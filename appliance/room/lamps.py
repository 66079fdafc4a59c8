"""The room's lamps say what the recorder's evidence says, each in a task of its own.

A lamp is a promise to the people in the room: while it is dark, nothing of them is kept. So it is lit from the touch on
Start, before the first byte is safe, until the devices are closed; an armed room's lamp is lit too. What counts as
shown is what the lamp acknowledged last. One that hangs costs its own task its time limit, and nobody else anything; of
what was missed meanwhile only the newest is shown.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from appliance.config import Device
from appliance.events import Bus, LessonChanged, SourceChanged
from appliance.recorder.status import RecorderStatus
from appliance.room.faults import watch
from drivers.errors import DriverError, NotReady
from drivers.protocols import Indicator, Signal

log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""A lamp whose power failed shows the truth again within this time."""
LIMIT_SECONDS = 8.0
"""A driver's hooks promise to return within 5 s."""
PATIENCE = (1.0, 10.0)
"""Seconds after the first failure; doubled at each, up to the last."""
FAREWELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Shown:
    """signal: what the lamp acknowledged last, None before it did; at: monotonic seconds of that. problem: why what it
    shows is not known to be true."""

    signal: Signal | None = None
    problem: DriverError | None = None
    at: float = float("-inf")


def signal_of(status: RecorderStatus) -> Signal:
    """What the lamps should say. In doubt they say that people may be heard."""
    if status.lesson is None:
        return "recording" if status.held_seconds else "off"
    match status.state:
        case "paused":
            return "paused"
        case "cannot-record":
            return "problem"
        case _:
            return "recording"


class Lamps:
    """``run`` it so that it ends after the recorder has; ``shown`` may be read at any time."""

    def __init__(
        self,
        devices: Sequence[Device],
        status: Callable[[], RecorderStatus],
        bus: Bus,
        *,
        again: float = AGAIN_SECONDS,
        limit: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices = {device.id: device for device in devices if device.kind == "indicator"}
        self._status = status
        self._bus = bus
        self._again = again
        self._limit = limit
        self._clock = clock
        self._ending = False
        self._news = {id_: asyncio.Event() for id_ in self._devices}
        self.shown = {id_: Shown(problem=device.problem) for id_, device in self._devices.items()}

    @property
    def doubtful(self) -> tuple[Device, ...]:
        """Lamps of which nobody knows whether they show the truth."""
        return tuple(device for id_, device in self._devices.items() if self.shown[id_].problem is not None)

    def seen(self) -> Iterator[tuple[str, str, Shown]]:
        """Every lamp: its id, what people call it, what it shows."""
        for id_, device in self._devices.items():
            yield id_, device.label, self.shown[id_]

    @property
    def problems(self) -> dict[str, DriverError]:
        """Why they are doubtful."""
        return {id_: shown.problem for id_, shown in self.shown.items() if shown.problem is not None}

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled; then every lamp is told once more how things are. ready: set once the recorder knows whether
        a lesson of its predecessor goes on; until then nobody may darken a lamp."""
        await ready.wait()
        lamps = {id_: lamp for id_, device in self._devices.items() if (lamp := self._made(device)) is not None}
        tasks = [asyncio.create_task(self._follow(id_, lamp), name=id_) for id_, lamp in lamps.items()]
        for task in tasks:
            watch(task, self._give_up)
        try:
            with self._bus.subscribe() as queue:
                while True:
                    event = await queue.get()
                    if isinstance(event, LessonChanged | SourceChanged):
                        self._wake_all()
        finally:
            # Nobody is cut short: an order in two halves leaves a port that is busy. Nor is a line hung up, for that
            # would drop what is still on its way out; the program's end lets it go.
            self._ending = True
            self._wake_all()
            if tasks:
                await asyncio.wait(tasks, timeout=FAREWELL_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _wake_all(self) -> None:
        for news in self._news.values():
            news.set()

    async def _follow(self, id_: str, lamp: Indicator) -> None:
        news, first, longest = self._news[id_], *PATIENCE
        patience = first
        while True:
            news.clear()
            ending, before = self._ending, self.shown[id_]
            stale = self._clock() - before.at >= self._again
            if stale or before.problem is not None or before.signal != signal_of(self._status()):
                await self._show(id_, lamp)
            if ending:
                return
            failed = self.shown[id_].problem is not None
            wait, patience = (patience, min(patience * 2, longest)) if failed else (self._again, first)
            try:
                async with asyncio.timeout(wait):
                    await news.wait()
            except TimeoutError:
                continue  # say it again

    async def _show(self, id_: str, lamp: Indicator) -> None:
        before, signal = self.shown[id_], signal_of(self._status())
        try:
            async with asyncio.timeout(self._limit):
                await lamp.show(signal)
        except DriverError as error:
            shown = Shown(before.signal, error, before.at)
        except TimeoutError:
            said = f'The lamp "{id_}" did not answer within {self._limit:.0f} s; is it connected?'
            shown = Shown(before.signal, NotReady("no-answer", said), before.at)
        else:
            shown = Shown(signal, None, self._clock())
        self.shown[id_] = shown
        if shown.problem is not None and (before.problem is None or before.problem.code != shown.problem.code):
            log.warning("Lamp %s: %s", id_, shown.problem.detail)
        elif shown.problem is None and before.problem is not None:
            log.info("Lamp %s is back.", id_)

    def _made(self, device: Device) -> Indicator | None:
        if device.module is None or device.config is None:
            return None
        try:
            lamp: Indicator = device.module.Driver(device.config)
        except DriverError as error:
            self.shown[device.id] = Shown(problem=error)
            log.warning("Lamp %s: %s", device.id, error.detail)
            return None
        return lamp

    def _give_up(self, id_: str, problem: DriverError) -> None:
        self.shown[id_] = Shown(problem=problem)
