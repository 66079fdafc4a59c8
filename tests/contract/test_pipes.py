"""Programs of the preview, cancelled at every point. If these fail, a closed panel leaves decoders and devices open."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine

import psutil
import pytest

from appliance.recorder.pipes import Pipe, open_feeder, open_pipe, until_the_end


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The daemon's loop, and the one the programs of others may have."""
    return "asyncio", {"use_uvloop": request.param}


POINTS = 14


async def decode() -> None:
    """As the preview looks at a device with a feeder."""
    await read_all(await open_pipe(["cat"], ["yes"], {}))


async def follow() -> None:
    """As it follows a take."""
    pipe = await open_pipe(["cat"], None, {}, fed=True)
    await pipe.write(b"x" * 100)
    await read_all(pipe)


async def listen() -> None:
    """As it hears levels: nobody reads the other words."""
    pipe = await open_feeder(["sh", "-c", "exec yes >&2"], {})
    async with until_the_end(pipe, log=False):
        async for _ in pipe.said():
            await asyncio.sleep(0)


async def adopted() -> None:
    """A program that leaves a child behind which holds its pipes, as a sound server does that it has started."""
    await read_all(await open_pipe(["sh", "-c", "sleep 3 & exec cat /dev/zero"], None, {}))


async def read_all(pipe: Pipe) -> None:
    async with until_the_end(pipe):
        while await pipe.read():
            pass


def open_here() -> tuple[int, int]:
    """How many programs of ours run, and how many descriptors we have open."""
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return len(children), len(os.listdir("/proc/self/fd"))


async def steps(count: int) -> None:
    """Let the loop go round, in the end slowly enough for programs to start and speak."""
    for number in range(count):
        await asyncio.sleep(0 if number < 10 else 0.003)


@pytest.mark.anyio
@pytest.mark.parametrize("work", [decode, follow, listen])
@pytest.mark.parametrize("again", [0, 3])
async def test_a_cancellation_at_any_point_leaves_nothing(
    work: Callable[[], Coroutine[None, None, None]], again: int
) -> None:
    await asyncio.wait_for(_cancelled(work, POINTS, 0), 20)  # what is opened once stays open
    before = await settled()
    for point in range(POINTS):
        await asyncio.wait_for(_cancelled(work, point, again), 20)
    assert await settled(before) == before
    gc.collect()  # ResourceWarnings of what was not closed fail the test


@pytest.mark.anyio
async def test_a_child_left_behind_holds_nobody_up_and_no_pipe_open() -> None:
    await asyncio.wait_for(_cancelled(decode, POINTS, 0), 20)
    before = await settled()
    await asyncio.wait_for(_cancelled(adopted, 2 * POINTS, 1), 20)
    assert await settled(before) == before
    gc.collect()


async def _cancelled(work: Callable[[], Coroutine[None, None, None]], point: int, again: int) -> None:
    task = asyncio.create_task(work())
    await steps(point)
    task.cancel()
    for _ in range(again):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def settled(wanted: tuple[int, int] | None = None) -> tuple[int, int]:
    """What is open when the loop has had time to close it; waits for the wanted, at most five seconds."""
    found = open_here()
    for _ in range(250):
        if wanted is None or found == wanted:
            break
        await asyncio.sleep(0.02)
        found = open_here()
    return found


@pytest.mark.anyio
async def test_who_is_killed_takes_no_more_and_its_teller_hears_so() -> None:
    """The judge is told of takes at the very moment at which somebody kills it: that must not end the daemon."""
    pipe = await open_pipe(["sleep", "600"], None, {}, fed=True)
    async with until_the_end(pipe):
        pipe.kill()
        await pipe.wait()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await pipe.write(b"x")
