"""A link of a few kbit/s between a room and a school's server, in networks of their own that nobody else sees.

``with shaped(kbit) as link``: this thread, and whatever it starts, is in the server's network (address ``SERVER``);
``link.room`` before a command runs it in the room's. Between them stands a router, where what the room sends goes
through a token bucket of the kernel (tc-tbf(8)) with a queue of ``QUEUE`` seconds; the way back is free. The queue must
not be the sender's own: Linux lets a connection have two packets at most in a queue of the machine that it sends from
(TCP small queues), so that nobody there could ever fill one. Networks without a name end with the last process in them,
and those that hold the room's and the router's die with us: nothing is left, however this ends. Only root can do it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from benchmarks.harness import ending, wait_until

SERVER, ROOM = "10.93.7.1", "10.93.8.1"
_TO_SERVER, _TO_ROOM = "10.93.7.2", "10.93.8.2"
"""The router's addresses."""
QUEUE = 1.0
"""Seconds of the link that its queue holds before it loses packets."""
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of clone(2)."""
_ECHO = """
import socket, struct, sys, time
talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
talk.settimeout(0.002)
end, due, number = time.monotonic() + float(sys.argv[3]), 0.0, 0
while time.monotonic() < end + 2:
    if due <= time.monotonic() < end:
        talk.sendto(struct.pack("!d", time.monotonic()) + bytes(92), (sys.argv[1], int(sys.argv[2])))
        due = time.monotonic() + 0.1
    try:
        answer = talk.recv(2000)
    except TimeoutError:
        continue
    print(time.monotonic() - struct.unpack_from("!d", answer)[0], flush=True)
"""
"""A small packet ten times a second, as of a telephone call; prints how long each took there and back."""
_FLOW = """
import socket, sys, time
talk = socket.create_connection((sys.argv[1], int(sys.argv[2])))
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    talk.sendall(bytes(1400))
talk.shutdown(socket.SHUT_WR)
"""
"""A TCP connection that sends as fast as it can."""


@dataclass(frozen=True)
class Shaped:
    """room: what to put before a command to run it in the room's network. rate: bytes a second."""

    room: tuple[str, ...]
    rate: float


class NotShaped(Exception):
    """This machine lets us have no such network: one sentence."""


@contextmanager
def shaped(kbit: int) -> Iterator[Shaped]:
    """Raises NotShaped."""
    if os.geteuid() != 0:
        raise NotShaped("Only root can shape a link.")
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK) != 0:
            raise NotShaped(f"No network of our own: {os.strerror(ctypes.get_errno())}.")
        try:
            with _network() as room, _network() as router:
                yield _joined(room, router, kbit)
        finally:
            if libc.setns(home, _NEW_NETWORK) != 0:
                raise NotShaped(f"No way back from our network: {os.strerror(ctypes.get_errno())}.")
    finally:
        os.close(home)


@contextmanager
def _network() -> Iterator[int]:
    """The process that holds a network of its own. It dies with the thread that started it, which is this one."""
    holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"])
    with ending(holder):
        theirs, ours = f"/proc/{holder.pid}/ns/net", os.readlink("/proc/thread-self/ns/net")
        wait_until(lambda: os.readlink(theirs) != ours, 10, "another network")
        yield holder.pid


def _joined(room: int, router: int, kbit: int) -> Shaped:
    """room, router: the processes that hold their networks."""
    in_room, in_router = _within(room), _within(router)
    queue = int(kbit * 125 * QUEUE)
    for place, line in (
        ((), f"ip link add server type veth peer name north netns {router}"),
        (in_router, f"ip link add south type veth peer name room netns {room}"),
        ((), f"ip addr add {SERVER}/24 dev server"),
        (in_router, f"ip addr add {_TO_SERVER}/24 dev north"),
        (in_router, f"ip addr add {_TO_ROOM}/24 dev south"),
        (in_room, f"ip addr add {ROOM}/24 dev room"),
        ((), "ip link set server up"),
        ((), "ip link set lo up"),
        (in_router, "ip link set north up"),
        (in_router, "ip link set south up"),
        (in_room, "ip link set room up"),
        (in_room, "ip link set lo up"),
        ((), f"ip route add default via {_TO_SERVER}"),
        (in_room, f"ip route add default via {_TO_ROOM}"),
        (in_router, "sysctl -q -w net.ipv4.ip_forward=1"),
        (in_router, f"tc qdisc add dev north root tbf rate {kbit}kbit burst 1600 limit {queue}"),
    ):
        _ordered([*place, *line.split()])
    return Shaped(in_room, kbit * 125.0)


def _within(holder: int) -> tuple[str, ...]:
    return (shutil.which("nsenter") or "nsenter", f"--net=/proc/{holder}/ns/net", "--")


def _ordered(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise NotShaped(f"There is no {command[0]}; install iproute2 and procps.") from error
    except subprocess.CalledProcessError as error:
        raise NotShaped(f"{' '.join(command)}: {error.stderr.strip()}") from error


# -- who else is on the link ------------------------------------------------------------------------------


def flow(link: Shaped, seconds: float) -> float:
    """Bytes a second that somebody's greedy connection brings across in so many seconds from its first."""
    came, first = 0, 0.0
    with closing(socket.create_server((SERVER, 0))) as door:
        port = door.getsockname()[1]
        sender = subprocess.Popen([*link.room, "python3", "-c", _FLOW, SERVER, str(port), str(seconds + 5)])
        with ending(sender):
            door.settimeout(20)
            talk, _ = door.accept()
            with closing(talk):
                first = time.monotonic()
                talk.settimeout(10)
                while (now := time.monotonic()) < first + seconds:
                    came += len(talk.recv(65536))
    return came / (now - first)


def echoes(link: Shaped, seconds: float) -> list[float]:
    """Seconds there and back of small packets in this time."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as far:
        far.bind((SERVER, 0))
        far.settimeout(0.2)
        ended = threading.Event()

        def answer() -> None:
            while not ended.is_set():
                try:
                    packet, who = far.recvfrom(2000)
                except TimeoutError:
                    continue
                far.sendto(packet, who)

        answerer = threading.Thread(target=answer)
        answerer.start()
        try:
            command = [*link.room, "python3", "-c", _ECHO, SERVER, str(far.getsockname()[1]), str(seconds)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        finally:
            ended.set()
            answerer.join()
    return [float(line) for line in said.split()]
