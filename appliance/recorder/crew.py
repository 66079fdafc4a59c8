"""The keepers of a lesson, one a source: started, found again after a crash, watched, heard, and told to stop.

A keeper may be this daemon's child, or the child of a predecessor that was killed; a pidfd watches either.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.recorder.glimpse import Glimpse
from appliance.recorder.keeper import Order
from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import FULL_QUALITY, SAFE, Quality, RecorderPolicy, SourcePlan, reduced
from appliance.spool.layout import Spool
from drivers.protocols import Media
from media.lesson import Lesson

MODULE = "appliance.recorder.keeper"
_CODE = Path(__file__).parents[2]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from appliance.recorder.keeper import main; main()"
STOP_PATIENCE = 6.0
"""Seconds keepers get to close their takes before they are killed and salvaged."""
RESPAWN = 1.0
"""Seconds before a keeper that dies at once is started again."""


class KeeperHandle:
    """A living keeper.

    ``ended`` is set when its process is gone; ``code`` is its exit status, None if it was no child.
    """

    def __init__(self, source: str, pid: int, child: subprocess.Popen[bytes] | None) -> None:
        """Raises ProcessLookupError when it is gone already."""
        self.source = source
        self.pid = pid
        self.code: int | None = None
        self.ended = asyncio.Event()
        self.glimpse: Glimpse | None = None
        """Of an armed keeper."""
        self._child = child
        if child is not None and child.stdin is not None and child.stdout is not None:
            self.glimpse = Glimpse(child.stdout, self._tell)
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_end)

    def stop(self) -> None:
        """Finish the take and end."""
        self._signal(signal.SIGTERM)

    def give_way(self) -> None:
        """Finish the take and end, for a successor that records otherwise."""
        self._signal(signal.SIGUSR1)

    def wake(self) -> None:
        """Its device may be there again: try at once."""
        self._signal(signal.SIGCONT)

    def record(self) -> None:
        """What an armed keeper has held, and what comes from now on, is the lesson."""
        self._tell("record")
        self.disarm()

    def disarm(self) -> None:
        """The daemon's hold on an armed keeper ends; one that was not told to record drops what it holds, and ends."""
        if self.glimpse is not None:
            self.glimpse.close()
            self.glimpse = None
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def _tell(self, word: str) -> None:
        if self._child is not None and self._child.stdin is not None and not self._child.stdin.closed:
            with contextlib.suppress(OSError):  # it is gone; whoever waits for its end sees that
                os.write(self._child.stdin.fileno(), word.encode() + b"\n")

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.disarm()
        if self._child is not None:
            self.code = self._child.wait()
        self.ended.set()


class Crew:
    """All keepers of the running lesson. Belongs to the event loop's thread."""

    def __init__(
        self,
        plans: Sequence[SourcePlan],
        spool: Spool,
        *,
        ffmpeg: str,
        socket_file: Path,
        policy: RecorderPolicy,
        boot: str,
        on_unasked_end: Callable[[str, int | None], Awaitable[None]],
    ) -> None:
        """on_unasked_end: called with the source and the exit status of a keeper that ended without being told to."""
        self.keepers: dict[str, KeeperHandle] = {}
        self.armed: dict[str, KeeperHandle] = {}
        self.armed_for = ""
        """The lesson to come, while keepers hold the last seconds before it."""
        self.quality = FULL_QUALITY
        """How takes are recorded that begin from now on."""
        self._plans = plans
        self._spool = spool
        self._ffmpeg = ffmpeg
        self._socket_file = socket_file
        self._policy = policy
        self._boot = boot
        self._on_unasked_end = on_unasked_end
        self._watchers: set[asyncio.Task[None]] = set()
        self._ear: socket.socket | None = None

    def open(self, lesson: Lesson) -> list[str]:
        """Start a keeper for every source of the lesson that has none; returns those sources."""
        known = {source.id for source in lesson.sources}
        lacking = [plan for plan in self._plans if plan.capture and plan.id in known and plan.id not in self.keepers]
        for plan in lacking:
            armed = self.armed.pop(plan.id, None) if lesson.id == self.armed_for else None
            if armed is not None:
                armed.record()
                self.keepers[plan.id] = armed
            else:
                self._keep(spawn(self._order(lesson.id, len(lesson.spans) - 1, plan)), self.keepers)
        self.armed_for = ""
        return [plan.id for plan in lacking]

    def arm(self, lesson: str) -> None:
        """Hold the last seconds of every source that is not held yet, for the lesson to come."""
        self.armed_for = self.armed_for or lesson
        for plan in self._plans:
            if plan.capture and plan.id not in self.armed:
                order = self._order(self.armed_for, 0, plan)
                self._keep(spawn(replace(order, hold=self._policy.pre_roll)), self.armed)

    async def disarm(self) -> None:
        """Drop what is held; returns when nobody holds anything."""
        leaving, self.armed, self.armed_for = list(self.armed.values()), {}, ""
        for handle in leaving:
            handle.disarm()
        await _end(leaving)

    async def ease(self, lesson: Lesson, quality: Quality) -> None:
        """Record with another quality: what is recorded otherwise by it begins a new take, the rest is not touched."""
        before, after = ({p.id: reduced(p, each) for p in self._plans} for each in (self.quality, quality))
        self.quality = quality
        for source in [source for source in self.keepers if before.get(source) != after.get(source)]:
            handle = self.keepers.pop(source)
            handle.give_way()
            try:
                async with asyncio.timeout(STOP_PATIENCE):
                    await handle.ended.wait()
            except TimeoutError:
                handle.kill()
                await handle.ended.wait()
            self.open(lesson)

    def adopt(self, lesson: Lesson) -> None:
        """Take over the keepers that a killed predecessor left at work on this lesson."""
        folder = self._spool.lesson_dir(lesson.id)
        for source in lesson.sources:
            handle = find(folder, source.id)
            if handle is not None:
                self._keep(handle, self.keepers)

    async def close(self) -> None:
        """Every keeper finishes its take; one that does not in time is killed, and its take is left to salvage."""
        leaving, self.keepers = list(self.keepers.values()), {}
        for handle in leaving:
            handle.stop()
        await _end(leaving)

    def wake(self, media: Media) -> None:
        """A device of this kind was plugged in: keepers that wait for one try again at once."""
        for plan in self._plans:
            handle = self.keepers.get(plan.id) or self.armed.get(plan.id)
            if plan.media == media and handle is not None:
                handle.wake()

    def listen(self, hear: Callable[[dict[str, Any]], None]) -> None:
        """Hear what the keepers say, those of a predecessor too: the address is the same."""
        self._socket_file.parent.mkdir(parents=True, exist_ok=True)
        self._socket_file.unlink(missing_ok=True)
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        ear.bind(str(self._socket_file))
        self._socket_file.chmod(0o600)
        self._ear = ear

        def on_words() -> None:
            for _ in range(64):  # a burst, but never so many that the loop does nothing else
                try:
                    hear(json.loads(ear.recv(65536)))
                except BlockingIOError:
                    return

        asyncio.get_running_loop().add_reader(ear, on_words)

    def dismiss(self) -> None:
        """Watch and hear no more; keepers still at work go on."""
        for watcher in self._watchers:
            watcher.cancel()
        if self._ear is not None:
            asyncio.get_running_loop().remove_reader(self._ear)
            self._ear.close()
            self._socket_file.unlink(missing_ok=True)

    def _keep(self, handle: KeeperHandle, among: dict[str, KeeperHandle]) -> None:
        among[handle.source] = handle
        watcher = asyncio.create_task(self._watch(handle))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    async def _watch(self, handle: KeeperHandle) -> None:
        began = time.monotonic()
        await handle.ended.wait()
        if time.monotonic() - began < RESPAWN:
            await asyncio.sleep(RESPAWN)
        for keepers in (self.keepers, self.armed):
            if keepers.get(handle.source) is handle:
                del keepers[handle.source]
                await self._on_unasked_end(handle.source, handle.code)

    def _order(self, lesson: str, span: int, plan: SourcePlan) -> Order:
        if plan.capture is None:
            raise ValueError(f"{plan.id} cannot be captured.")
        capture, encode = reduced(plan, self.quality)
        command = capture_command(capture or plan.capture, encode, self._ffmpeg, self._policy.fragment)
        safe = replace(encode, encoder=SAFE) if encode.encoder.device else None
        disk = os.statvfs(self._spool.root)
        return Order(
            lesson=lesson,
            folder=str(self._spool.lesson_dir(lesson)),
            source=plan.id,
            span=span,
            boot=self._boot,
            ffmpeg=command.ffmpeg,
            spare=capture_command(plan.capture, safe, self._ffmpeg, self._policy.fragment).ffmpeg if safe else [],
            feeder=command.feeder,
            socket=str(self._socket_file),
            reserve=round(disk.f_blocks * disk.f_frsize * self._policy.reserve),
            longest=self._policy.longest,
            stall=self._policy.stall,
            env=command.env,
            secrets=list(plan.capture.secrets),
        )


def spawn(order: Order) -> KeeperHandle:
    """Start a keeper in a session of its own, so that neither Ctrl-C nor the daemon's death reaches it."""
    child = subprocess.Popen(
        # Without site, which costs half of a keeper's start; it needs nothing but the standard library and our files.
        [sys.executable, "-S", "-c", _BOOT, str(_CODE), MODULE, order.lesson, order.source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if order.hold else subprocess.DEVNULL,
        start_new_session=True,
    )
    if child.stdin is not None:
        # Not in the command line, which everybody on the machine can read. A pipe takes so much at once.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(order.to_json().encode() + b"\n")
            child.stdin.flush()
        if not order.hold:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
    return KeeperHandle(order.source, child.pid, child)


async def _end(leaving: Sequence[KeeperHandle]) -> None:
    """Those that do not end in time are killed."""
    try:
        async with asyncio.timeout(STOP_PATIENCE):
            for handle in leaving:
                await handle.ended.wait()
    except TimeoutError:
        for handle in leaving:
            handle.kill()
        for handle in leaving:
            await handle.ended.wait()


def find(lesson_dir: Path, source: str) -> KeeperHandle | None:
    """The keeper that still records a source of this lesson, if there is one."""
    try:
        pid = int((lesson_dir / source / "keeper.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        # A process id alone may belong to somebody else by now.
        if words[-4:] != [MODULE.encode(), lesson_dir.name.encode(), source.encode(), b""]:
            return None
        return KeeperHandle(source, pid, None)
    except (OSError, ValueError):
        return None
