"""What an armed keeper shows of what it holds: the daemon's end of ``preroll.Window``."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Callable
from typing import IO

_PACKET = struct.Struct(">I")
_Connection = tuple[asyncio.StreamReader, asyncio.ReadTransport]


class Glimpse:
    """One armed source. For one viewer at a time."""

    def __init__(self, out: IO[bytes], tell: Callable[[str], None]) -> None:
        """out: the keeper's standard output. tell: says a word to it."""
        self._out = out
        self._tell = tell
        self._connecting: asyncio.Task[_Connection] | None = None
        self._closed = False

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Fragmented MP4 from the last keyframe on, until the capture begins anew, or the keeper records or ends."""
        try:
            reader = await self._connected()
            self._tell("show")
            while await _packet(reader):
                pass  # what an earlier look has left
            while data := await _packet(reader):
                yield data
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._tell("hide")

    def close(self) -> None:
        """The keeper records now, or is gone."""
        self._closed = True
        if self._connecting is None:
            self._out.close()
        elif self._connecting.done():
            self._hang_up(self._connecting)
        else:  # a descriptor that is closed while the event loop takes it over aborts the whole process
            self._connecting.add_done_callback(self._hang_up)

    def _hang_up(self, connecting: asyncio.Task[_Connection]) -> None:
        if connecting.cancelled() or connecting.exception() is not None:
            self._out.close()
        else:
            connecting.result()[1].close()

    async def _connected(self) -> asyncio.StreamReader:
        """Raises OSError when it is closed."""
        if self._closed:
            raise OSError("The keeper shows nothing any more.")
        if self._connecting is None:
            self._connecting = asyncio.create_task(_connect(self._out))
        reader, _ = await asyncio.shield(self._connecting)  # for the next viewer too, should this one go meanwhile
        return reader


async def _connect(out: IO[bytes]) -> _Connection:
    """Raises OSError."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), out)
    return reader, transport


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """Raises IncompleteReadError at the end."""
    (length,) = _PACKET.unpack(await reader.readexactly(_PACKET.size))
    return await reader.readexactly(length)
