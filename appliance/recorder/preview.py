"""Living pictures and levels for whoever looks at the panel, and never at a recording's cost.

A source is decoded once however many look, and not at all when nobody does. While nothing records, the device itself
is opened; ``release_devices`` gives it back before a recording starts. While a source is recorded, its take is
followed from the disk. A decoder that dies is started again with growing patience.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from appliance.errors import NoPicture, NotFound
from appliance.events import Bus, Level
from appliance.recorder.glimpse import Glimpse
from appliance.recorder.pictures import JpegSplitter, TakeReader, device_command, follow_command
from appliance.recorder.pipes import Pipe, open_feeder, open_pipe, until_the_end
from drivers.protocols import Capture

LINGER = 5.0
"""Seconds a decoder lives on after its last viewer: a page that is reloaded finds it warm."""
HOLD = 1.0
"""Seconds after a release in which no device is opened, so that the recorder can get hold of it."""
BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0)
POLL = 0.15
"""Seconds between looks into a growing journal: fragments come four times a second."""
SNAPSHOT_PATIENCE = 8.0
FRESH = 2.0

log = logging.getLogger(__name__)


class Live(Protocol):
    """A take being written: its durable bytes may be read."""

    @property
    def file(self) -> Path: ...

    @property
    def journal(self) -> Path: ...


class Recording(Protocol):
    """What the preview must know of the recorder."""

    @property
    def capturing(self) -> bool:
        """Whether a lesson is being recorded."""

    @property
    def owns_devices(self) -> bool:
        """Whether nobody else may open a device, for a lesson is recorded or the room is armed for one."""

    def live(self, source: str) -> Live | None: ...

    def glimpse(self, source: str) -> Glimpse | None:
        """A look at what an armed source holds."""


class Pictures:
    """One viewer of one source: always the newest picture, never a queue of old ones."""

    def __init__(self) -> None:
        self._box: asyncio.Queue[bytes] = asyncio.Queue(1)

    def put(self, picture: bytes) -> None:
        if self._box.full():
            self._box.get_nowait()
        self._box.put_nowait(picture)

    async def next(self) -> bytes:
        """The next JPEG picture; waits as long as there is none."""
        return await self._box.get()


class _Watched:
    """A source somebody looks at or listens to, and the task that serves it."""

    def __init__(self) -> None:
        self.viewers: set[Pictures] = set()
        self.task: asyncio.Task[None] | None = None
        self.latest = b""
        self.at = 0.0
        self.leaving: asyncio.TimerHandle | None = None

    def show(self, picture: bytes) -> None:
        self.latest, self.at = picture, time.monotonic()
        for viewer in self.viewers:
            viewer.put(picture)


def _nobody(source: str, rms_db: float) -> None:
    """Nobody overhears what is said."""


class Preview:
    """captures: of every source by id. Methods are called on the event loop's thread, after ``run`` began."""

    def __init__(self, captures: Mapping[str, Capture], bus: Bus, ffmpeg: str) -> None:
        self._captures = dict(captures)
        self._offered: set[str] = set()
        self._bus = bus
        self._ffmpeg = ffmpeg
        self._recording: Recording | None = None
        self._group: asyncio.TaskGroup | None = None
        self._watched = {id_: _Watched() for id_, capture in captures.items() if capture.media == "video"}
        self._microphones = {id_: _Watched() for id_, capture in captures.items() if capture.media == "audio"}
        self._listeners = 0
        self._open: set[Pipe] = set()
        self._opening = asyncio.Lock()
        self._held_until = 0.0
        self._plugged = asyncio.Event()
        self.overhear: Callable[[str, float], None] = _nobody
        """Called with every level (dB of full scale) of a microphone while nothing records."""
        self.shed = False
        """The machine is too busy to show what is recorded; set by ``recorder.load``."""

    async def run(self, recording: Recording) -> None:
        """Serve until cancelled; then every decoder is dead."""
        self._recording = recording
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    # -- for the API

    @contextmanager
    def watch(self, source: str) -> Iterator[Pictures]:
        """The pictures of a source until the block ends. Raises NotFound for what has no pictures."""
        watched = self._watched.get(source)
        if watched is None:
            raise NotFound(f'There is no camera or screen "{source}" in this room.', source=source)
        viewer = Pictures()
        watched.viewers.add(viewer)
        if time.monotonic() - watched.at < FRESH:
            viewer.put(watched.latest)
        self._begin(watched, lambda: self._pictures_of(source, watched))
        try:
            yield viewer
        finally:
            watched.viewers.discard(viewer)
            if not watched.viewers:
                self._end_later(watched)

    async def snapshot(self, source: str) -> bytes:
        """One JPEG picture. Raises NotFound, NoPicture."""
        with self.watch(source) as pictures:
            try:
                return await asyncio.wait_for(pictures.next(), SNAPSHOT_PATIENCE)
            except TimeoutError as error:
                raise NoPicture(f'"{source}" gives no picture now; is it on and connected?', source=source) from error

    def watching(self, source: str) -> bool:
        """Whether the source's device may be open, for the preview or an armed room: then nobody else should try it."""
        if self._recording is not None and self._recording.owns_devices:
            return True
        watched = self._watched.get(source) or self._microphones.get(source)
        return watched is not None and watched.task is not None and not watched.task.done()

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Levels of the microphones go to the bus until the block ends (while recording, the recorder sends them)."""
        self._listeners += 1
        for source, watched in self._microphones.items():
            self._begin(watched, partial(self._levels_of, source))
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                for watched in self._microphones.values():
                    self._end_later(watched)

    def offer(self, source: str, capture: Capture) -> None:
        """Show a device that is not in room.toml, until ``withdraw``. A lesson takes it away like any other."""
        self._captures[source] = capture
        self._offered.add(source)
        if capture.media == "video":
            self._watched.setdefault(source, _Watched())
            return
        watched = self._microphones.setdefault(source, _Watched())
        if self._listeners:
            self._begin(watched, partial(self._levels_of, source))

    def withdraw(self) -> None:
        """What was offered is let go."""
        for source in self._offered:
            for kind in (self._watched, self._microphones):
                watched = kind.pop(source, None)
                if watched is not None and watched.task is not None:
                    watched.task.cancel()
            del self._captures[source]
        self._offered.clear()

    # -- for the recorder

    async def release_devices(self) -> None:
        """Give every device back: returns when the programs that held them are dead."""
        self._held_until = time.monotonic() + HOLD
        async with self._opening:  # one that is just being opened is waited for, and dies too
            held = list(self._open)
            for pipe in held:
                pipe.kill()
            await asyncio.gather(*(pipe.wait() for pipe in held))

    def plugged(self) -> None:
        """A device came back: whoever waits for one tries again at once."""
        self._plugged.set()
        self._plugged = asyncio.Event()

    # -- within

    async def _rest(self, failures: int, plugged: asyncio.Event) -> int:
        """Wait with growing patience, or until a device is plugged in; how many failures there are then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BACKOFF[min(failures, len(BACKOFF) - 1)]):
                await plugged.wait()
                return 1
        return failures + 1

    def _begin(self, watched: _Watched, work: Callable[[], Coroutine[None, None, None]]) -> None:
        if watched.leaving is not None:
            watched.leaving.cancel()
            watched.leaving = None
        if self._group is not None and (watched.task is None or watched.task.done()):
            watched.task = self._group.create_task(work())

    def _end_later(self, watched: _Watched) -> None:
        def end() -> None:
            watched.leaving = None
            if watched.task is not None:
                watched.task.cancel()
                watched.task = None

        if watched.leaving is None:
            watched.leaving = asyncio.get_running_loop().call_later(LINGER, end)

    def _device_free(self) -> bool:
        recording = self._recording
        return recording is not None and time.monotonic() >= self._held_until and not recording.owns_devices

    def _take(self, source: str) -> Live | None:
        recording = self._recording
        return recording.live(source) if recording is not None and not self.shed else None

    def _glimpse(self, source: str) -> Glimpse | None:
        recording = self._recording
        return recording.glimpse(source) if recording is not None else None

    async def _pictures_of(self, source: str, watched: _Watched) -> None:
        failures = 0
        while True:
            began, plugged = watched.at, self._plugged
            if (take := self._take(source)) is not None:
                problem = await self._follow(source, watched, take)
            elif (glimpse := self._glimpse(source)) is not None:
                problem = await self._peek(source, watched, glimpse)
            elif self._device_free():
                problem = await self._look(source, watched)
            else:
                await asyncio.sleep(POLL)
                continue
            if problem is None:
                failures = 0
                continue
            if watched.at > began:
                failures = 0
            if failures == 0:
                log.warning("The preview of %s was lost: %s", source, self._captures[source].hide(problem))
            failures = await self._rest(failures, plugged)

    async def _look(self, source: str, watched: _Watched) -> str | None:
        """Pictures from the device, until it is released or fails; returns what failed."""
        capture = self._captures[source]
        try:
            async with self._opened(device_command(self._ffmpeg, capture), capture.feeder, capture.env) as pipe:
                if pipe is not None:
                    await self._show(pipe, watched, self._device_free)
                return None if pipe is None or not self._device_free() else pipe.last_words
        except (OSError, ValueError) as error:
            return str(error)

    async def _follow(self, source: str, watched: _Watched, take: Live) -> str | None:
        """Pictures from the take being written, until it ends or the decoder fails; returns what failed."""

        def current() -> bool:
            return self._take(source) == take

        reader = TakeReader(take.file, take.journal)
        return await self._decode(watched, lambda pipe: _feed(pipe, reader, current), current)

    async def _peek(self, source: str, watched: _Watched, glimpse: Glimpse) -> str | None:
        """Pictures from what an armed source holds, as long as it does; returns what failed."""
        return await self._decode(watched, lambda pipe: _pour(pipe, glimpse), lambda: self._glimpse(source) is glimpse)

    async def _decode(
        self, watched: _Watched, feed: Callable[[Pipe], Coroutine[None, None, None]], current: Callable[[], bool]
    ) -> str | None:
        """Pictures of what is fed, until that ends or the decoder fails; returns what failed."""
        try:
            pipe = await open_pipe(follow_command(self._ffmpeg), None, {}, fed=True)
        except OSError as error:
            return str(error)
        async with until_the_end(pipe):
            feeding = asyncio.ensure_future(feed(pipe))
            try:
                await self._show(pipe, watched, current)
            except ValueError as error:
                return str(error)
            finally:
                feeding.cancel()
                await asyncio.wait({feeding})  # a cancellation of ours is not mistaken for its own
            return pipe.last_words if current() else None

    async def _show(self, pipe: Pipe, watched: _Watched, wanted: Callable[[], bool]) -> None:
        """Hand on what the decoder gives, while it is wanted. Raises ValueError for no pictures."""
        splitter = JpegSplitter()
        while data := await pipe.read():
            for picture in splitter.feed(data):
                watched.show(picture)
            if not wanted():
                return

    async def _levels_of(self, source: str) -> None:
        failures = 0
        while True:
            capture = self._captures[source]
            if capture.feeder is None:
                return
            if not self._device_free():
                await asyncio.sleep(POLL)
                continue
            heard, problem, plugged = False, "", self._plugged
            try:
                async with self._opened(None, capture.feeder, capture.env) as pipe:
                    if pipe is not None:
                        async for line in pipe.said():
                            said = _said(line)
                            problem = str(said.get("detail", problem))
                            if isinstance(said.get("rms_db"), int | float):
                                heard, rms = True, float(said["rms_db"])
                                self._bus.publish(Level(source, rms, float(said.get("peak_db", rms))))
                                if source not in self._offered:
                                    self.overhear(source, rms)
            except OSError as error:
                problem = str(error)
            if not self._device_free():
                failures = 0
                continue
            if heard or failures == 0:
                failures = 0
                log.warning("The levels of %s were lost: %s", source, problem or "its program ended")
            failures = await self._rest(failures, plugged)

    @asynccontextmanager
    async def _opened(
        self, decoder: list[str] | None, feeder: Sequence[str] | None, env: Mapping[str, str]
    ) -> AsyncIterator[Pipe | None]:
        """Programs that hold a device, known to ``release_devices``; None if the device may not be opened just now."""
        async with self._opening:
            if not self._device_free():
                pipe = None
            elif decoder is not None:
                pipe = await open_pipe(decoder, feeder, env)
            else:
                pipe = await open_feeder(feeder or (), env)
            if pipe is not None:
                self._open.add(pipe)
        if pipe is None:
            yield None
            return
        try:
            async with until_the_end(pipe, log=decoder is not None):
                yield pipe
        finally:
            self._open.discard(pipe)


async def _feed(pipe: Pipe, reader: TakeReader, current: Callable[[], bool]) -> None:
    """Durable fragments into the decoder as they come; ends the decoder's input when the take has ended."""
    try:
        while True:
            data = await asyncio.to_thread(reader.more)
            if data:
                await pipe.write(data)
            elif not current():
                break
            else:
                await asyncio.sleep(POLL)
    except (OSError, ValueError, KeyError):
        pass  # the decoder is gone, or the take's files are: the end of the input says it
    finally:
        pipe.end_input()


async def _pour(pipe: Pipe, glimpse: Glimpse) -> None:
    """What an armed keeper shows into the decoder; ends its input when nothing more comes."""
    try:
        async with contextlib.aclosing(glimpse.pieces()) as pieces:
            async for data in pieces:
                await pipe.write(data)
    except OSError:
        pass  # the decoder is gone: the end of its output says it
    finally:
        pipe.end_input()


def _said(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
