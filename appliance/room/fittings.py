"""The room's panels and cameras that turn, as people in the room use them: what each can do, how it was seen last, and
what it is told by hand.

Whoever tells a device something hears within two seconds how it went, or that it is still under way: a projector may
take longer. What is shown of a device is what it said itself, never what it was told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from appliance.config import Device
from appliance.errors import DeviceTrouble, NoPicture, NotFound
from appliance.events import Bus, FittingSeen
from appliance.room.faults import broken
from appliance.room.places import Places
from appliance.room.poller import KINDS, Poller, State
from appliance.room.scenes import LIMIT_SECONDS, obey
from appliance.scenes import HOME, OF_KIND, Order
from drivers.errors import DriverError, NotReady

ANSWER_SECONDS = 1.7
"""Whoever touches a button is answered within 2 s."""
FRESH_SECONDS = 30.0
"""A panel that was seen longer ago may be in any state by now. The poller looks every 10 s."""
PICTURE_SECONDS = 8.0
"""A camera that nobody looks at gives its first picture after a while; one that is recorded, one in two seconds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fitting:
    """A panel, or a camera that turns. can: of appliance.scenes.ACTIONS; places: of a camera, with the versions of
    their pictures, "" for none. state: what it said lately, else None. problem: why it does not answer. telling: it is
    being told something; untold: why what it was told last was not done."""

    device: Device
    can: tuple[str, ...]
    inputs: tuple[str, ...]
    places: dict[str, str]
    state: State | None
    problem: DriverError | None
    telling: bool
    untold: DriverError | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What a driver says of itself without its device. camera: whose picture it turns."""

    can: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    camera: str = ""


@dataclass(slots=True)
class _Work:
    """What people want of the devices."""

    tasks: set[asyncio.Task[DriverError | None]] = field(default_factory=set)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    telling: Counter[str] = field(default_factory=Counter)
    untold: dict[str, DriverError] = field(default_factory=dict)


class Fittings:
    """Belongs to the event loop's thread. snapshot: a picture of a camera by its id, raises RoomError."""

    def __init__(
        self,
        devices: Sequence[Device],
        poller: Poller,
        places: Places,
        bus: Bus,
        snapshot: Callable[[str], Awaitable[bytes]],
        *,
        patience: float = ANSWER_SECONDS,
        limit: float = LIMIT_SECONDS,
    ) -> None:
        self._devices = {device.id: device for device in devices if device.kind in KINDS}
        self._known = {device.id: _known(device, devices) for device in self._devices.values()}
        self._poller = poller
        self._places = places
        self._bus = bus
        self._snapshot = snapshot
        self._patience = patience
        self._limit = limit
        self._work = _Work()

    def all(self) -> Iterator[Fitting]:
        """In the order of room.toml."""
        for id_, device in self._devices.items():
            known, seen = self._known[id_], self._poller.seen[id_]
            fresh = seen.problem is None and time.monotonic() - seen.at < FRESH_SECONDS
            yield Fitting(
                device=device,
                can=known.can,
                inputs=known.inputs,
                places={place: self._places.version(id_, place) for place in known.places},
                state=seen.state if fresh else None,
                problem=seen.problem,
                telling=self._work.telling[id_] > 0,
                untold=self._work.untold.get(id_),
            )

    def picture(self, camera: str, place: str) -> bytes:
        """The JPEG of a place. Raises NotFound."""
        jpeg = self._places.picture(camera, place) if camera in self._devices else b""
        if not jpeg:
            raise NotFound("There is no picture of such a place.", device=camera[:60])
        return jpeg

    async def tell(self, order: Order) -> None:
        """Have a device do it. Returns when it was done and the device was looked at, or when that takes longer than a
        person waits: then it goes on, and is seen as ``telling`` and perhaps ``untold``. Raises NotFound,
        DeviceTrouble."""
        device = self._devices.get(order.device)
        if device is None or not self._has(device.id, order):
            raise NotFound("The room has no such device, or it cannot do that.", device=order.device[:60])
        task = asyncio.create_task(self._told(device, order), name=f"told: {device.id}")
        self._work.tasks.add(task)
        task.add_done_callback(self._work.tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        why = task.result() if done else None
        if why is not None:
            raise DeviceTrouble(why.detail, problem=why.code, source=device.id, label=device.label or device.id)

    async def close(self) -> None:
        """What is under way is given up."""
        tasks = list(self._work.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _has(self, id_: str, order: Order) -> bool:
        known = self._known[id_]
        if order.action == "store":
            return order.value in known.places
        if order.action == "preset":
            return "preset" in known.can and order.value in (*known.places, HOME)
        return order.action in known.can

    async def _told(self, device: Device, order: Order) -> DriverError | None:
        """Why it was not done, if it was not. What one device is told is done in its order."""
        with self._telling(device.id):
            async with self._work.locks.setdefault(device.id, asyncio.Lock()):
                why = await self._obeyed(device, order)
            if why is not None:
                self._work.untold[device.id] = why
                log.warning("%s %s %s: %s", device.id, order.action, order.value, why.detail)
            else:
                self._work.untold.pop(device.id, None)
            if device.module is not None:
                with suppress(TimeoutError):  # the poller says by itself that the device does not answer
                    async with asyncio.timeout(self._limit):
                        await self._poller.look_now(device.id)
        self._bus.publish(FittingSeen(device.id))
        return why

    @contextmanager
    def _telling(self, id_: str) -> Iterator[None]:
        self._work.telling[id_] += 1
        try:
            yield
        finally:
            self._work.telling[id_] -= 1

    async def _obeyed(self, device: Device, order: Order) -> DriverError | None:
        if device.problem is not None or device.module is None:
            return device.problem
        try:
            async with asyncio.timeout(self._limit):
                await obey(device.module.Driver(device.config), order)
                if order.action == "store":
                    await self._take_picture(device.id, str(order.value))
        except DriverError as error:
            return error
        except TimeoutError:
            return NotReady("no-answer", f'"{device.id}" did not answer within {self._limit:.0f} s; is it connected?')
        except Exception as error:  # a driver may be anybody's
            log.exception("%s", device.id)
            return broken(device.id, error)
        return None

    async def _take_picture(self, id_: str, place: str) -> None:
        """The place is what it is now, with a picture or without."""
        jpeg, camera = b"", self._known[id_].camera
        try:
            if camera:
                async with asyncio.timeout(PICTURE_SECONDS):
                    jpeg = await self._snapshot(camera)
        except (NoPicture, NotFound, TimeoutError):
            log.warning('The place "%s" of %s has no picture, for %s gave none.', place, id_, camera)
        try:
            await asyncio.to_thread(self._places.keep, id_, place, jpeg)
        except OSError as error:
            log.warning('The picture of the place "%s" could not be kept: %s.', place, error.strerror)


def _known(device: Device, devices: Sequence[Device]) -> _Known:
    """Nothing of a device that can never work."""
    if device.module is None or device.config is None:
        return _Known()
    try:
        driver = device.module.Driver(device.config)
    except DriverError:
        return _Known()
    if device.kind == "ptz":
        return _Known(OF_KIND["ptz"], (), tuple(driver.presets), camera_of(device, devices))
    return _Known(tuple(action for action in OF_KIND["panel"] if action in driver.can), tuple(driver.inputs))


def camera_of(ptz: Device, devices: Sequence[Device]) -> str:
    """The id of the camera whose picture it turns: the one that room.toml names, else the one at the same address, else
    the only one; "" if that is not known."""
    cameras = [device for device in devices if device.kind == "camera"]
    named = getattr(ptz.config, "camera", "")
    if named:
        return str(named)
    host = getattr(ptz.config, "host", None)
    near = [each.id for each in cameras if host and host in _address(each)]
    return near[0] if near else cameras[0].id if len(cameras) == 1 else ""


def _address(camera: Device) -> tuple[str, ...]:
    """The hosts that a camera's table names."""
    url = str(getattr(camera.config, "url", ""))
    return (str(getattr(camera.config, "host", "")), urlsplit(url).hostname or "")
