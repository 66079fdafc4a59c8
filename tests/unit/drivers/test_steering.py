"""If these fail, a camera lags behind the hand that turns it, or moves by a wish that nobody has any more."""

from __future__ import annotations

import asyncio

import pytest

from drivers.ptz.steering import Steering

pytestmark = pytest.mark.anyio


async def test_of_many_wishes_while_one_is_on_its_way_only_the_newest_is_passed_on() -> None:
    sent: list[tuple[str, int]] = []
    begun, arrived = asyncio.Event(), asyncio.Event()

    async def send(kind: str, wish: int) -> None:
        sent.append((kind, wish))
        begun.set()
        await arrived.wait()

    steering = Steering(send)
    first = asyncio.ensure_future(steering.wish("move", 1))
    await begun.wait()
    for wish in range(2, 9):
        await steering.wish("move", wish)
    arrived.set()
    await first
    assert sent == [("move", 1), ("move", 8)]


async def test_after_an_error_no_old_wish_moves_the_camera() -> None:
    sent: list[tuple[str, int]] = []

    async def send(kind: str, wish: int) -> None:
        sent.append((kind, wish))
        if len(sent) == 1:
            await steering.wish("zoom", 7)
            raise OSError

    steering = Steering(send)
    with pytest.raises(OSError):
        await steering.wish("move", 1)
    await steering.wish("move", 2)
    assert sent == [("move", 1), ("move", 2)]
