"""What lamps that know only on and off have in common."""

from __future__ import annotations

from pydantic import Field

from drivers.errors import NotReady
from drivers.protocols import DriverConfig, Signal


class LampConfig(DriverConfig):
    """One table is one lamp; three tables with different ``lit`` are a traffic light."""

    lit: tuple[Signal, ...] = Field(("recording", "problem"), min_length=1)
    """When it is on. ``problem``: a lesson runs, but nothing reaches the disk; people may still be heard."""

    def on(self, signal: Signal) -> bool:
        """Whether it is on at this signal."""
        return signal in self.lit


def disobedient(name: str, *, on: bool) -> NotReady:
    """It took the order and says that it did not follow it."""
    wish = "on" if on else "off"
    return NotReady("lamp-disobeys", f'The lamp "{name}" was switched {wish}, but says it is not; check its relay.')
