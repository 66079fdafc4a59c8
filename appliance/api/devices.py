"""The room's devices: those of room.toml and whether they are willing, and those that were found beside them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

from appliance.api.views import DeviceView, ProblemView
from appliance.config import Config, Device
from appliance.recorder.status import Problem, RecorderStatus
from appliance.room.poller import Poller, Seen
from drivers import registry
from drivers.errors import DriverError
from drivers.protocols import Discovers, Found

CHECK_SECONDS = 6.0
"""A driver answers within 5 s; one that does not is called so."""
FRESH = 30.0
"""Seconds a check counts while a panel looks on."""
FRESH_BAD = 8.0
"""Seconds a bad one counts: who plugs a cable in wants to see it."""
_FOLLOWED = frozenset({"indicator", "input"})
_ABSENT = ("-missing", "-unreachable", "-silent", "-lost", "no-answer")
"""How the codes end of troubles in which nothing was heard of a device."""
_BUSY = frozenset({"starting", "recording", "stopping"})


class Watcher(Protocol):
    """What must be known of the preview: whether it has a source's device open."""

    def watching(self, source: str) -> bool: ...


class Devices:
    """Checks devices only while nothing records, and remembers what it saw."""

    def __init__(
        self,
        config: Config,
        status: Callable[[], RecorderStatus],
        preview: Watcher,
        *,
        followed: Callable[[], Mapping[str, DriverError]] = dict,
        poller: Poller | None = None,
    ) -> None:
        """followed: what is wrong with lamps and inputs, which are used at all times and need no check for it. poller:
        likewise of panels and cameras that turn; None where there are none."""
        self._poller = poller
        self._followed = followed
        self._config = config
        self._status = status
        self._preview = preview
        self._seen: dict[str, tuple[float, Problem | None]] = {}
        self._checking: asyncio.Task[None] | None = None

    @property
    def problems(self) -> Mapping[str, Problem]:
        """What is wrong with devices, as far as it was looked at."""
        return {id_: problem for id_, (_, problem) in self._seen.items() if problem is not None}

    def look_sometimes(self) -> None:
        """Check again in the background what was not checked lately; called while a panel looks on."""
        if self._checking is None or self._checking.done():
            stale = [device for device in self._config.sources if self._stale(device)]
            if stale and not self._busy:
                self._checking = asyncio.create_task(self._check_all(stale))

    def plugged(self) -> None:
        """A device came or went: what was seen counts no longer, and stands only until the next look."""
        self._seen = {id_: (float("-inf"), problem) for id_, (_, problem) in self._seen.items()}

    async def close(self) -> None:
        """No check is left running."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)

    async def report(self) -> list[DeviceView]:
        """All devices; each is asked now, unless it is being recorded or shown, for then its bytes are the answer."""
        if not self._busy:
            await self._check_all([d for d in self._config.devices if not self._preview.watching(d.id)])
        status = {source.id: source for source in self._status().sources}
        views, followed = [], self._followed()
        for device in self._config.devices:
            known = status.get(device.id)
            problem = known.problem if known is not None and known.problem is not None else self.problems.get(device.id)
            if known is not None and known.state == "recording":
                problem = None
            if device.kind in _FOLLOWED and (self._busy or device.id in followed):
                problem = problem_of(followed.get(device.id))
            seen = self._seen_by_poller.get(device.id)
            if seen is not None and self._busy:
                problem = problem_of(seen.problem)
            views.append(_view(device, problem, seen))
        if not self._busy:
            configured = [dict(device.config) for device in self._config.devices if device.config is not None]
            found = await asyncio.gather(*(discover(module) for module in registry.discoverers()))
            views += [_found(item) for items in found for item in items if not _is_configured(item, configured)]
        return views

    @property
    def _seen_by_poller(self) -> Mapping[str, Seen]:
        return self._poller.seen if self._poller is not None else {}

    @property
    def _busy(self) -> bool:
        return self._status().state in _BUSY

    def _stale(self, device: Device) -> bool:
        at, problem = self._seen.get(device.id, (float("-inf"), None))
        age = time.monotonic() - at
        return age > (FRESH if problem is None else FRESH_BAD) and not self._preview.watching(device.id)

    async def _check_all(self, devices: list[Device]) -> None:
        await asyncio.gather(*(self._check(device) for device in devices))

    async def _check(self, device: Device) -> None:
        self._seen[device.id] = (time.monotonic(), await check(device))


async def check(device: Device) -> Problem | None:
    """Ask one device whether it is there and willing; None if it is."""
    failure = device.problem
    if device.module is not None and device.config is not None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await device.module.Driver(device.config).check()
        except DriverError as error:
            failure = error
        except TimeoutError:
            return Problem("no-answer", f'"{device.id}" did not answer within {CHECK_SECONDS:.0f} s; is it connected?')
    return problem_of(failure)


def problem_of(failure: DriverError | None) -> Problem | None:
    return Problem(failure.code, failure.detail, dict(failure.facts)) if failure is not None else None


async def discover(module: Discovers) -> list[Found]:
    """What one driver sees; a search that takes too long found nothing in time."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return list(await module.discover())
    except (TimeoutError, DriverError):
        return []


def _is_configured(found: Found, configured: Sequence[Mapping[str, object]]) -> bool:
    """Whether some device of room.toml has all that makes this one findable."""
    wanted = {key: value for key, value in found.config.items() if key not in {"id", "label"}}
    return any(all(item.get(key) == value for key, value in wanted.items()) for item in configured)


def _view(device: Device, problem: Problem | None, seen: Seen | None = None) -> DeviceView:
    title = device.label or (device.module.MANIFEST.title if device.module is not None else device.id)
    return DeviceView(
        id=device.id,
        kind=device.kind,
        driver=device.driver,
        title=title,
        configured=True,
        found=device.module is not None and (problem is None or not problem.code.endswith(_ABSENT)),
        matched=device.module is not None,
        healthy=problem is None,
        problem=problem_view(problem),
        state=None
        if seen is None or seen.state is None
        else {key: value for key, value in asdict(seen.state).items() if value is not None},
    )


def _found(item: Found) -> DeviceView:
    return DeviceView(
        id=None,
        kind=item.kind,
        driver=item.driver,
        title=item.title,
        configured=False,
        found=True,
        matched=True,
        healthy=True,
        config=dict(item.config),
    )


def problem_view(problem: Problem | None) -> ProblemView | None:
    if problem is None:
        return None
    return ProblemView(code=problem.code, detail=problem.detail, facts=dict(problem.facts))
