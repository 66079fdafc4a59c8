"""``make run``: a server and a room on this machine, joined, until Ctrl-C. ``python -m provisioning.demo --help``."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import math
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance import config
from appliance.errors import ConfigError
from appliance.main import find_ffmpeg
from appliance.recorder import encoders
from appliance.recorder.plan import encoded, plan_sources
from provisioning import joining
from provisioning.demo_room import discover, room_toml
from provisioning.joining import CannotJoin, Logins
from provisioning.leftovers import end_keepers
from provisioning.parent import Parent
from provisioning.progress import Step, complain, say
from provisioning.supervisor import Service, ServiceFailed, Supervised

READY_SECONDS = 60.0
"""A slow classroom PC at its first start, reading everything from a cold disk."""
ONE_WISH = 1.0
"""Seconds after make was seen to be interrupted in which the same touch on Ctrl-C may reach us too."""


class CannotRun(Exception):
    """One sentence with the next thing to do."""


@dataclass(frozen=True)
class Options:
    room: Path | None
    var: Path
    room_port: int
    server_port: int

    @property
    def room_url(self) -> str:
        return f"http://127.0.0.1:{self.room_port}"

    @property
    def server_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spool(self) -> Path:
        return self.var / "room" / "spool"

    @property
    def server_data(self) -> Path:
        return self.var / "server"

    def log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"


def options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="make run",
        description="A server and a room on this machine, joined, until Ctrl-C.",
        epilog="Example: make run ROOM=room.toml ROOM_PORT=8401 SERVER_PORT=8501 VAR=/tmp/darsbox",
    )
    parser.add_argument("--room", type=Path, help="a room.toml (default: this machine's devices, else simulated ones)")
    parser.add_argument("--var", type=Path, default=Path("var"), help="folder for all state (default: var)")
    parser.add_argument("--room-port", type=int, default=8400)
    parser.add_argument("--server-port", type=int, default=8500)
    given = parser.parse_args(arguments)
    return Options(given.room and given.room.absolute(), given.var.absolute(), given.room_port, given.server_port)


class Demo:
    """Four services, started in the order in which they need each other and stopped the other way round."""

    def __init__(self, chosen: Options) -> None:
        self._options = chosen
        self._began = time.monotonic()
        self._hurry = asyncio.Event()
        data, spool = ["--data", str(chosen.server_data)], ["--spool", str(chosen.spool)]
        server, port = joining.programme("lms-server"), str(chosen.server_port)
        self._room_toml = chosen.room or chosen.var / "room.toml"
        run_room = ["run", "--config", str(self._room_toml), *spool, "--port", str(chosen.room_port)]
        self.server = self._service(
            "server", [server, *data, "run", "--host", "127.0.0.1", "--port", port], port=chosen.server_port
        )
        self.worker = self._service("worker", [server, *data, "worker"])
        self.sync = self._service("sync", [joining.programme("lms-sync"), "run", *spool])
        # A lesson is closed and kept on the way out, and that may take a slow disk a while.
        self.room = self._service(
            "room", [joining.programme("appliance"), *run_room], port=chosen.room_port, stop_seconds=30.0
        )

    def _service(
        self, name: str, command: Sequence[str], *, port: int | None = None, stop_seconds: float = 10.0
    ) -> Supervised:
        return Supervised(Service(name, command, self._options.log(name), port, stop_seconds=stop_seconds), say)

    async def run(self) -> None:
        """Until asked to stop. Raises CannotRun, CannotJoin, ConfigError or ServiceFailed with a sentence."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        told_by_parent = -math.inf

        def asked() -> None:
            if not stop.is_set():
                say("\nStopping in order; a running lesson is closed and kept. Ctrl-C again: at once.")
                stop.set()
            elif loop.time() > told_by_parent + ONE_WISH:
                self._hurry.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, asked)

        def parent_interrupted() -> None:
            nonlocal told_by_parent
            if not stop.is_set():  # a terminal's Ctrl-C reaches both of us, in either order: that is one wish, not two
                asked()
                told_by_parent = loop.time()

        working = asyncio.create_task(self._work())
        waits = {working, asyncio.create_task(stop.wait()), asyncio.create_task(Parent(parent_interrupted).watch())}
        try:
            while not (stop.is_set() or working.done()):
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                waits = {task for task in waits if not task.done()}
        finally:
            for service in (self.room, self.sync, self.worker, self.server):
                await service.stop(hurry=self._hurry)
            if await asyncio.to_thread(end_keepers, self._options.spool):
                say("The room was away, so its recordings were ended here; the next start goes on with the lesson.")
            for task in {working, *waits}:
                task.cancel()
            await asyncio.wait({working})
        if not working.cancelled():
            working.result()

    async def _work(self) -> None:
        """Start everything and keep it running."""
        room = await asyncio.to_thread(self._room)
        logins = joining.read_logins(self._options.server_data)
        if logins is None:
            with Step("First start: the server's database and the admin's login"):
                logins = await joining.make_logins(self._options.server_data)
        try:
            async with asyncio.TaskGroup() as services:
                services.create_task(self.server.run())
                await asyncio.to_thread(self._try_encoders)
                services.create_task(self.room.run())
                await _until_ready(self.server)
                await self._enrol(logins, room)
                services.create_task(self.sync.run())
                services.create_task(self.worker.run())
                await _until_ready(self.room)
                self._announce(logins)
        except ExceptionGroup as group:
            raise _first(group) from group

    def _room(self) -> config.RoomTable:
        """Write room.toml if nobody named one, and read it as the room will. Raises ConfigError."""
        if self._options.room is None:
            found = asyncio.run(discover())
            self._room_toml.write_text(
                room_toml(found, server_url=self._options.server_url, copy_from=str(self._room_toml))
            )
        return config.load(self._room_toml).room

    def _try_encoders(self) -> None:
        """Find what encodes best here, once. A room whose trial fails records with what is safe."""
        chosen = config.load(self._room_toml)
        sources, hardware = plan_sources(chosen), chosen.tables.recorder.hardware
        try:
            ffmpeg = find_ffmpeg(chosen.tables.recorder)
            if not encoded(sources):
                return
            if encoders.recall(self._options.spool, encoders.subject(sources, ffmpeg, hardware=hardware)) is None:
                with Step("Trying what encodes best on this machine"):
                    encoders.settle(sources, ffmpeg, self._options.spool, hardware=hardware)
        except (ConfigError, encoders.NoTrial, OSError) as error:
            say(f"Encoding was not tried: {error}")

    async def _enrol(self, logins: Logins, room: config.RoomTable) -> None:
        if logins.room_id and logins.room_id == joining.enrolled_room(self._options.spool):
            return
        with Step("Enrolling the room with the server"):
            await joining.enrol(
                self._options.server_data,
                self._options.spool,
                logins,
                server_url=self._options.server_url,
                room=room.name,
                institution=room.institution,
            )

    def _announce(self, logins: Logins) -> None:
        chosen = self._options
        joining.write_private(
            chosen.var / "demo.json",
            {
                "room_url": chosen.room_url,
                "server_url": chosen.server_url,
                "admin_user": joining.ADMIN,
                "admin_password": logins.admin_password,
                "pull_token": logins.pull_token,
            },
        )
        say(
            f"""
Ready after {time.monotonic() - self._began:.1f} s.

  The room's panel   {chosen.room_url}
  The portal         {chosen.server_url}    login {joining.ADMIN}, password {logins.admin_password}

  Recordings and logs are in {chosen.var}; logins for programs in {chosen.var / "demo.json"}.
  Ctrl-C stops everything in order.
"""
        )


async def _until_ready(service: Supervised) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await service.ready.wait()
    except TimeoutError as error:
        what = service.service
        raise CannotRun(f"The {what.name} is not ready after {READY_SECONDS:.0f} s; see {what.log}.") from error


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The error that came first; the others followed from it."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


def claim(chosen: Options, held: ExitStack) -> None:
    """This folder and both ports, or CannotRun."""
    for folder in (chosen.spool, chosen.server_data):
        folder.mkdir(parents=True, exist_ok=True)
    lock = held.enter_context((chosen.var / "run.lock").open("a+"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotRun(
            f"A Darsbox runs already with {chosen.var}; stop that one first, or name another VAR."
        ) from error
    for name, port in (("ROOM_PORT", chosen.room_port), ("SERVER_PORT", chosen.server_port)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CannotRun(
                    f"Port {port} is in use by another program; stop it, or choose another: make run {name}={port + 1}."
                ) from error


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    try:
        with ExitStack() as held:
            claim(chosen, held)
            asyncio.run(Demo(chosen).run())
    except (CannotRun, CannotJoin, ServiceFailed) as error:
        complain(str(error))
        return 1
    except ConfigError as error:
        complain(error.detail)
        return 1
    say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
