"""Asks every panel and every camera that turns how it is, each in a task of its own, and remembers what it said.

A device that hangs costs its own task its time limit and nobody else anything. What is lost is said once in the log,
and once when it is back. Nothing waits for this: whoever wants to know reads what was seen last, and when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from appliance.config import Device
from appliance.room.faults import watch
from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.link.link import hang_up
from drivers.protocols import PanelState, PtzState

log = logging.getLogger(__name__)

KINDS = ("panel", "ptz")
EVERY_SECONDS = 10.0
LIMIT_SECONDS = 15.0
"""A driver's hooks promise to return within 10 s."""
PATIENCE: Mapping[type[DriverError], float] = {NotReady: 60.0, AuthFailed: 60.0, Unsupported: 300.0}
"""Seconds between two looks at a device that is wrong: they double up to this."""

State = PanelState | PtzState


class Polled(Protocol):
    """What a driver must have to be asked."""

    async def state(self) -> State: ...


@runtime_checkable
class TellsOfChanges(Protocol):
    """A driver module whose devices say by themselves that something changed."""

    def notices(self, changed: Callable[[str], None]) -> AbstractAsyncContextManager[object]:
        """While entered, ``changed`` is called with a device's address. Raises OSError when nothing can be heard."""


@dataclass(frozen=True, slots=True)
class Seen:
    """state: what it said last, though it may not answer now. problem: why not. at: monotonic seconds of the look."""

    state: State | None = None
    problem: DriverError | None = None
    at: float = float("-inf")


class Poller:
    """``run`` it beside the recorder; ``seen`` may be read at any time."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        every: float = EVERY_SECONDS,
        limit: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices = [device for device in devices if device.kind in KINDS]
        self._every = every
        self._limit = limit
        self._clock = clock
        self.seen: dict[str, Seen] = {device.id: Seen(problem=device.problem) for device in self._devices}
        self._wake = {device.id: asyncio.Event() for device in self._devices}
        self._looked = {device.id: asyncio.Event() for device in self._devices}
        self.latest = 0.0
        """By how many seconds a look was late at the most."""
        self.looks = 0

    def look(self, device: str) -> None:
        """Look at a device soon, for it was told something, or says that something changed."""
        if device in self._wake:
            self._wake[device].set()

    async def look_now(self, device: str) -> None:
        """Until a look that began after now has ended: what a device was told can be seen then."""
        if device in self._wake:
            self._looked[device].clear()
            self.look(device)
            await self._looked[device].wait()

    async def run(self) -> None:
        """Until cancelled; then every line is hung up."""
        async with AsyncExitStack() as ears:
            modules: dict[str, object] = {device.driver: device.module for device in self._devices}
            for module in modules.values():
                if isinstance(module, TellsOfChanges):
                    await self._listen(ears, module)
            await self._ask_all()

    async def _ask_all(self) -> None:
        tasks = [
            asyncio.create_task(self._follow(device, self._every * number / len(self._devices)), name=device.id)
            for number, device in enumerate(self._devices)
            if device.module is not None
        ]
        for task in tasks:
            watch(task, self._give_up)
        try:
            await asyncio.Event().wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            hang_up()

    async def _listen(self, ears: AsyncExitStack, module: TellsOfChanges) -> None:
        try:
            await ears.enter_async_context(module.notices(self._noticed))
        except OSError as error:
            log.info("Notices of devices cannot be heard (%s); they are asked as always.", error)

    def _noticed(self, host: str) -> None:
        """A device at this address says that something changed. One that room.toml calls by a name may be any."""
        hosts = {device.id: getattr(device.config, "host", None) for device in self._devices}
        named = [id_ for id_, where in hosts.items() if where == host]
        for id_ in named or [id_ for id_, where in hosts.items() if where is not None]:
            self.look(id_)

    async def _follow(self, device: Device, start: float) -> None:
        """One device for ever. Looks are spread over the interval, so that 32 devices are not asked at once."""
        driver = self._made(device)
        if driver is None:
            return
        due, wait, wake = self._clock() + start, self._every, self._wake[device.id]
        while True:
            try:
                async with asyncio.timeout(max(0.0, due - self._clock())):
                    await wake.wait()
                due, wait = self._clock(), self._every
            except TimeoutError:
                self.latest = max(self.latest, self._clock() - due)
            wake.clear()
            self.looks += 1
            problem = await self._look(device, driver)
            if not wake.is_set():  # nobody has told the device anything meanwhile
                self._looked[device.id].set()
            wait = self._every if problem is None else min(wait * 2, max(self._every, PATIENCE[_kind(problem)]))
            due = max(due + wait, self._clock())

    async def _look(self, device: Device, driver: Polled) -> DriverError | None:
        before = self.seen[device.id]
        try:
            async with asyncio.timeout(self._limit):
                state = await driver.state()
        except DriverError as error:
            seen = Seen(before.state, error, self._clock())
        except TimeoutError:
            said = f'"{device.id}" did not answer within {self._limit:.0f} s; is it connected?'
            seen = Seen(before.state, NotReady("no-answer", said), self._clock())
        else:
            seen = Seen(state, None, self._clock())
        self.seen[device.id] = seen
        if seen.problem is not None and (before.problem is None or before.problem.code != seen.problem.code):
            log.warning("%s %s: %s", device.kind, device.id, seen.problem.detail)
        elif seen.problem is None and before.problem is not None:
            log.info("%s %s is back.", device.kind, device.id)
        return seen.problem

    def _made(self, device: Device) -> Polled | None:
        if device.module is None or device.config is None:
            return None
        try:
            driver: Polled = device.module.Driver(device.config)
        except DriverError as error:
            self.seen[device.id] = Seen(problem=error, at=self._clock())
            log.warning("%s %s: %s", device.kind, device.id, error.detail)
            return None
        return driver

    def _give_up(self, id_: str, problem: DriverError) -> None:
        self.seen[id_] = Seen(problem=problem, at=self._clock())


def _kind(problem: DriverError) -> type[DriverError]:
    return next(kind for kind in PATIENCE if isinstance(problem, kind))
