"""A link of a few kbit/s between a room and a school's server, in networks of their own that nobody else sees.

``with shaped(kbit) as link``: this thread, and whatever it starts, is in the server's network (address ``SERVER``);
``link.room`` before a command runs it in the room's. What the room sends goes through a token bucket of the kernel
(tc-tbf(8)) with a queue of ``QUEUE`` seconds; the way back is free. Networks without a name end with the last process
in them, and the one that holds the room's dies with us: nothing is left, however this ends. Only root can do it.
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
from pathlib import Path

from benchmarks.harness import ending, wait_until

SERVER, ROOM = "10.93.7.1", "10.93.7.2"
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
            # It dies with the thread that started it, which is this one.
            holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"])
            with ending(holder):
                yield _joined(holder, kbit)
        finally:
            if libc.setns(home, _NEW_NETWORK) != 0:
                raise NotShaped(f"No way back from our network: {os.strerror(ctypes.get_errno())}.")
    finally:
        os.close(home)


def _joined(holder: subprocess.Popen[bytes], kbit: int) -> Shaped:
    theirs = Path(f"/proc/{holder.pid}/ns/net")
    ours = os.readlink("/proc/thread-self/ns/net")
    wait_until(lambda: os.readlink(theirs) != ours, 10, "the room's network")
    room = (shutil.which("nsenter") or "nsenter", f"--net={theirs}", "--")
    queue = int(kbit * 125 * QUEUE)
    for line in (
        f"ip link add server type veth peer name room netns {holder.pid}",
        f"ip addr add {SERVER}/24 dev server",
        "ip link set server up",
        "ip link set lo up",
    ):
        _ordered(line.split())
    for line in (
        f"ip addr add {ROOM}/24 dev room",
        "ip link set room up",
        "ip link set lo up",
        f"tc qdisc add dev room root tbf rate {kbit}kbit burst 1600 limit {queue}",
    ):
        _ordered([*room, *line.split()])
    return Shaped(room, kbit * 125.0)


def _ordered(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise NotShaped(f"There is no {command[0]}; install iproute2.") from error
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
