"""When a lesson begins, the room's panels and cameras are told what ``[[scenes.lesson]]`` says; after it, the reverse.

The recording never waits for this: it is heard from the bus that a lesson is on, and told in tasks of its own, a task
a device. What is not ready yet (a projector that warms up) is told again until its time is over. After the end there is
a time of grace, for the next lesson may begin at once.

A named scene is told in the same way, because somebody in the room touched its button; nothing undoes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.config import Device
from appliance.events import Bus, LessonChanged, ScenePlayed, SceneStepped
from appliance.recorder.status import RecorderStatus
from appliance.room.faults import broken
from appliance.scenes import HOME, Order, ScenesTable, SceneStep
from drivers.errors import DriverError, NotReady

log = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0
"""Between two attempts to tell a device that is not ready."""
LIMIT_SECONDS = 12.0
"""A driver's hooks promise to return within 10 s."""
SHOWN_SECONDS = 60.0
"""So long it is said how a scene that was touched went."""

Phase = Literal["rest", "lesson", "grace", "undoing"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a device of the scene did not do, and why."""

    device: Device
    order: Order
    problem: DriverError


@dataclass(slots=True)
class Played:
    """A scene that somebody touched. done_at: monotonic seconds; None while devices are being told."""

    name: str
    troubles: list[Trouble] = field(default_factory=list)
    done_at: float | None = None


class Scenes:
    """``run`` it beside the recorder; ``troubles`` may be read at any time."""

    def __init__(
        self,
        table: ScenesTable,
        devices: Sequence[Device],
        status: Callable[[], RecorderStatus],
        bus: Bus,
        *,
        told: Callable[[str], None] = lambda _device: None,
        again: float = AGAIN_SECONDS,
        limit: float = LIMIT_SECONDS,
    ) -> None:
        """told: called with the id of a device that was told something, which so is
        worth a look."""
        self._table = table
        self._devices = {device.id: device for device in devices}
        self._status = status
        self._bus = bus
        self._told = told
        self._again = again
        self._limit = limit
        self._phase: Phase = "rest"
        self._work: asyncio.Task[None] | None = None
        self._troubles: dict[str, Trouble] = {}
        self._played: Played | None = None
        self._playing: asyncio.Task[None] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the scenes that can be touched, in the order of room.toml."""
        return tuple(self._table.named)

    @property
    def played(self) -> Played | None:
        """The scene that was touched last, until some time after it was done."""
        if self._played is not None and self._played.done_at is not None:
            return self._played if time.monotonic() - self._played.done_at < SHOWN_SECONDS else None
        return self._played

    def play(self, name: str) -> None:
        """Somebody wants this scene now; what is left to do of the one before it is given up. Raises KeyError."""
        steps = self._table.named[name]
        if self._playing is not None:
            self._playing.cancel()
        self._played = Played(name)
        self._playing = asyncio.create_task(self._play_named(self._played, steps), name=f"scene: {name}")

    async def _play_named(self, played: Played, steps: Sequence[SceneStep]) -> None:
        await self._tell([(step.orders(), step.seconds) for step in steps], played.troubles.append)
        played.done_at = time.monotonic()
        self._bus.publish(ScenePlayed(played.name))

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What did not happen of the running lesson's scene, one for each device."""
        return tuple(self._troubles.values()) if self._phase == "lesson" else ()

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled. ready: set when it is known whether a lesson goes on.

        What is not undone by then stays as it is, for the daemon may only be updated. A lesson that goes on after a
        power cut finds its panel dark, so a daemon that finds a lesson tells the devices again.
        """
        try:
            await (self._listen(ready) if self._table.lesson else asyncio.Event().wait())
        finally:
            self._drop()
            if self._playing is not None:
                self._playing.cancel()

    async def _listen(self, ready: asyncio.Event) -> None:
        with self._bus.subscribe() as queue:
            await ready.wait()
            self._follow()
            while True:
                if isinstance(await queue.get(), LessonChanged):
                    self._follow()

    def _follow(self) -> None:
        running = self._status().lesson is not None
        match self._phase:
            case "rest" | "undoing" if running:
                self._begin("lesson", self._play())
            case "grace" if running:
                self._drop()
                self._phase = "lesson"  # everything is as it was left
            case "lesson" if not running:
                self._begin("grace", self._leave())

    def _begin(self, phase: Phase, work: Coroutine[None, None, None]) -> None:
        self._drop()
        self._phase = phase
        self._work = asyncio.create_task(work, name=f"scene: {phase}")

    def _drop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None

    async def _play(self) -> None:
        self._troubles.clear()
        await self._tell([(step.orders(), step.seconds) for step in self._table.lesson], self._note)

    async def _leave(self) -> None:
        await asyncio.sleep(self._table.grace_seconds)
        self._phase = "undoing"
        await self._tell([(step.undoing(), step.seconds) for step in self._table.lesson], self._note)
        self._phase = "rest"

    def _note(self, trouble: Trouble) -> None:
        self._troubles[trouble.device.id] = trouble

    async def _tell(self, steps: Sequence[tuple[Sequence[Order], float]], wrong: Callable[[Trouble], None]) -> None:
        """Devices at the same time, what one device is told in the order of the file. wrong: called with what is not
        done."""
        of_device: dict[str, list[tuple[Order, float]]] = {}
        for orders, seconds in steps:
            for order in orders:
                of_device.setdefault(order.device, []).append((order, seconds))
        async with asyncio.TaskGroup() as group:
            for id_, mine in of_device.items():
                group.create_task(self._tell_device(self._devices[id_], mine, wrong), name=id_)

    async def _tell_device(
        self, device: Device, orders: Sequence[tuple[Order, float]], wrong: Callable[[Trouble], None]
    ) -> None:
        """What was not done hinders nothing that follows: a panel that is on already may refuse to be switched on."""
        for order, seconds in orders:
            problem = await self._obeyed(device, order, seconds)
            code = problem.code if problem is not None else ""
            if problem is not None:
                wrong(Trouble(device, order, problem))
                log.warning("Scene: %s %s %s: %s", order.device, order.action, order.value, problem.detail)
            else:
                log.info("Scene: %s %s %s: done.", order.device, order.action, order.value)
            self._bus.publish(SceneStepped(order.device, order.action, str(order.value), code))
            self._told(device.id)

    async def _obeyed(self, device: Device, order: Order, seconds: float) -> DriverError | None:
        """Tell it until it obeys, can never obey, or its time is over; then why not."""
        if device.problem is not None or device.module is None:
            return device.problem
        why: DriverError = NotReady("no-answer", f'"{device.id}" did not answer within {seconds:.0f} s.')
        try:
            async with asyncio.timeout(seconds):
                driver = device.module.Driver(device.config)
                while True:
                    try:
                        async with asyncio.timeout(self._limit):
                            await obey(driver, order)
                        return None
                    except NotReady as error:
                        why = error
                    except TimeoutError:
                        pass  # it hangs; it is told again
                    await asyncio.sleep(self._again)
        except TimeoutError:
            return why
        except DriverError as error:
            return error
        except Exception as error:  # a driver may be anybody's, and the rest of the room has to go on
            problem = broken(device.id, error)
            log.exception("%s", problem.detail)
            return problem


async def obey(driver: Any, order: Order) -> None:
    """Have a panel (``drivers.protocols.Panel``) or a camera that turns (``Ptz``) do it. Raises DriverError."""
    match order:
        case Order(action="input", value=value):
            await driver.select(value)
        case Order(action="volume", value=value):
            await driver.volume(value)
        case Order(action="store", value=value):
            await driver.store(value)
        case Order(action="preset", value=value):
            await (driver.home() if value == HOME else driver.recall(value))
        case Order(action="power" | "mute" | "freeze" | "blank" as action, value=value):
            await getattr(driver, action)(on=value == "on")
        case _:
            raise AssertionError(order)
