"""What the delivery costs on a poor line, and how fast it is on a good one.

The real agent, the real server. A poor line is the tests' bad network (``tests/peers/toxic.py``) where it is to break,
and the kernel's own shaping (``benchmarks/shaped.py``) where it is shared with others.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psutil

from benchmarks import sending
from benchmarks.harness import Figure, medians, note, wait_until
from benchmarks.peers import Peer, peers, programs, to_ours
from benchmarks.shaped import SERVER, NotShaped, Shaped, echoes, flow, shaped
from tests.system.enrolled import Agent

POOR = 32_000.0
"""Bytes a second of 256 kbit/s."""
EVERY = 60.0
"""Seconds from cut to cut."""
OVERHEAD_BYTES = 9_600_000
"""Five minutes of the poor link."""
SLIDECAST, PROXY, MASTER, POSTER = 20_300_000, 120_000_000, 60_000_000, 60_000
"""Bytes of what a lesson of 90 minutes gives, the master shortened: it comes last and is not waited for."""
SHARED = 2000
"""kbit/s of the link that is shared."""
SHARED_MIB, LOOPBACK_MIB = 24, 1024
IDLE_SECONDS, SETTLE_SECONDS = 30.0, 5.0
FOREGROUND = 30.0
"""Seconds of somebody else's connection."""
KNOWING = 15.0
"""Seconds in which the agent gets to know the link before somebody else comes."""


def overhead(folder: Path) -> Iterator[Figure]:
    """Bytes up the wire for each byte of an asset, at 256 kbit/s with a cut a minute."""
    with sending.poor_link(folder, POOR) as (room, link):
        room.keep(1, OVERHEAD_BYTES)
        room.service.start()
        _, cuts = sending.wait_while_cutting(room, link, "", EVERY)
        room.check_arrived()
        note(f"sync.overhead: {link.up} bytes up for {room.total()}, {cuts} cuts, {link.connections} connections")
        yield Figure("sync.overhead", link.up / room.total(), "bytes a byte")


def slidecast(folder: Path) -> Iterator[Figure]:
    """From keeping a lesson of 90 minutes to the receipt of its slidecast, at 256 kbit/s with a cut a minute; the
    slidecast is ready then, and proxy and master wait behind it. The peer is the link: all bytes at its rate."""
    with sending.poor_link(folder, POOR) as (room, link):
        room.service.start()
        room.keep(1, MASTER)
        began = time.monotonic()
        sending.add_renditions(room, 1, {"poster": POSTER, "slidecast": SLIDECAST, "proxy": PROXY})
        ended, cuts = sending.wait_while_cutting(room, link, "renditions/slidecast.mp4", EVERY)
        note(f"sync.slidecast_256k: {link.up} bytes up, {cuts} cuts")
        bare = (SLIDECAST + POSTER) / POOR / 60
        yield Figure("sync.slidecast_256k", (ended - began) / 60, "min", "the bytes at the rate of the link", bare)


def loopback(folder: Path) -> Iterator[Figure]:
    """One take of 1 GiB by the agent up to the receipt, with two SHA-256 of it on the way: beside the quicker of curl
    and tus-js-client, which bring the same file to the same server in one request; and beside the quickest of those who
    bring it to a server of their own on the same disk, and neither prove nor sync it. Three runs."""
    size = sending.wanted_size(LOOPBACK_MIB)
    found = programs(folder / "package")
    with sending.server(folder) as central, peers(found, folder / "peers") as others, ExitStack() as stack:
        room = Agent(folder, central, central.url)
        room.service.start()
        stack.callback(room.service.stop)
        sending.seconds_to_receipt(room, 1, 1000)
        numbers = iter(range(2, 100))
        last = 1

        def ours() -> float:
            nonlocal last
            sending.make_room(room, central, last)
            last = next(numbers)
            before = [_cpu(service.pid) for service in (room.service, central.web)]
            seconds = sending.seconds_to_receipt(room, last, size)
            agent, web = (
                _cpu(service.pid) - spent for service, spent in zip((room.service, central.web), before, strict=True)
            )
            note(f"sync.loopback: in {seconds:.1f} s the agent took {agent:.1f} s of CPU, the server {web:.1f} s")
            for file in sending.stored(central):
                file.unlink()
            return size / 1e6 / seconds

        def theirs(peer: Peer) -> float:
            return peer.rate(sending.take_file(room, last)) / 1e6

        same = to_ours(central, room)
        mine, *rates = medians("sync.loopback", 3, ours, *(partial(theirs, peer) for peer in (*same, *others)))
        yield _beside("sync.loopback", mine, "MB/s", same, rates[: len(same)])
        yield _beside("sync.loopback_bare", mine, "MB/s", others, rates[len(same) :])


def _beside(name: str, ours: float, unit: str, others: Sequence[Peer], rates: Sequence[float]) -> Figure:
    """Held against the quickest; all of them are noted."""
    note(f"{name}: " + "  ".join(f"{peer.name} {rate:.4g} {unit}" for peer, rate in zip(others, rates, strict=True)))
    best, peer = max(zip(rates, others, strict=True), key=lambda each: each[0])
    return Figure(name, ours, unit, peer.name, best)


@contextmanager
def _shared(folder: Path) -> Iterator[tuple[Shaped, Agent]]:
    """A room whose agent runs behind the shared link, and has nothing left to send."""
    with shaped(SHARED) as link, sending.server(folder, SERVER) as central:
        room = Agent(folder, central, central.url, within=link.room)
        room.service.start()
        try:
            sending.seconds_to_receipt(room, 1, 1000)
            yield link, room
        finally:
            room.service.stop()


def shared(folder: Path) -> Iterator[Figure]:
    """24 MiB over an idle link of 2 Mbit/s, up to the receipt, beside the quickest of those who bring the same file by
    the same link (``benchmarks/peers.py``); and the share of the link that the bytes of the take have had. No more,
    since each of the four needs 100 seconds for it; of a whole recording the careful beginning is a smaller share."""
    found, size = programs(folder / "package"), sending.wanted_size(SHARED_MIB)
    try:
        with _shared(folder) as (link, room), peers(found, folder / "peers", SERVER) as others:
            ours = size / sending.seconds_to_receipt(room, 2, size)
            rates = [peer.rate(sending.take_file(room, 2), within=link.room) / 1000 for peer in others]
            yield _beside("sync.shaped", ours / 1000, "kB/s", others, rates)
            yield Figure("sync.shaped_used", ours / link.rate * 100, "% of the link")
    except NotShaped as error:
        note(f"sync.shaped: {error}")


def giving_way(folder: Path) -> Iterator[Figure]:
    """What somebody else's connection on the 2 Mbit/s link has while the agent sends too, beside what it has alone; and
    by how much a packet of a call waits longer because the agent sends: the median, in a queue that holds a second."""
    try:
        with _shared(folder) as (link, room):
            calm = echoes(link, 10.0)
            alone = flow(link, FOREGROUND)
            _settled(link)
            room.keep(2, int(link.rate * 20 * 60))
            wait_until(lambda: room.sent() > room.rows()[0].bytes, 60, "the agent's first bytes")
            time.sleep(KNOWING)
            with _progress(room) as sent:
                call = echoes(link, FOREGROUND)
                note(f"sync.yield: the agent sent {sent() / 1000:.0f} kB in {FOREGROUND:g} s beside a call")
            with _progress(room) as sent:
                beside = flow(link, FOREGROUND)
                note(f"sync.yield: the agent sent {sent() / 1000:.0f} kB in {FOREGROUND:g} s beside the other")
            yield Figure("sync.yield", beside / 1000, "kB/s", "the same connection alone", alone / 1000)
            worst = (_high(call) - _high(calm)) * 1000
            note(f"sync.yield_delay: of twenty packets the slowest waits {worst:.0f} ms longer")
            yield Figure("sync.yield_delay", (statistics.median(call) - statistics.median(calm)) * 1000, "ms more")
    except NotShaped as error:
        note(f"sync.yield: {error}")


def _settled(link: Shaped) -> None:
    """Until the queue of the link is empty again."""
    wait_until(lambda: statistics.median(echoes(link, 1.0) or [1.0]) < 0.02, 60, "an empty queue")


def _high(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@contextmanager
def _progress(room: Agent) -> Iterator[Callable[[], int]]:
    before = room.sent()
    yield lambda: room.sent() - before


def idle(folder: Path) -> Iterator[Figure]:
    """CPU and memory of an agent that has delivered everything."""
    with sending.server(folder) as central:
        room = Agent(folder, central, central.url)
        room.service.start()
        try:
            sending.seconds_to_receipt(room, 1, 100_000)
            time.sleep(SETTLE_SECONDS)
            before, began = _cpu(room.service.pid), time.monotonic()
            time.sleep(IDLE_SECONDS)
            share = (_cpu(room.service.pid) - before) / (time.monotonic() - began)
            yield Figure("sync.idle_cpu", share * 100, "% of a core")
            yield Figure("sync.idle_rss", psutil.Process(room.service.pid).memory_info().rss / 1e6, "MB")
        finally:
            room.service.stop()


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system
