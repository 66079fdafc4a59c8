"""A button without a button: a named pipe into which anybody may write the kernel's input events."""

from __future__ import annotations

import os
import stat
from typing import ClassVar

from pydantic import Field

from drivers.errors import NotReady, Unsupported
from drivers.input.evdev import Keys, KeysConfig
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig

MANIFEST = DriverManifest(
    kind="input",
    name="sim",
    title="Simulated button",
    capabilities=frozenset({"buttons"}),
    tested_with=("itself",),
    transports=("named pipe",),
)


class SimInputConfig(KeysConfig):
    pipe: str = Field(min_length=1)
    """Made if it is not there."""


Config = SimInputConfig


class Driver(Keys):
    """The real driver's reading, on a pipe. See ``drivers.protocols.Input``."""

    Config: ClassVar[type[DriverConfig]] = SimInputConfig

    def __init__(self, config: SimInputConfig) -> None:
        super().__init__(config.pipe, config)

    async def check(self) -> None:
        os.close(self.open())

    def open(self) -> int:
        try:
            if not os.path.exists(self.name):
                os.mkfifo(self.name, 0o600)
            if not stat.S_ISFIFO(os.stat(self.name).st_mode):
                raise Unsupported("not-an-input", f"{self.name} is no pipe; name another.", device=self.name)
            return os.open(self.name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # for both, so that it never ends
        except OSError as error:
            said = f"The pipe {self.name} cannot be used ({error.strerror}); name another."
            raise NotReady("input-missing", said, device=self.name) from error
