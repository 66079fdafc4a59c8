"""A room and a server joined for a benchmark of the delivery."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.spool import renditions
from appliance.spool.ledger import AssetRow, assets_of
from benchmarks.harness import wait_until
from tests.peers.spool import lesson_id
from tests.peers.toxic import Toxic, toxic
from tests.system.deployment import Server
from tests.system.enrolled import Agent

LONGEST = 3600.0
"""Seconds after which a delivery counts as stuck."""


@contextmanager
def server(folder: Path, host: str = "127.0.0.1") -> Iterator[Server]:
    """The central server, web process only, in a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Server(folder, host=host)
    try:
        found.start_web()
        yield found
    finally:
        found.close()


@contextmanager
def poor_link(folder: Path, rate: float) -> Iterator[tuple[Agent, Toxic]]:
    """An enrolled room behind a link of so many bytes a second; its agent does not run yet."""
    with server(folder) as central, toxic(central.port) as link:
        room = Agent(folder, central, link.url)
        link.rate = rate
        try:
            yield room, link
        finally:
            link.rate = 0
            room.service.stop()


def wait_while_cutting(room: Agent, link: Toxic, path: str, every: float) -> tuple[float, int]:
    """Until the asset of this path, or all with "", has its receipt, the link cut every so many seconds. Returns the
    monotonic instant and the number of cuts."""

    def there() -> bool:
        return all(row.state == "receipted" for row in room.rows() if path in {"", row.path})

    cuts, due, end = 0, time.monotonic() + every, time.monotonic() + LONGEST
    while not there():
        now = time.monotonic()
        if now > end:
            raise TimeoutError(f"the receipt did not come within {LONGEST:g} s")
        if now >= due:
            link.cut()
            cuts, due = cuts + 1, due + every
        time.sleep(0.1)
    return time.monotonic(), cuts


def add_renditions(room: Agent, number: int, sizes: dict[str, int], seed: bytes = b"rendition") -> None:
    """What the worker of the room makes of a kept lesson, of these bytes by kind, entered in the ledger."""
    identity = lesson_id(100 * room.number + number)
    place = renditions.folder(room.spool, identity)
    for kind, size in sizes.items():
        part = place / f"{kind}.part"
        part.write_bytes(hashlib.shake_128(seed + kind.encode()).digest(size))
        renditions.settle(room.spool, identity, kind, part)
    with room.ledger() as ledger:
        ledger.add_assets(assets_of(room.spool, room.spool.read_lesson(identity)))


def seconds_to_receipt(room: Agent, number: int, size: int) -> float:
    """A new lesson of one take of so many bytes, by an agent that runs: from the moment it takes the take up to the
    receipt."""
    room.keep(number, size)
    path = "front/take-001.mp4"
    lesson = lesson_id(100 * room.number + number)

    def take() -> AssetRow:
        return next(row for row in room.rows() if row.lesson == lesson and row.path == path)

    began = wait_until(lambda: take().state != "waiting", 60, "the agent's first chunk", pause=0.01)
    return wait_until(lambda: take().state == "receipted", LONGEST, "the receipt", pause=0.02) - began


def take_file(room: Agent, number: int) -> Path:
    """The file of that take."""
    return room.spool.lesson_dir(lesson_id(100 * room.number + number)) / "front" / "take-001.mp4"


def wanted_size(mib: int) -> int:
    """Bytes of the file that is sent: so many MiB, or DARSBOX_BENCH_MIB of them, to try it out."""
    return int(os.environ.get("DARSBOX_BENCH_MIB", str(mib))) * 1024 * 1024


def make_room(room: Agent, central: Server, number: int) -> None:
    """A take that is delivered goes on both sides, so that a run needs no more disk than the one before."""
    take_file(room, number).unlink()
    for file in stored(central):
        file.unlink()


def stored(central: Server) -> list[Path]:
    """What the server keeps in its store."""
    return list((central.data / "store").rglob("?" * 64))
