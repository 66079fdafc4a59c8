"""Cameras, microphones and the screen that could be recorded: those of room.toml, those found, those typed in. Each can
be seen and heard while somebody chooses, as far as no lesson has the device.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from appliance import config as room_config
from appliance.api.devices import check, discover
from appliance.config import SOURCE_KINDS, Config
from appliance.dumping import is_secret
from appliance.errors import BadRequest, DeviceTrouble
from appliance.recorder.preview import Preview
from appliance.recorder.status import Problem
from appliance.spool.draft import Device
from drivers import registry
from drivers.errors import DriverError

SIMULATED = "sim"
UNSEEN = frozenset({"screen-missing", "screen-wayland"})
"""Codes of a screen of which nobody wants to hear: a classroom PC has none that can be recorded."""
NO_ADDRESS = "That is no address of a camera; type it as its maker's page says."
KEPT = 600.0
"""Seconds after the last look in which devices that nobody has chosen stay to be seen."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """source: by which the room's pictures and levels name it. problem: why it cannot be used now."""

    device: Device
    source: str
    problem: Problem | None = None


class Candidates:
    """``look`` first; what it saw is there until the next."""

    def __init__(self, config: Config, preview: Preview) -> None:
        self._config = config
        self._preview = preview
        self._seen: dict[str, Candidate] = {}
        self._leaving: asyncio.TimerHandle | None = None

    def of(self, keys: Iterable[str]) -> list[Device]:
        """Raises BadRequest for a device that was not seen."""
        try:
            return [self._seen[key].device for key in keys]
        except KeyError as error:
            raise BadRequest("There is no such device now; look again.") from error

    async def look(self, typed: Sequence[Device], *, simulated: bool) -> list[Candidate]:
        """All there are. typed: cameras that were added by their address. simulated: also those of room.toml."""
        found = [item for items in await asyncio.gather(*map(discover, registry.discoverers())) for item in items]
        known = [each for each in map(_configured, self._config.sources) if simulated or each.driver != SIMULATED]
        others = [
            _device(item.kind, item.driver, item.title, item.config) for item in found if item.kind in SOURCE_KINDS
        ]
        others += [*typed, *_screens()]
        new = {each.key: each for each in others if not any(_same(each, configured) for configured in known)}
        seen = await asyncio.gather(*(self._looked_at(each) for each in [*known, *new.values()]))
        shown = [each for each in seen if each.problem is None or each.problem.code not in UNSEEN]
        self._preview.withdraw()
        for each in shown:
            self._offer(each)
        self._stay()
        self._seen = {each.device.key: each for each in shown}
        return shown

    async def try_camera(self, address: str, user: str, password: str) -> Device:
        """A network camera by its address, if it answers and lets us in. Raises BadRequest for what is no address,
        DeviceTrouble with the camera's own code as ``problem``."""
        driver, title, config = _typed(address, user, password)
        device = _device("camera", driver, title, config)
        try:
            made = _as_configured(device)
        except ValidationError as error:
            raise BadRequest(NO_ADDRESS) from error
        problem = await check(made)
        if problem is not None:
            raise DeviceTrouble(problem.detail, problem=problem.code, label=title, **problem.facts)
        return device

    def leave(self) -> None:
        """Nobody looks any more: no device stays open for it."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        self._preview.withdraw()

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = asyncio.get_running_loop().call_later(KEPT, self.leave)

    async def _looked_at(self, device: Device) -> Candidate:
        """A device that is shown just now gives its pictures; another program than ours would only disturb it."""
        source = device.id or f"new:{device.key}"
        if self._preview.watching(source):
            return Candidate(device, source)
        if device.id is not None:
            return Candidate(device, source, await check(self._of_room(device.id)))
        return Candidate(device, source, await check(_as_configured(device)))

    def _of_room(self, id_: str) -> room_config.Device:
        return next(device for device in self._config.sources if device.id == id_)

    def _offer(self, candidate: Candidate) -> None:
        device = candidate.device
        if device.id is not None or candidate.problem is not None:
            return
        made = _as_configured(device)
        if made.module is not None and made.config is not None:
            self._preview.offer(candidate.source, made.module.Driver(made.config).capture())


def _configured(device: room_config.Device) -> Device:
    """Its table stays as it is, so its secrets are of no use here."""
    said = {} if device.config is None else device.config.model_dump(mode="json", exclude={"id", "driver", "label"})
    own = {key: value for key, value in said.items() if not is_secret(key)}
    return Device(device.id, device.kind, device.driver, device.label or device.id, own, device.id)


def _device(kind: str, driver: str, title: str, config: Mapping[str, Any]) -> Device:
    """One that is not in room.toml; its key outlives a restart, and tells nothing secret."""
    plain = sorted((key, value) for key, value in config.items() if not is_secret(key))
    key = hashlib.sha256(json.dumps([kind, driver, plain]).encode()).hexdigest()[:12]
    return Device(key, kind, driver, title, dict(config))


def _same(found: Device, configured: Device) -> bool:
    """Whether room.toml has all that makes this one findable."""
    wanted = {key: value for key, value in found.config.items() if not is_secret(key) and key != "user"}
    alike = (found.kind, found.driver) == (configured.kind, configured.driver)
    return alike and all(configured.config.get(key) == value for key, value in wanted.items())


def _screens() -> list[Device]:
    """The one of the session in which the daemon runs, or else the first of the machine."""
    display = os.environ.get("DISPLAY") or ":0"
    screen = _device("camera", "screen", f"Screen {display}", {"display": display})
    try:
        _as_configured(screen)
    except ValidationError:
        return []  # DISPLAY names none
    return [screen]


def _as_configured(device: Device) -> room_config.Device:
    """As room.toml would have it, for its driver. Raises ValidationError."""
    kind, driver = device.kind, device.driver
    try:
        module = registry.load(kind, driver)
        made = module.Config.model_validate(
            {"id": device.key, "driver": driver, "label": device.title, **device.config}
        )
    except DriverError as error:
        return room_config.Device(kind, device.key, driver, device.title, problem=error)
    return room_config.Device(kind, device.key, driver, device.title, made, module)


def _typed(address: str, user: str, password: str) -> tuple[str, str, dict[str, Any]]:
    """(driver, title, its keys of room.toml). Raises BadRequest."""
    text = address.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadRequest(NO_ADDRESS) from error
    if not host or parts.scheme not in {"rtsp", "rtsps", "http", "https"}:
        raise BadRequest(NO_ADDRESS)
    user, password = user or unquote(parts.username or ""), password or unquote(parts.password or "")
    login = {key: value for key, value in (("user", user), ("password", password)) if value}
    if parts.scheme.startswith("rtsp"):
        return "rtsp", host, {"url": parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), **login}
    where: dict[str, Any] = {"host": host}
    if parts.scheme == "https":
        where |= {"secure": True, "http_port": port or 443}
    elif port not in {None, 80}:
        where["http_port"] = port
    return "onvif", host, {**where, **login}
