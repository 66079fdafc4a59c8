"""Which encoder this machine shall use, found by trying. Made at install or by ``appliance doctor``, never at Start.

A trial runs the very command of a recording on a moving picture, and looks at what comes out: is it H.264 that decodes,
are all pictures there, in order, do they look like those that went in, does none wait in the encoder, and is it fast
enough for all of the room's sources at once? The first hardware encoder that passes is taken, else x264 with the best
preset that leaves half of the machine free. What was found is kept with what it was found on; when that changes it
counts no more, and the safe default does until the next trial.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Thread, Timer
from typing import IO, Any, cast

from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import FASTEST, SAFE, Encode, Encoder, SourcePlan, encoded
from appliance.spool.layout import write_atomically
from drivers.protocols import Capture
from media.fragments import BadStream, Fragment, read_stream

FILE = "encoder.json"
"""In the spool."""
PRESETS = ("veryfast", "superfast", FASTEST)
"""The best first. Slower ones than these gain little without look-ahead, which would hold pictures back."""
BUDGET = 0.5
"""Share of the machine that encoding may take: the rest is for decoding cameras, for keepers, panel, judge and sync."""
HEADROOM = 1.3
"""Times real time that hardware must encode all sources together."""
SECONDS = 3
"""Of moving picture: long enough for a second keyframe."""
FRAGMENT = 0.25
HELD_BACK = 0.15
"""Seconds of picture that an encoder may hold back."""
PATIENCE = 5.0
"""Seconds for the first pictures to come out; a graphics driver may take its time to wake up."""
LONGEST = 30.0
UNLIKE = 16.0
"""Mean difference of brightness (of 255) between a picture and its copy from which they are not the same picture."""
MEMORY = 120_000_000
"""Bytes of raw pictures that are held for a trial."""


class Refused(Exception):
    """The encoder is no good here; one clause says why."""


class NoTrial(Exception):
    """Nothing could be tried, and one sentence says why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """cores: what one source costs, in processors. refused: encoders that did not pass, and why. subject: what it was
    measured on."""

    encoder: Encoder
    cores: float
    subject: dict[str, Any]
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether it leaves as much of the machine free as it should."""
        return self.cores * int(self.subject["sources"]) <= BUDGET * int(self.subject["processors"])


# -- what is kept


def subject(sources: Sequence[SourcePlan], ffmpeg: str, *, hardware: bool) -> dict[str, Any]:
    """What a choice depends on. Quick: no program is started. Raises OSError when FFmpeg is not there."""
    pictures = encoded(sources)
    program = Path(ffmpeg).stat()
    encode = pictures[0].encode if pictures else None
    return {
        "ffmpeg": [str(ffmpeg), program.st_size, program.st_mtime_ns],
        "cpu": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "devices": [encoder.device for encoder in _nodes(Path("/dev"))] if hardware else [],
        "sources": len(pictures),
        "encode": [encode.height, encode.fps, encode.video_rate] if encode else [],
    }


def recall(folder: Path, now: dict[str, Any]) -> Choice | None:
    """What an earlier trial found, if it was made on the same machine for the same room. folder: the spool."""
    try:
        kept = json.loads((folder / FILE).read_bytes())
        choice = Choice(**{**kept, "encoder": Encoder(**kept["encoder"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none yet, or not of this version: the safe default does until the next trial
    return choice if choice.subject == now else None


def keep(folder: Path, choice: Choice) -> None:
    """Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FILE, json.dumps(asdict(choice), indent=1).encode() + b"\n")


def equip(sources: Sequence[SourcePlan], encoder: Encoder) -> list[SourcePlan]:
    """The sources, encoded so."""
    return [replace(plan, encode=replace(plan.encode, encoder=encoder)) for plan in sources]


def chosen(sources: Sequence[SourcePlan], ffmpeg: str, folder: Path, *, hardware: bool) -> Encoder:
    """For the daemon: what was found, or what is safe."""
    choice = recall(folder, subject(sources, ffmpeg, hardware=hardware))
    return SAFE if choice is None else choice.encoder


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model", "Hardware")):
            return line.partition(":")[2].strip()
    return ""


# -- what there is to try


def candidates(ffmpeg: str, dev: Path = Path("/dev")) -> list[Encoder]:
    """Hardware encoders that FFmpeg knows and of which there is a device. Raises NoTrial."""
    try:
        done = subprocess.run(
            [ffmpeg, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=LONGEST, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoTrial(f"FFmpeg does not run: {error}.") from error
    known = {words[1] for words in map(str.split, done.stdout.splitlines()) if len(words) > 1}
    return [encoder for encoder in _nodes(dev) if encoder.name in known]


def _nodes(dev: Path) -> Iterator[Encoder]:
    cards = sorted(dev.glob("dri/renderD*"))
    for name in ("h264_vaapi", "h264_qsv"):
        yield from (Encoder(name, "", str(card)) for card in cards)
    # FFmpeg looks for the right one of these itself.
    yield from (Encoder("h264_v4l2m2m", "", str(node)) for node in sorted(dev.glob("video[0-9]*"))[:1])
    yield from (Encoder("h264_nvenc", "", str(node)) for node in sorted(dev.glob("nvidia[0-9]*"))[:1])


# -- trying


def settle(sources: Sequence[SourcePlan], ffmpeg: str, folder: Path, *, hardware: bool) -> Choice | None:
    """The choice that was kept, else one made now (some seconds of work) and kept; None when nothing is encoded here.

    Raises NoTrial, OSError.
    """
    pictures = encoded(sources)
    if not pictures:
        return None
    now = subject(sources, ffmpeg, hardware=hardware)
    choice = recall(folder, now)
    if choice is None:
        choice = choose(ffmpeg, pictures[0].encode, now, candidates(ffmpeg) if hardware else [])
        keep(folder, choice)
    return choice


def choose(ffmpeg: str, encode: Encode, now: dict[str, Any], hardware: Sequence[Encoder]) -> Choice:
    """Try hardware, then x264 from the best preset to the fastest. Raises NoTrial when not even that works."""
    refused: dict[str, str] = {}
    pictures = moving_pictures(ffmpeg, encode)
    sources, processors = int(now["sources"]), int(now["processors"])
    last: Choice | None = None
    for encoder in [*hardware, *(Encoder("libx264", preset) for preset in PRESETS)]:
        try:
            cores, speed = trial(ffmpeg, replace(encode, encoder=encoder), pictures)
            choice = Choice(encoder, round(cores, 3), now, refused)
            if encoder.device and speed < HEADROOM * sources:
                raise Refused(f"it encodes {speed:.1f} times as fast as needed for one source, and there are {sources}")
            if not choice.enough:
                last = choice
                share = 100 * cores * sources / processors
                raise Refused(f"it would take {share:.0f} % of the machine")
        except Refused as error:
            refused[" ".join(filter(None, [encoder.name, encoder.preset, encoder.device]))] = str(error)
            continue
        return choice
    if last is None or last.encoder.preset != FASTEST:
        raise NoTrial(f"No encoder works: {next(reversed(refused.values()))}.")
    return last


@dataclass(frozen=True, slots=True)
class Pictures:
    """Raw 4:2:0 pictures that move and have a sensor's noise, played to and fro for as long as one likes."""

    width: int
    height: int
    raw: list[bytes]

    def play(self, count: int) -> Iterator[bytes]:
        return itertools.islice(itertools.cycle([*self.raw, *self.raw[-2:0:-1]]), count)


def moving_pictures(ffmpeg: str, encode: Encode) -> Pictures:
    """Raises NoTrial."""
    width, height = encode.height * 16 // 9 // 2 * 2, encode.height
    size = width * height * 3 // 2
    count = max(2, min(encode.fps, MEMORY // size))
    picture = f"testsrc2=size={width}x{height}:rate={encode.fps},noise=alls=6:allf=t,format=yuv420p"
    command = [ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture, "-frames:v", str(count)]
    try:
        done = subprocess.run([*command, "-f", "rawvideo", "pipe:1"], capture_output=True, timeout=LONGEST, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoTrial(f"FFmpeg makes no test picture: {error}.") from error
    raw = [done.stdout[at : at + size] for at in range(0, len(done.stdout), size)]
    if len(raw) < 2 or len(raw[-1]) != size:
        raise NoTrial("FFmpeg makes no test picture.")
    return Pictures(width, height, raw)


def trial(ffmpeg: str, encode: Encode, pictures: Pictures) -> tuple[float, float]:
    """Processors that one source takes, and how many times faster than real time it is encoded. Raises Refused.

    Counts the CPU of every child of this process that ends meanwhile, so run one at a time.
    """
    shape = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{pictures.width}x{pictures.height}")
    source = ("-probesize", "32", "-analyzeduration", "0", *shape, "-framerate", str(encode.fps), "-i", "pipe:0")
    command = capture_command(Capture("video", source), encode, ffmpeg, FRAGMENT).ffmpeg
    count = SECONDS * max(encode.fps, 2)
    before = _children()
    data, speed, words = _run(command, pictures.play(count), count, encode.fps)
    cores = (_children() - before) / (count / encode.fps)
    try:
        _inspect(data, pictures, count)
    except Refused as error:
        raise Refused(f"{error} ({words})" if words else str(error)) from error
    return cores, speed


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: Sequence[str], pictures: Iterator[bytes], count: int, fps: int) -> tuple[bytes, float, str]:
    """The stream, how many times faster than real time it came once it had begun, and FFmpeg's last words. Raises
    Refused."""
    first = min(count - 1, max(fps, 3))
    wanted = (first - 1) / fps - FRAGMENT - HELD_BACK
    out, through = bytearray(), Event()
    with TemporaryFile() as log:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        except OSError as error:
            raise Refused(f"it does not start: {error.strerror}") from error
        given_up = Timer(LONGEST, process.kill)
        given_up.start()
        feeder = _Feeder(process, pictures, first, through)
        feeder.start()
        try:
            for part in read_stream(cast(IO[bytes], process.stdout).read):
                out += part.data
                if isinstance(part, Fragment) and part.time + part.seconds >= wanted:
                    through.set()
        except BadStream as error:
            raise Refused(f"what it gives is no recording: {error}") from error
        finally:
            held_back = not through.is_set()
            through.set()
            if held_back:
                process.kill()
            process.wait()
            took = time.monotonic() - feeder.released
            given_up.cancel()
            feeder.join()
            cast(IO[bytes], process.stdout).close()
        log.seek(0)
        said = (log.read().decode(errors="replace").strip().splitlines() or [""])[-1]
    if held_back:
        raise Refused(said or "it holds pictures back")
    return bytes(out), (count - first) / fps / max(1e-3, took), said


class _Feeder(Thread):
    """Gives some pictures, and the rest when those have come out again; what lets us wait too long is killed."""

    def __init__(self, process: subprocess.Popen[bytes], pictures: Iterator[bytes], first: int, through: Event) -> None:
        super().__init__()
        self.released = time.monotonic()
        self._process = process
        self._pictures = pictures
        self._first = first
        self._through = through

    def run(self) -> None:
        with contextlib.suppress(BrokenPipeError), cast(IO[bytes], self._process.stdin) as pipe:
            for picture in itertools.islice(self._pictures, self._first):
                pipe.write(picture)
            pipe.flush()
            if not self._through.wait(PATIENCE):
                self._process.kill()
            self.released = time.monotonic()
            for picture in self._pictures:
                pipe.write(picture)


def _inspect(data: bytes, pictures: Pictures, count: int) -> None:
    """Raises Refused."""
    import av  # noqa: PLC0415 - heavy, and the daemon only recalls
    import numpy as np  # noqa: PLC0415 - see above

    seen, keys, last, unlike = 0, 0, -1, 0.0
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.video[0]
            if stream.codec_context.name != "h264":
                raise Refused(f"it gives {stream.codec_context.name} instead of H.264")
            expected = pictures.play(count)
            for packet in container.demux(stream):
                if packet.pts is None:
                    continue
                if packet.pts != packet.dts or packet.pts <= last:
                    raise Refused("it changes the order of the pictures")
                last, keys = packet.pts, keys + packet.is_keyframe
        with av.open(io.BytesIO(data), "r") as container:
            for frame, raw in zip(container.decode(video=0), expected, strict=False):
                seen += 1
                if (frame.width, frame.height) != (pictures.width, pictures.height):
                    raise Refused(f"it makes pictures of {frame.width}x{frame.height}")
                if seen % 10 == 1:
                    luma = np.frombuffer(raw, np.uint8, pictures.width * pictures.height)
                    grey = frame.to_ndarray(format="gray").ravel().astype(np.int16)
                    unlike = max(unlike, float(np.abs(grey - luma).mean()))
    except (av.FFmpegError, IndexError) as error:
        raise Refused(f"what it gives cannot be decoded: {error}") from error
    if seen != count:
        raise Refused(f"of {count} pictures {seen} came out")
    if keys < 2:
        raise Refused("it makes no keyframes when asked to")
    if unlike > UNLIKE:
        raise Refused("its pictures do not look like those that went in")
