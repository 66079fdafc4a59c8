"""The daemon's life: everything runs in one task group, is watched by the service manager, and stops in order.

Background work never dies silently. An unexpected failure ends the daemon as a kill would, without ending a lesson: its
keepers are processes of their own and record on, and the daemon that the service manager starts next adopts them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from appliance.errors import ConfigError

GOODBYE = 2.0
"""Seconds that open connections get once everything else has ended."""
EXIT_FAILED = 70
"""EX_SOFTWARE of sysexits.h."""
_BACKLOG = 128

log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises ConfigError when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen(_BACKLOG)
        door.setblocking(False)
    except OSError as error:
        door.close()
        raise ConfigError(
            f"The room cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}). Is another one running?"
            " Stop it, or choose another port with --port.",
            port=port,
        ) from error
    return door


class Server(uvicorn.Server):
    """uvicorn inside our loop: signals are ours, and an idle server does not tick ten times a second."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=round(GOODBYE),
                ws_max_size=64 * 1024,
            )
        )
        self._end = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)  # fills in the default headers
        await self._end.wait()


async def live(
    server: Server,
    door: socket.socket,
    background: Sequence[Callable[[], Awaitable[None]]],
    ready: Callable[[], Awaitable[object]],
    closing: asyncio.Event,
    *,
    beats: Callable[[], Awaitable[bool]],
) -> None:
    """Run until SIGTERM or SIGINT, then stop in order: the background in reverse (a lesson that runs is ended and
    kept), while the panel still sees it, then the API.

    background: run until cancelled, started in this order; ready: returns when the room can be used. closing: set when
    open streams should say goodbye. beats: whether the daemon still does its work, for the service manager.
    """
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[door]))
            working = [group.create_task(_ever(work)) for work in background]
            watchdog = group.create_task(feed_watchdog(beats))
            announcing = group.create_task(_announce(ready))
            await told.wait()
            notify("STOPPING=1")
            announcing.cancel()
            for task in reversed(working):
                task.cancel()
                await asyncio.wait({task})
            closing.set()
            server.end()
            await asyncio.wait({serving})
            watchdog.cancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _ever(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception:
        log.exception("A part of the daemon failed; the daemon ends so that it is started anew.")
    else:
        log.critical("A part of the daemon ended unasked; the daemon ends so that it is started anew.")
    die()


def die() -> None:
    """End this process as a kill would: a lesson that is on is recorded on by its keepers."""
    logging.shutdown()
    os._exit(EXIT_FAILED)


async def _announce(ready: Callable[[], Awaitable[object]]) -> None:
    await ready()
    notify("READY=1")


# -- the service manager (sd_notify(3))


def notify(message: str) -> None:
    """Tell systemd, if it started us: a datagram to the socket it named."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, contextlib.suppress(OSError):
        manager.sendto(message.encode(), address)


async def feed_watchdog(beats: Callable[[], Awaitable[bool]]) -> None:
    """Twice in the time that systemd waits, as long as this loop turns and ``beats`` says so; else systemd ends the
    daemon and starts another."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal():
        return
    while True:
        if await beats():
            notify("WATCHDOG=1")
        await asyncio.sleep(int(microseconds) / 2_000_000)
