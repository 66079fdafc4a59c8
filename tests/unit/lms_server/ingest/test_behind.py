"""A disk that is full, or slow, is heard of by the one who sends, though the next bytes are read meanwhile."""

from __future__ import annotations

import threading

import anyio
import pytest

from lms_server.errors import StoreFull
from lms_server.ingest.behind import Behind

pytestmark = pytest.mark.anyio


async def test_no_more_than_one_piece_waits_for_a_slow_disk() -> None:
    behind, disk = Behind(), threading.Event()
    written: list[int] = []
    before: list[list[int]] = []

    def write(number: int) -> None:
        disk.wait(10)
        written.append(number)

    async def read_on() -> None:
        await behind.hand(lambda: write(2))
        before.append(list(written))

    await behind.hand(lambda: write(1))
    assert written == []
    async with anyio.create_task_group() as group:
        group.start_soon(read_on)
        disk.set()
    await behind.settle()
    assert before[0][0] == 1
    assert written == [1, 2]


async def test_what_a_disk_refuses_is_told_at_the_next_piece() -> None:
    def write() -> None:
        raise StoreFull("server-full", "The server's disk is full.")

    behind = Behind()
    await behind.hand(write)
    with pytest.raises(StoreFull):
        await behind.hand(lambda: None)
    await behind.settle()
