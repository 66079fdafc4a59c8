"""Cameras that turn, through ONVIF (PTZ Service Specification)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from pydantic import Field

from drivers.errors import NotReady, Unsupported
from drivers.manifest import DriverManifest
from drivers.onvif.device import OnvifConfig, OnvifDevice, Preset, Profile
from drivers.protocols import DriverConfig, PtzState
from drivers.ptz.steering import Steering

SECONDS = 4.5
STEPS = 1000
"""Of ONVIF's places from -1 to 1 (zoom: 0 to 1), which ``PtzState`` counts in whole steps."""

MANIFEST = DriverManifest(
    kind="ptz",
    name="onvif",
    title="Camera that turns (ONVIF)",
    capabilities=frozenset({"presets", "home", "pan-tilt", "zoom"}),
    needs=("a camera with ONVIF PTZ switched on, and one of its ONVIF users who may turn it",),
    tested_with=("ipycam 1.3 (emulator)",),
    transports=("TCP",),
)


class OnvifPtzConfig(OnvifConfig):
    """presets: our names, and the names or tokens under which the camera keeps them; ``store`` makes those that are
    not there yet. camera: the id of the ``[[camera]]`` whose picture it turns, if that is not the one at its address or
    the only one."""

    camera: str = ""
    presets: dict[str, str] = Field(default_factory=lambda: {"board": "board", "lectern": "lectern", "class": "class"})


Config = OnvifPtzConfig


class Driver:
    """See ``drivers.protocols.Ptz``. Questions do not wait for each other."""

    Config: ClassVar[type[DriverConfig]] = OnvifPtzConfig

    def __init__(self, config: OnvifPtzConfig) -> None:
        self._presets = config.presets
        self._device = OnvifDevice(config)
        self._profile: Profile | None = None
        self._steering: Steering[tuple[float, float] | float] = Steering(self._steer)

    @property
    def presets(self) -> tuple[str, ...]:
        return tuple(self._presets)

    async def check(self) -> None:
        await self.state()

    async def state(self) -> PtzState:
        async with self._asking() as token:
            pan, tilt, zoom = (None if at is None else round(at * STEPS) for at in await self._device.place(token))
        return PtzState("on", pan, tilt, zoom)

    async def recall(self, preset: str) -> None:
        async with self._asking() as token:
            kept = await self._find(token, preset)
            if kept is None:
                raise Unsupported(
                    "ptz-no-such",
                    f'The camera at {self._device.where} keeps no preset "{self._presets[preset]}"; store it first.',
                    preset=preset,
                )
            await self._device.recall(token, kept.token)

    async def store(self, preset: str) -> None:
        async with self._asking() as token:
            kept = await self._find(token, preset)
            await self._device.store(token, self._presets[preset], kept.token if kept else "")

    async def home(self) -> None:
        async with self._asking() as token:
            await self._device.home(token)

    async def move(self, pan: float, tilt: float) -> None:
        await self._steering.wish("move", (_speed(pan), _speed(tilt)))

    async def zoom(self, speed: float) -> None:
        await self._steering.wish("zoom", _speed(speed))

    async def stop(self) -> None:
        self._steering.forget()
        async with self._asking() as token:
            await self._device.stop(token)

    async def _steer(self, _kind: str, wish: tuple[float, float] | float) -> None:
        async with self._asking() as token:
            if isinstance(wish, tuple):
                await self._device.move(token, turn=wish)
            else:
                await self._device.move(token, zoom=wish)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[str]:
        """The token of the profile that turns; within the time a hook may take."""
        try:
            async with asyncio.timeout(SECONDS):
                if self._profile is None:
                    self._profile = await self._turning_profile()
                yield self._profile.token
        except TimeoutError as error:
            self._profile = None
            raise NotReady(
                "camera-unreachable", f"The camera at {self._device.where} is too slow; check its cable, or restart it."
            ) from error

    async def _turning_profile(self) -> Profile:
        chosen = await self._device.profile()
        if chosen.turns:
            return chosen
        raise Unsupported(
            "ptz-cannot",
            f"The profile {chosen} of the camera at {self._device.where} has no PTZ; set profile to one that has.",
        )

    async def _find(self, token: str, name: str) -> Preset | None:
        """The camera's preset of that name, or with that token. Raises Unsupported for a name that is not ours."""
        if name not in self._presets:
            raise Unsupported(
                "ptz-no-such",
                f'The camera at {self._device.where} has no preset "{name}"; there are: {", ".join(self._presets)}.',
                preset=name,
            )
        wanted = self._presets[name]
        kept = await self._device.presets(token)
        tokens = [each for each in kept if each.token == wanted]
        return next(iter(tokens or [each for each in kept if each.name.casefold() == wanted.casefold()]), None)


def _speed(wish: float) -> float:
    return min(1.0, max(-1.0, wish))
