"""The last seconds before Start: held in memory by an armed keeper, written only when it is told to record.

Nothing here touches a disk. What is held always begins with a keyframe: the first one among the last seconds, or, from
a source whose keyframes are rarer, the last one there is. Standard library only: the keeper uses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections import deque

from appliance.recorder.process import F_SETPIPE_SZ, PIPE_BYTES
from appliance.spool.takes import Clock
from media.fragments import Fragment, Header

MOST_BYTES = 96 << 20
"""Held of one source at most: a minute at 12 Mbit/s. A source that sends no keyframe for so long is opened anew."""
_PACKET = struct.Struct(">I")


class TooMuch(Exception):
    """More than MOST_BYTES came without a keyframe."""


class Held:
    """The last seconds of one run of a capture."""

    def __init__(self, header: Header, seconds: float) -> None:
        self.header = header
        self._most = seconds
        self._fragments: deque[tuple[Fragment, Clock]] = deque()
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """How much is held."""
        if not self._fragments:
            return 0.0
        last = self._fragments[-1][0]
        return last.time + last.seconds - self._fragments[0][0].time

    def add(self, fragment: Fragment, arrived: Clock) -> None:
        """Raises TooMuch."""
        if not self._fragments and not fragment.key:
            return  # nobody could decode it
        self._fragments.append((fragment, arrived))
        self._bytes += len(fragment.data)
        while self.seconds > self._most or self._bytes > MOST_BYTES:
            following = next((n for n, (each, _) in enumerate(self._fragments) if n and each.key), None)
            if following is None:
                if self._bytes > MOST_BYTES:
                    raise TooMuch
                return
            for _ in range(following):
                self._bytes -= len(self._fragments.popleft()[0].data)

    def since_keyframe(self) -> list[Fragment]:
        """From the last keyframe on, for who wants to look."""
        fragments = [fragment for fragment, _ in self._fragments]
        last = max((n for n, fragment in enumerate(fragments) if fragment.key), default=0)
        return fragments[last:]

    def take_out(self) -> list[tuple[Fragment, Clock]]:
        """All of it, and when each had arrived; then nothing is held any more."""
        held = list(self._fragments)
        self._fragments.clear()
        self._bytes = 0
        return held


class Words:
    """What the daemon says to an armed keeper, line by line; the pipe closes when the daemon is gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> list[str]:
        """Lines that have come, at least one; none at all when the pipe is closed. Waits."""
        while b"\n" not in self._rest:
            came = os.read(self._descriptor, 1 << 16)
            if not came:
                last, self._rest = self._rest, b""
                return [last.decode()] if last else []
            self._rest += came
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode() for line in lines]


class Window:
    """Through which the daemon's preview may look at what is held: packets of a length and a piece, down a pipe that
    is never waited for. An empty packet: what follows begins anew, with a header.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._open = self._broken = False
        self._pending = bytearray()
        os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):  # no pipe, or one that may not grow: pictures then come more slowly
            fcntl.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)

    def show(self, held: Held | None) -> None:
        self._open = True
        if held is not None:
            self.begin(held.header)
            for fragment in held.since_keyframe():
                self.offer(fragment)

    def hide(self) -> None:
        self._open = False

    def begin(self, header: Header) -> None:
        """A capture begins."""
        if self._open:
            self._broken = False
            self._send(b"")
            self._send(header.data)

    def offer(self, fragment: Fragment) -> None:
        """A piece, which is left out for a viewer that is slow, together with all that needs it."""
        self._flush()
        if self._open and (fragment.key or not self._broken):
            self._broken = len(self._pending) > PIPE_BYTES
            if not self._broken:
                self._send(fragment.data)

    def _send(self, data: bytes) -> None:
        self._pending += _PACKET.pack(len(data)) + data
        self._flush()

    def _flush(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._descriptor, self._pending)]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the daemon is gone, and with it whoever looked
            self._pending.clear()
