"""The far end of a line for simulated devices: a real pseudo terminal or a real UDP socket, in this process.

So a simulated device is spoken to as a real one is: through the same driver, link and system calls.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakKeyDictionary

Answer = Callable[[bytes], bytes]
"""What a device says to what it heard; it keeps what is not a whole message yet."""


class Pty:
    """A serial port at ``path`` with a simulated device behind it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        self.path = os.ttyname(self._far)
        asyncio.get_running_loop().add_reader(self._near, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._near)
        os.close(self._near)
        os.close(self._far)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            said = self._answer(os.read(self._near, 4096))
            if said:
                os.write(self._near, said)


_PTYS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Pty]] = WeakKeyDictionary()


def port_of(name: str, make: Callable[[], Answer]) -> str:
    """The serial port of the simulated device with this name, which is made at the first call."""
    ptys = _PTYS.setdefault(asyncio.get_running_loop(), {})
    if name not in ptys:
        ptys[name] = Pty(make())
    return ptys[name].path


def unplug_all() -> None:
    """No simulated device of this event loop is left."""
    for pty in _PTYS.pop(asyncio.get_running_loop(), {}).values():
        pty.close()
