"""Who shares one port or address through a library of others waits for his turn, as ``drivers.link.link`` has it."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = WeakKeyDictionary()


def turn(where: str) -> asyncio.Lock:
    """The one lock of this place in this event loop."""
    return _TURNS.setdefault(asyncio.get_running_loop(), {}).setdefault(where, asyncio.Lock())
