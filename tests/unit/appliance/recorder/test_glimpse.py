"""If these fail, a teacher who touches Stop while the panel turns to the next picture loses the room's daemon."""

from __future__ import annotations

import asyncio
import os
import select
import struct

import pytest
import uvloop

from appliance.recorder.glimpse import Glimpse


def packet(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


async def shown(glimpse: Glimpse) -> list[bytes]:
    return [piece async for piece in glimpse.pieces()]


async def hung_up(keeper: int) -> None:
    """Until the daemon's end is closed indeed."""
    poll = select.poll()
    poll.register(keeper, 0)
    assert await asyncio.to_thread(poll.poll, 10_000)


@pytest.mark.parametrize("turns", range(6))
def test_it_may_be_closed_at_any_instant_of_a_look(turns: int) -> None:
    """The daemon's event loop aborts the process, without a word, when it is to wait for what was closed meanwhile."""

    async def look() -> None:
        out, keeper = os.pipe2(os.O_CLOEXEC)
        glimpse = Glimpse(os.fdopen(out, "rb"), lambda _: None)
        looking = asyncio.create_task(shown(glimpse))
        for _ in range(turns):
            await asyncio.sleep(0)
        glimpse.close()
        assert await asyncio.wait_for(looking, 10) == []
        await hung_up(keeper)
        os.close(keeper)

    uvloop.run(look())


@pytest.mark.parametrize("turns", range(6))
def test_who_goes_at_once_leaves_the_next_one_a_picture(turns: int) -> None:
    async def look() -> None:
        out, keeper = os.pipe2(os.O_CLOEXEC)
        said: list[str] = []
        glimpse = Glimpse(os.fdopen(out, "rb"), said.append)
        first = asyncio.create_task(shown(glimpse))
        for _ in range(turns):
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.create_task(shown(glimpse))
        os.write(keeper, packet(b""))  # what was on the way to the first one ends here
        os.write(keeper, packet(b"moof") + packet(b"mdat") + packet(b""))
        assert await asyncio.wait_for(second, 10) == [b"moof", b"mdat"]
        assert said[-1] == "hide"
        os.close(keeper)
        glimpse.close()
        assert await asyncio.wait_for(shown(glimpse), 10) == []

    uvloop.run(look())
