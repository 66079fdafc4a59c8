"""Ten seconds before class: look at and listen to every source, with the judge's own verdicts.

Through the daemon when one runs, for it may hold the devices; then of sound only the levels are known, so that neither
hum nor clipping is found. Never while a lesson is recorded.

The daemon itself runs ``python -m appliance.selftest`` at the times of ``[selftest]``: a JSON object on standard input,
``{"url", "ffmpeg", "judge", "sources": {id: media}}``, and on standard output a list of ``{"source", "code"}``, one for
each source with which something is wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import IO

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from appliance.config import Config
from appliance.main import find_ffmpeg
from appliance.recorder.judge.facts import GRAVITY, Sound
from appliance.recorder.judge.verdicts import PictureJudge, SoundJudge
from appliance.recorder.pictures import JpegSplitter, device_command
from appliance.recorder.plan import plan_sources
from appliance.thresholds import JudgeTable
from drivers.feeding import SAMPLE_RATE
from drivers.protocols import Capture, Media

SECONDS = 10.0
OPENING = 6.0
"""Seconds a source may take until its first picture or sound."""
SPACING = 1.0
"""Seconds between two pictures that are judged."""
ADVICE = {
    "microphone-muted": ("not a single sound arrives", "Switch it on, and check its cable."),
    "microphone-silent": ("it is silent", "Is it switched on? Say something while this runs."),
    "sound-clipped": ("it is too loud and distorts", "Turn it down, or move it away a little."),
    "sound-hum": ("it hums", "Check its cable, and keep it away from power supplies."),
    "sound-quiet": ("it is hard to hear", "Move closer to it, or turn it up."),
    "picture-black": ("it shows only black", "Take its lens cap off, and switch on the light."),
    "picture-dark": ("it sees too little", "Switch on the light."),
    "picture-covered": ("something covers it", "Take away what lies on its lens."),
    "picture-blurred": ("it is out of focus", "Wipe its lens, and set its focus."),
    "nothing": ("it gave nothing in time", "Check its power and its cable; appliance devices says more."),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A source to try. capture: how its device is opened; not needed where a daemon is asked."""

    id: str
    media: Media
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """code: the gravest verdict, ``nothing``, or empty when all is well. fact: what was seen or heard."""

    source: Subject
    code: str
    fact: str


def try_sources(config: Config, url: str, *, running: bool) -> list[Tried]:
    """Every source that can be captured, all at once. running: whether a daemon answers at url."""
    sources = [Subject(each.id, each.media, each.capture) for each in plan_sources(config) if each.capture is not None]
    return _try_all(sources, config.tables.judge, find_ffmpeg(config.tables.recorder), url if running else None)


def _try_all(sources: Sequence[Subject], table: JudgeTable, ffmpeg: str, url: str | None) -> list[Tried]:
    table = table.model_copy(
        update={
            "silence_seconds": 5.0,
            "muted_seconds": 3.0,
            "hum_seconds": 5.0,
            "quiet_seconds": 7.0,
            "black_seconds": 3.0,
            "dark_seconds": 4.0,
            "covered_seconds": 4.0,
            "blur_seconds": 5.0,
        }
    )
    with ThreadPoolExecutor(max(1, len(sources))) as pool:
        return list(pool.map(lambda source: _try(source, table, ffmpeg, url), sources))


def _try(source: Subject, table: JudgeTable, ffmpeg: str, url: str | None) -> Tried:
    if source.media == "video":
        eye = PictureJudge(table)
        seen = _look(source, eye, ffmpeg, url)
        return _tried(source, eye.standing.keys(), f"{seen} pictures in {SECONDS:.0f} s" if seen else "")
    ear = SoundJudge(table)
    heard = _levels(source, ear, url) if url is not None else _listen(source, ear, ffmpeg)
    return _tried(source, ear.standing.keys(), f"loudest {heard:.0f} dB" if heard is not None else "")


def _tried(source: Subject, standing: Collection[str], fact: str) -> Tried:
    if not fact:
        return Tried(source, "nothing", "no picture" if source.media == "video" else "no sound")
    found = [code for code in GRAVITY if code in ADVICE and code in standing]
    return Tried(source, found[0] if found else "", fact)


def _look(source: Subject, eye: PictureJudge, ffmpeg: str, url: str | None) -> int:
    """How many pictures came."""
    import cv2  # noqa: PLC0415 - heavy, and needed only here
    import numpy as np  # noqa: PLC0415 - see above

    from appliance.recorder.judge import measures  # noqa: PLC0415 - loads OpenCV
    from appliance.recorder.judge.process import MEMORY  # noqa: PLC0415 - see above

    env: Mapping[str, str] = {}
    if url is None:
        if source.capture is None:
            return 0
        command, feeder = device_command(ffmpeg, source.capture), source.capture.feeder
        env = source.capture.env
    else:
        # FFmpeg's own copy of the daemon's pictures: a row of JPEGs like those of the device.
        address = f"{url}/api/v1/sources/{source.id}/preview.mjpeg"
        quiet = ("-hide_banner", "-nostdin", "-loglevel", "error")
        command = [ffmpeg, *quiet, "-f", "mpjpeg", "-i", address, "-c", "copy", "-f", "mjpeg", "pipe:1"]
        feeder = None
    count, judged, before = 0, float("-inf"), deque[measures.Grey](maxlen=MEMORY)
    splitter = JpegSplitter()
    with _program(command, feeder, env) as (out, begins):
        while data := os.read(out.fileno(), 1 << 16):
            for picture in splitter.feed(data):
                count += 1
                now = time.monotonic()
                image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
                if now - judged >= SPACING and image is not None:
                    judged, grey = now, measures.as_grey(image)
                    eye.see(now - begins, measures.picture(grey, before))
                    before.append(grey)
    return count


def _listen(source: Subject, ear: SoundJudge, ffmpeg: str) -> float | None:
    """The loudest tenth of a second in dB of full scale, None without any sound."""
    import numpy as np  # noqa: PLC0415 - needed only here

    from appliance.recorder.judge import measures  # noqa: PLC0415 - loads OpenCV

    if source.capture is None:
        return None
    form = ("-map", "0:a:0", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", "pipe:1")
    command = [ffmpeg, "-hide_banner", "-loglevel", "error", *source.capture.input, *form]
    parts = []
    with _program(command, source.capture.feeder, source.capture.env) as (out, _):
        while data := os.read(out.fileno(), 1 << 16):
            parts.append(data)
    sound = b"".join(parts)
    samples = np.frombuffer(sound[: len(sound) // 2 * 2], np.int16).astype(np.float32) / np.float32(32768)
    return _hear(ear, measures.sound(samples, SAMPLE_RATE))


def _levels(source: Subject, ear: SoundJudge, url: str) -> float | None:
    levels: list[tuple[float, float]] = []
    until = time.monotonic() + SECONDS + OPENING
    with (
        contextlib.suppress(OSError, TimeoutError, WebSocketException),
        connect(f"ws{url.removeprefix('http')}/api/v1/events", open_timeout=OPENING) as socket,
    ):
        while time.monotonic() < until and len(levels) < 10 * SECONDS:
            said = json.loads(socket.recv(timeout=max(0.1, until - time.monotonic())))
            if source.id in said.get("levels", {}):
                rms, peak = said["levels"][source.id]
                levels.append((rms, peak))
    seconds = [levels[n : n + 10] for n in range(0, len(levels) // 10 * 10, 10)]
    return _hear(
        ear,
        [
            Sound(tuple(rms for rms, _ in each), tuple(10 ** (p / 20) for _, p in each), (0.0,) * 10, -120.0, 0.0, 50)
            for each in seconds
        ],
    )


def _hear(ear: SoundJudge, seconds: Sequence[Sound]) -> float | None:
    for number, second in enumerate(seconds):
        ear.hear(float(number), second)
    return max((max(second.rms) for second in seconds), default=None)


@contextmanager
def _program(
    command: Sequence[str], feeder: Sequence[str] | None, env: Mapping[str, str]
) -> Iterator[tuple[IO[bytes], float]]:
    """(standard output of the command, when it began); killed when the time is over."""
    environment = {**os.environ, **env}
    none = subprocess.DEVNULL
    processes: list[subprocess.Popen[bytes]] = []
    if feeder is not None:
        processes.append(subprocess.Popen(feeder, stdin=none, stdout=subprocess.PIPE, stderr=none, env=environment))
    source = processes[0].stdout if processes else none
    processes.append(subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, stderr=none, env=environment))
    if feeder is not None and processes[0].stdout is not None:
        processes[0].stdout.close()

    def end() -> None:
        for process in processes:
            process.kill()

    timer = Timer(SECONDS + OPENING / 2, end)
    timer.start()
    try:
        out = processes[-1].stdout
        if out is not None:
            with out:
                yield out, time.monotonic()
    finally:
        timer.cancel()
        end()
        for process in processes:
            process.wait()


def main() -> None:
    """For the daemon that asks."""
    order = json.loads(sys.stdin.read())
    sources = [Subject(name, media) for name, media in order["sources"].items()]
    tried = _try_all(sources, JudgeTable.model_validate(order["judge"]), order["ffmpeg"], order["url"])
    wrong = [
        {"source": each.source.id, "code": "source-lost" if each.code == "nothing" else each.code}
        for each in tried
        if each.code
    ]
    sys.stdout.write(json.dumps(wrong))


if __name__ == "__main__":
    main()
