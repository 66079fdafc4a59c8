"""What a panel answers to all that its way of being told offers no word for."""

from __future__ import annotations

from drivers.errors import Unsupported
from drivers.protocols import PanelHealth


class FewWords:
    """Base of panels that can little; they override what they can. See ``drivers.protocols.Panel``."""

    words = ""
    """What it is spoken to with, as the sentence names it."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()

    async def health(self) -> PanelHealth:
        return PanelHealth()

    async def select(self, source: str) -> None:
        raise self.cannot("input")

    async def volume(self, percent: int) -> None:
        raise self.cannot("volume")

    async def mute(self, *, on: bool) -> None:
        raise self.cannot("mute")

    async def freeze(self, *, on: bool) -> None:
        raise self.cannot("freeze")

    async def blank(self, *, on: bool) -> None:
        raise self.cannot("blank")

    def cannot(self, action: str) -> Unsupported:
        return Unsupported(
            "panel-cannot", f"{self.words} has no word for {action}; use the panel's own buttons.", action=action
        )
