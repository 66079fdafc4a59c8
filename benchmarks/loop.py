"""How long the daemon's event loop keeps anything waiting while it records three sources and a panel looks on.

The daemon itself is measured, with a stopwatch in its loop: ``python -m benchmarks.loop run ...`` is ``appliance run``
with a task more, which sleeps a hundredth of a second, over and over, and notes by how much it woke too late. The
kernel says how long the thread waited meanwhile for a processor that others had: ``loop_delay_own`` leaves that out,
and a little too much, for some of it may lie before the moment at which the sleep should have ended.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from appliance import cli, main
from benchmarks import room
from benchmarks.footage import camera_clip
from benchmarks.harness import Figure, note
from tests.peers.rtsp_camera import rtsp_camera

PERIOD = 0.01
SECONDS = 30.0
WATCH = "loop-delays"
"""File in the spool: a line a sleep, the monotonic instant of its end, its delay, and how much of that the thread was
ready to run but did not; in seconds."""
QUEUED = Path("/proc/thread-self/schedstat")
"""proc(5): nanoseconds run, nanoseconds waited for a processor."""


def delay(folder: Path) -> Iterator[Figure]:
    """The 99th percentile, from the touch on Start until half a minute later."""
    folder.mkdir()
    program = (sys.executable, "-m", "benchmarks.loop")
    microphone = '[[microphone]]\nid = "lectern"\ndriver = "sim"\n'
    with (
        rtsp_camera(folder, clip=camera_clip()) as camera,
        room.running(folder / "room", room.rtsp(camera.url, 2) + microphone, program) as filmed,
    ):
        time.sleep(5.0)
        idle_from, idle_until = time.monotonic(), time.monotonic() + SECONDS / 3
        time.sleep(idle_until - idle_from)
        with filmed.watched():
            began = time.monotonic()
            filmed.start_lesson(3)
            time.sleep(SECONDS)
            ended = time.monotonic()
            filmed.stop_lesson()
    lines = [tuple(map(float, line.split())) for line in (filmed.spool / WATCH).read_text().splitlines()]

    def late(since: float, until: float, *, own: bool = False) -> float:
        delays = [delay - queued * own for at, delay, queued in lines if since <= at <= until]
        return statistics.quantiles(delays, n=100)[98] * 1000

    note(f"recorder.loop_delay: {late(idle_from, idle_until):.3g} ms while idle")
    yield Figure("recorder.loop_delay", late(began, ended), "ms")
    yield Figure("recorder.loop_delay_own", late(began, ended, own=True), "ms")


def _with_a_stopwatch(serve: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def watched(config: object, spool: Path, *rest: object) -> None:
        watch = asyncio.create_task(_watch(spool / WATCH))
        try:
            await serve(config, spool, *rest)
        finally:
            watch.cancel()

    return watched


async def _watch(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", buffering=1 << 20) as notes:  # written at the end, for writing would delay
        while True:
            due, before = time.monotonic() + PERIOD, _queued()
            await asyncio.sleep(PERIOD)
            now = time.monotonic()
            notes.write(f"{now:.6f} {now - due:.6f} {_queued() - before:.6f}\n")


def _queued() -> float:
    return int(QUEUED.read_text().split()[1]) / 1e9


if __name__ == "__main__":
    main.serve = _with_a_stopwatch(main.serve)  # type: ignore[assignment]  # the same arguments, passed on
    cli.app()
