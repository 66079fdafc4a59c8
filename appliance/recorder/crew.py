"""The keepers of a lesson, one a source: started, found again after a crash, watched, heard, and told to stop.

A keeper may have been started for this daemon, or for a predecessor that was killed; a pidfd watches either, and what
it says tells why it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.recorder.glimpse import Glimpse
from appliance.recorder.keeper import Order
from appliance.recorder.nursery import Newborn, Nursery
from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import FULL_QUALITY, SAFE, Quality, RecorderPolicy, SourcePlan, reduced
from appliance.spool.holding import holder
from appliance.spool.layout import Spool
from drivers.protocols import Media
from media.lesson import Lesson

STOP_PATIENCE = 6.0
"""Seconds keepers get to close their takes before they are killed and salvaged."""
RESPAWN = 1.0
"""Seconds before a keeper that dies at once is started again."""


class KeeperHandle:
    """A living keeper.

    ``ended`` is set when its process is gone; ``why`` is what it said then of itself, empty when it could say nothing.
    """

    def __init__(self, source: str, keeper: Newborn) -> None:
        self.source = source
        self.pid = keeper.pid
        self.why = ""
        self.ended = asyncio.Event()
        self._words: int | None = keeper.stdin
        self.glimpse = Glimpse(os.fdopen(keeper.stdout, "rb"), self.tell) if keeper.stdout is not None else None
        """Of an armed keeper."""
        self._pidfd = keeper.pidfd
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
        self.tell("record")
        self.disarm()

    def disarm(self) -> None:
        """The daemon's hold on an armed keeper ends; one that was not told to record drops what it holds, and ends."""
        if self.glimpse is not None:
            self.glimpse.close()
            self.glimpse = None
        if self._words is not None:
            os.close(self._words)
            self._words = None

    def tell(self, line: str) -> None:
        """A line on its standard input, unless nothing is to be said to it any more. A pipe takes so much at once."""
        if self._words is not None:
            with contextlib.suppress(BrokenPipeError):  # it is gone; whoever waits for its end sees that
                os.write(self._words, line.encode() + b"\n")

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
        on_unasked_end: Callable[[str, str], Awaitable[None]],
    ) -> None:
        """on_unasked_end: called with the source of a keeper that ended without being told to, and why, if it said."""
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
        self._nursery = Nursery()
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
                self._keep(self._bear(self._order(lesson.id, len(lesson.spans) - 1, plan)), self.keepers)
        self.armed_for = ""
        return [plan.id for plan in lacking]

    def arm(self, lesson: str, *, span: int, hold: float) -> None:
        """Hold so many of the last seconds of every source that is not held yet, for this span of the lesson to come,
        or of one that was just stopped."""
        self.armed_for = self.armed_for or lesson
        for plan in self._plans:
            if plan.capture and plan.id not in self.armed:
                order = self._order(self.armed_for, span, plan)
                self._keep(self._bear(replace(order, hold=hold)), self.armed)

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
        """Hear what the keepers say, those of a predecessor too: the address is the same. Keepers can be had from now
        on."""
        self._nursery.open()
        self._socket_file.parent.mkdir(parents=True, exist_ok=True)
        self._socket_file.unlink(missing_ok=True)
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        ear.bind(str(self._socket_file))
        self._socket_file.chmod(0o600)
        self._ear = ear

        def on_words() -> None:
            for _ in range(64):  # a burst, but never so many that the loop does nothing else
                try:
                    said = json.loads(ear.recv(65536))
                except BlockingIOError:
                    return
                if said["event"] == "ended":
                    self._note(said)
                hear(said)

        asyncio.get_running_loop().add_reader(ear, on_words)

    def dismiss(self) -> None:
        """Watch and hear no more; keepers still at work go on."""
        self._nursery.close()
        for watcher in self._watchers:
            watcher.cancel()
        if self._ear is not None:
            asyncio.get_running_loop().remove_reader(self._ear)
            self._ear.close()
            self._socket_file.unlink(missing_ok=True)

    def _note(self, said: dict[str, Any]) -> None:
        for handle in (*self.keepers.values(), *self.armed.values()):
            if handle.pid == said["pid"]:
                handle.why = said["code"]

    def _bear(self, order: Order) -> KeeperHandle:
        """A keeper for this order."""
        handle = KeeperHandle(order.source, self._nursery.bear(heard=order.hold > 0))
        handle.tell(order.to_json())  # not in a command line, which everybody on the machine can read
        if not order.hold:
            handle.disarm()
        return handle

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
                await self._on_unasked_end(handle.source, handle.why)

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
    pid = holder(lesson_dir / source)
    if pid is None:
        return None
    try:
        return KeeperHandle(source, Newborn(pid, os.pidfd_open(pid), None, None))
    except ProcessLookupError:
        return None
