"""A driver with a fault of its own: it is said once with all that its author needs, and nobody else comes to harm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from drivers.errors import Unsupported

log = logging.getLogger(__name__)


def broken(device: str, error: BaseException) -> Unsupported:
    """What a device's driver raised, though it may not; as a problem of the device."""
    return Unsupported("driver-broken", f'The driver of "{device}" failed ({error}); tell its author.')


def watch(task: asyncio.Task[None], give_up: Callable[[str, Unsupported], None]) -> None:
    """Tell when a task, named by its device, ends by an error that no driver may raise."""

    def look(ended: asyncio.Task[None]) -> None:
        error = None if ended.cancelled() else ended.exception()
        if error is not None:
            problem = broken(ended.get_name(), error)
            log.error("%s", problem.detail, exc_info=error)
            give_up(ended.get_name(), problem)

    task.add_done_callback(look)
