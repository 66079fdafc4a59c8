"""A button, a foot switch or a clicker that the kernel takes for a keyboard (evdev: Documentation/input/input.rst).

It is taken for this alone (EVIOCGRAB), so that a press types nothing into the panel; a clicker that shall turn slides
on the same machine must not be. Only the keys that room.toml names are ever looked at.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.input.presses import EVENT, Presses, code_of
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig, Found, Happening

BY_ID = Path("/dev/input/by-id")
UDEV_RULE = 'SUBSYSTEM=="input", KERNEL=="event*", GROUP="input", MODE="0660"'
_EVIOCGVERSION = 0x80044501
_EVIOCGRAB = 0x40044590
_KEY_BYTES = 96
_EVIOCGKEY = 0x80004518 | _KEY_BYTES << 16

MANIFEST = DriverManifest(
    kind="input",
    name="evdev",
    title="Button, foot switch or clicker",
    capabilities=frozenset({"buttons", "discover"}),
    needs=("the group input",),
    tested_with=("the kernel's event format through a pipe; no real button yet",),
    transports=("USB", "Bluetooth"),
)


class KeysConfig(DriverConfig):
    keys: Mapping[str, Happening] = Field(min_length=1)
    """What a press means, by the key's name: ``{F5 = "toggle", B = "mark"}``."""
    released: Mapping[str, Happening] = Field(default_factory=dict)
    """What letting go means, for a switch that stays down: ``{MUTE = "unmute"}``."""
    bounce_ms: int = Field(40, ge=0, le=1000)

    @field_validator("keys", "released")
    @classmethod
    def _known(cls, table: Mapping[str, Happening]) -> Mapping[str, Happening]:
        for name in table:
            code_of(name)
        return table


class EvdevConfig(KeysConfig):
    device: str = Field(min_length=1)
    """Its lasting name, /dev/input/by-id/…-event-kbd."""
    grab: bool = True
    """Nobody else gets its keys; false for a clicker that turns slides on this machine."""


Config = EvdevConfig


class Keys:
    """Happenings out of a file of input events; who inherits says how it is opened."""

    def __init__(self, name: str, config: KeysConfig) -> None:
        self.name = name
        self._down = {code_of(key): means for key, means in config.keys.items()}
        self._up = {code_of(key): means for key, means in config.released.items()}
        self._bounce = config.bounce_ms / 1000

    def open(self) -> int:
        """A descriptor that does not block. Raises DriverError."""
        raise NotImplementedError

    def held(self, file: int) -> frozenset[int]:
        """Keys that are down now."""
        return frozenset()

    async def happenings(self) -> AsyncGenerator[Happening | None, None]:
        file = self.open()
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        presses = Presses(self._down, self._up, self._bounce)
        try:
            loop.add_reader(file, readable.set)
            yield None
            held = self.held(file)
            for code, up in self._up.items():  # a switch that was set while nobody listened
                if code in self._down:
                    yield self._down[code] if code in held else up
            while True:
                await readable.wait()
                readable.clear()
                for happening in presses.feed(self._read(file)):
                    yield happening
        finally:
            loop.remove_reader(file)
            os.close(file)

    def _read(self, file: int) -> bytes:
        try:
            return os.read(file, EVENT.size * 64)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise NotReady("input-lost", f"{self.name} was unplugged; plug it in again.", device=self.name) from error


class Driver(Keys):
    """See ``drivers.protocols.Input``."""

    Config: ClassVar[type[DriverConfig]] = EvdevConfig

    def __init__(self, config: EvdevConfig) -> None:
        super().__init__(config.device, config)
        self._grab = config.grab

    async def check(self) -> None:
        os.close(self._opened())

    def open(self) -> int:
        file = self._opened()
        try:
            if self._grab:
                fcntl.ioctl(file, _EVIOCGRAB, 1)
        except OSError as error:
            os.close(file)
            raise self._refusal(error) from error
        return file

    def held(self, file: int) -> frozenset[int]:
        bits = bytearray(_KEY_BYTES)
        fcntl.ioctl(file, _EVIOCGKEY, bits)
        return frozenset(code for code in range(_KEY_BYTES * 8) if bits[code // 8] >> code % 8 & 1)

    def _opened(self) -> int:
        try:
            file = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._refusal(error) from error
        try:
            fcntl.ioctl(file, _EVIOCGVERSION, bytearray(4))
        except OSError as error:
            os.close(file)
            raise self._refusal(error) from error
        return file

    def _refusal(self, error: OSError) -> DriverError:
        device = self.name
        if error.errno in {errno.EACCES, errno.EPERM}:
            return AuthFailed(
                "input-permission",
                f"{device} may not be read by this user; add the user to the group input (usermod -aG input USER), or"
                f" write a udev rule: {UDEV_RULE}",
                device=device,
            )
        if error.errno == errno.EBUSY:
            return NotReady(
                "input-busy",
                f"Another program has taken {device} for itself; close it, or set grab = false.",
                device=device,
            )
        if error.errno in {errno.ENOTTY, errno.EINVAL, errno.EISDIR}:
            return Unsupported(
                "not-an-input", f"{device} is no button or keyboard; name one of ls {BY_ID}.", device=device
            )
        return NotReady(
            "input-missing", f"There is no {device}; plug it in (ls {BY_ID} names what is there).", device=device
        )


async def discover() -> Sequence[Found]:
    """Everything with keys that is plugged in over USB, the room's own keyboard included."""
    found = await asyncio.to_thread(lambda: sorted(BY_ID.glob("*-event-kbd")))
    return [Found("input", "evdev", path.name.removesuffix("-event-kbd"), {"device": str(path)}) for path in found]
