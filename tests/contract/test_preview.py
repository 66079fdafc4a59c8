"""Living pictures with real decoders: they cost nothing when nobody looks, and never stand in a recording's way."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import pytest
from PIL import Image

from appliance.errors import NotFound
from appliance.events import Bus, Level
from appliance.recorder import preview as module
from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import Encode
from appliance.recorder.preview import Preview
from appliance.spool.takes import Clock, TakeWriter
from drivers import registry
from drivers.protocols import Capture
from media.fragments import Fragment, Header, read_stream
from media.journal import TakeEntry
from tests.peers.program import wait_until

SCREEN = Capture("video", ("-re", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25"))
SMALL = Capture("video", ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"))
BROKEN = Capture("video", ("-f", "v4l2", "-i", "/dev/nothing"))


@dataclass(frozen=True)
class Take:
    file: Path
    journal: Path


@dataclass
class Recording:
    """Whether something is recorded, and into which takes."""

    capturing: bool = False
    takes: dict[str, Take] = field(default_factory=dict)

    @property
    def owns_devices(self) -> bool:
        return self.capturing

    def live(self, source: str) -> Take | None:
        return self.takes.get(source)

    def glimpse(self, source: str) -> None:
        return None


@asynccontextmanager
async def serving(recording: Recording, bus: Bus | None = None, **captures: Capture) -> AsyncIterator[Preview]:
    preview = Preview(captures, bus or Bus(), "ffmpeg")
    running = asyncio.create_task(preview.run(recording))
    await asyncio.sleep(0)
    try:
        yield preview
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert decoders() == []


def simulated_microphone() -> Capture:
    driver = registry.load("microphone", "sim")
    return driver.Driver(driver.Config(id="m", driver="sim")).capture()


def decoders() -> list[int]:
    """Programs that this test has running."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended, or became a zombie, while it was looked at
            if any("ffmpeg" in word or "feeder" in word for word in each.cmdline()):
                found.append(each.pid)
    return found


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    await asyncio.to_thread(wait_until, condition, seconds, "what the test waits for")


@pytest.mark.anyio
async def test_pictures_are_small_whole_and_about_five_a_second() -> None:
    async with serving(Recording(), screen=SCREEN) as preview:
        with preview.watch("screen") as pictures:
            first = await asyncio.wait_for(pictures.next(), 10)
            began = time.monotonic()
            for _ in range(10):
                await asyncio.wait_for(pictures.next(), 5)
            rate = 10 / (time.monotonic() - began)
    picture = Image.open(io.BytesIO(first))
    picture.load()
    assert (picture.format, picture.size) == ("JPEG", (640, 360))
    assert 3 <= rate <= 8


@pytest.mark.anyio
async def test_a_small_picture_is_not_made_larger() -> None:
    async with serving(Recording(), small=SMALL) as preview:
        picture = Image.open(io.BytesIO(await preview.snapshot("small")))
    assert picture.size == (320, 240)


@pytest.mark.anyio
async def test_a_device_that_is_offered_is_seen_and_heard_until_it_is_withdrawn_or_a_lesson_takes_it() -> None:
    bus, recording, overheard = Bus(), Recording(), list[str]()
    async with serving(recording, bus) as preview:
        preview.overhear = lambda source, _: overheard.append(source)
        with bus.subscribe() as heard, preview.listen():
            preview.offer("new:camera", SMALL)
            preview.offer("new:ear", simulated_microphone())
            with preview.watch("new:camera") as pictures:
                await asyncio.wait_for(pictures.next(), 10)
                level = await asyncio.wait_for(heard.get(), 10)
                assert isinstance(level, Level)
                assert (level.source, overheard) == ("new:ear", [])  # nobody teaches there yet
                recording.capturing = True
                await preview.release_devices()
                assert decoders() == []
                recording.capturing = False
                await asyncio.wait_for(pictures.next(), 10)
            preview.withdraw()
            await until(lambda: decoders() == [])
            with pytest.raises(NotFound):
                await preview.snapshot("new:camera")


@pytest.mark.anyio
async def test_one_decoder_serves_everybody_and_ends_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0.3)
    async with serving(Recording(), screen=SCREEN) as preview:
        assert decoders() == []
        with preview.watch("screen") as one, preview.watch("screen") as two:
            await asyncio.wait_for(asyncio.gather(one.next(), two.next()), 10)
            assert len(decoders()) == 1
            (before,) = decoders()
        with preview.watch("screen") as again:  # a page that is reloaded finds it warm
            await asyncio.wait_for(again.next(), 10)
            assert decoders() == [before]
        await until(lambda: not decoders())


@pytest.mark.anyio
async def test_the_device_is_free_before_a_recording_starts_and_taken_up_after() -> None:
    recording = Recording()
    microphone = simulated_microphone()
    async with serving(recording, screen=SCREEN, lectern=microphone) as preview:
        with preview.watch("screen") as pictures, preview.listen():
            await asyncio.wait_for(pictures.next(), 10)
            await until(lambda: len(decoders()) == 2)
            recording.capturing = True
            await preview.release_devices()
            assert decoders() == []
            await asyncio.sleep(2 * module.HOLD)  # long enough that a careless preview would have opened it again
            assert decoders() == []
            recording.capturing = False
            await asyncio.wait_for(pictures.next(), 10)
            await until(lambda: len(decoders()) == 2)


@pytest.mark.anyio
async def test_a_decoder_that_dies_is_started_again() -> None:
    async with serving(Recording(), screen=SCREEN) as preview:
        with preview.watch("screen") as pictures:
            await asyncio.wait_for(pictures.next(), 10)
            (pid,) = decoders()
            psutil.Process(pid).send_signal(signal.SIGKILL)
            await until(lambda: decoders() not in ([], [pid]))
            await asyncio.wait_for(pictures.next(), 10)


@pytest.mark.anyio
async def test_a_camera_that_is_not_there_is_tried_with_patience(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Recording(), broken=BROKEN) as preview:
        with preview.watch("broken") as pictures, pytest.raises(TimeoutError):
            await asyncio.wait_for(pictures.next(), 2.5)
        assert preview.watching("broken")
        with pytest.raises(NotFound):
            preview.watch("nobody").__enter__()
    assert len([record for record in caplog.records if "broken" in record.getMessage()]) == 1


@pytest.mark.anyio
async def test_a_camera_that_is_plugged_in_is_looked_at_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF", (3600.0,))
    looks, decoder = tmp_path / "looks", tmp_path / "decoder"
    decoder.write_text(f"#!/bin/sh\necho look >> {looks}\nexit 1\n")
    decoder.chmod(0o755)
    preview = Preview({"screen": SCREEN}, Bus(), str(decoder))
    running = asyncio.create_task(preview.run(Recording()))
    await asyncio.sleep(0)
    with preview.watch("screen"):
        for look in (1, 2):
            await until(lambda look=look: looks.exists() and len(looks.read_text().splitlines()) == look)
            preview.plugged()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.anyio
async def test_levels_are_heard_while_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0.2)
    bus = Bus()
    microphone = simulated_microphone()
    async with serving(Recording(), bus, lectern=microphone) as preview:
        assert decoders() == []
        with bus.subscribe() as queue, preview.listen():
            for _ in range(5):
                event = await asyncio.wait_for(queue.get(), 10)
                assert isinstance(event, Level)
                assert (event.source, -121 <= event.rms_db <= event.peak_db <= 0) == ("lectern", True)
        await until(lambda: not decoders())


def record(stream: IO[bytes], folder: Path, stop: threading.Event) -> None:
    """What a keeper does: fragments into a take, each durable, then its journal line."""
    writer: TakeWriter | None = None
    for part in read_stream(stream.read):
        now = Clock(time.monotonic(), time.time())
        if isinstance(part, Header):
            where = {"lesson": "L", "source": folder.name, "take": 1, "span": 0, "boot": "b"}
            writer = TakeWriter(folder, part, TakeEntry.of(part, **where, mono=now.mono, wall=now.wall))
        elif isinstance(part, Fragment) and writer is not None:
            writer.append(part, now)
        if stop.is_set():
            return


@contextmanager
def camera_recorded_into(folder: Path) -> Iterator[Take]:
    """A camera that is being recorded, from its first second on."""
    command = capture_command(SCREEN, Encode(720, 25, 23, 2_500_000, 96_000), "ffmpeg", 0.25)
    camera = subprocess.Popen(command.ffmpeg, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if camera.stdout is None:
        raise RuntimeError("no pipe")
    stop = threading.Event()
    keeper = threading.Thread(target=record, args=(camera.stdout, folder, stop))
    keeper.start()
    take = Take(folder / "take-001.mp4", folder / "take-001.journal")
    try:
        wait_until(lambda: take.journal.exists() and len(take.journal.read_bytes().splitlines()) > 5, 10, "a take")
        yield take
    finally:
        stop.set()
        camera.kill()
        keeper.join(10)
        camera.stdout.close()
        camera.wait()


@pytest.mark.anyio
async def test_while_recording_the_take_is_followed_and_the_device_left_alone(tmp_path: Path) -> None:
    with camera_recorded_into(tmp_path / "screen") as take:
        recording = Recording(capturing=True, takes={"screen": take})
        preview = Preview({"screen": BROKEN}, Bus(), "ffmpeg")
        running = asyncio.create_task(preview.run(recording))
        await asyncio.sleep(0)
        with preview.watch("screen") as pictures:
            first = await asyncio.wait_for(pictures.next(), 10)
            began = time.monotonic()
            for _ in range(10):
                last = await asyncio.wait_for(pictures.next(), 5)
            assert time.monotonic() - began > 1.0  # it follows: it does not run ahead
            assert first != last
            assert len(decoders()) == 2  # the camera's and the viewer's
            recording.takes = {}
            await until(lambda: len(decoders()) == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


ORPHAN = """
import asyncio
import contextlib
from appliance.recorder.preview import Preview
from appliance.events import Bus
from drivers import registry
from drivers.protocols import Capture

class Idle:
    capturing = owns_devices = False
    def live(self, source): return None
    def glimpse(self, source): return None

async def main():
    module = registry.load("microphone", "sim")
    microphone = module.Driver(module.Config(id="m", driver="sim")).capture()
    screen = Capture("video", ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"))
    preview = Preview({"screen": screen, "lectern": microphone}, Bus(), "ffmpeg")
    running = asyncio.create_task(preview.run(Idle()))
    await asyncio.sleep(0)
    with preview.watch("screen") as pictures, preview.listen():
        await pictures.next()
        print("showing", flush=True)
        await running

asyncio.run(main())
"""


def test_a_killed_daemon_leaves_no_device_open() -> None:
    daemon = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE)
    assert daemon.stdout is not None
    with daemon.stdout:
        assert daemon.stdout.readline() == b"showing\n"
        wait_until(lambda: len(psutil.Process(daemon.pid).children()) == 2, 10, "decoder and feeder")
        children = psutil.Process(daemon.pid).children()
        daemon.kill()
        daemon.wait()
    _, alive = psutil.wait_procs(children, timeout=2)
    assert alive == []
