"""What an armed keeper shows of what it holds: the daemon's end of ``preroll.Window``."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Callable
from typing import IO

_PACKET = struct.Struct(">I")


class Glimpse:
    """One armed source. For one viewer at a time."""

    def __init__(self, out: IO[bytes], tell: Callable[[str], None]) -> None:
        """out: the keeper's standard output. tell: says a word to it."""
        self._out = out
        self._tell = tell
        self._reader: asyncio.StreamReader | None = None
        self._transport: asyncio.ReadTransport | None = None
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
        if self._transport is not None:
            self._transport.close()
        else:
            self._out.close()

    async def _connected(self) -> asyncio.StreamReader:
        """Raises OSError when it is closed."""
        if self._closed:
            raise OSError("The keeper shows nothing any more.")
        if self._reader is None:
            reader = self._reader = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._out)
            self._transport = transport
        return self._reader


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """Raises IncompleteReadError at the end."""
    (length,) = _PACKET.unpack(await reader.readexactly(_PACKET.size))
    return await reader.readexactly(length)
