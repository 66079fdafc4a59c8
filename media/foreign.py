"""Takes made of a recording by another system, so that it is assembled like one of ours.

Pictures in H.264 and sound in AAC-LC, which every browser plays and which rooms record, are copied; anything else is
encoded anew in those. A file that breaks off is used up to there. What a stranger sent is opened as one of a few
containers and never as a list that names other files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from media.lesson import Lesson, Original, Source, Take, take_file
from media.probe import Form, Packet, Unreadable
from media.samples import samples_of
from media.silence import NoSilence, silent_packet

CONTAINERS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpegts,mpeg,avi,ogg,flac,wav,mp3,aac,asf"
PLAIN_PICTURES = frozenset({"yuv420p", "yuvj420p"})
"""Of H.264, what browsers decode."""
LARGEST = 8192 * 4320
"""Pixels of a picture."""
RATE = 48000
TICKS = 90_000
KEY_EVERY = 250
"""Pictures between two to which a player can jump."""
HOLE = 0.1
"""Seconds without sound that are filled with silence."""
MOST_UNTIMED = 32
"""Packets in a row without a time of decoding; H.264 reorders at most 16 pictures."""
LONGEST_HOLE = 6 * 3600.0
Samples = NDArray[np.float32]
_OPTIONS = {"movflags": "+frag_keyframe+empty_moov+default_base_moof+delay_moov+skip_trailer"}
_SOUND_OPTIONS = {**_OPTIONS, "frag_duration": "1000000"}
"""Microseconds: sound has no keyframes by which a fragment would end."""


def unpacked(lesson: Lesson, file_of: Callable[[Original], Path], folder: Path) -> tuple[Lesson, list[str]]:
    """The lesson with takes, which are written into the folder, and a sentence for each original that could not be
    used, or not to its end. All originals begin at one moment, as far as they do not say otherwise.

    Raises OSError when the disk does not take it.
    """
    made = replace(lesson, sources=[], takes=[])
    problems: list[str] = []
    for original in lesson.originals:
        source = next(each for each in lesson.sources if each.id == original.source)
        try:
            _unpack(made, source, file_of(original), folder, problems)
        except (Unreadable, FFmpegError) as error:
            if isinstance(error, OSError) and not isinstance(error, FFmpegError):
                raise
            problems.append(f"{original.source}: {original.file} cannot be read as a recording ({error}).")
    return made, problems


def of_films(lesson: Lesson, films: Sequence[Path], sound: Path | None = None) -> tuple[Lesson, dict[str, Path]]:
    """The lesson as its assembled files show it, and those by take: what is encoded once is enough. films: its
    programmes; sound: its sound file, where that is to be heard for itself."""
    pictured = [source for source in lesson.sources if source.media == "video"]
    files: dict[str, Path] = {}
    takes = []
    known = list(zip(pictured, films, strict=False))
    if sound is not None:
        known.append((Source("the-sound", "microphone", "audio"), sound))
    for source, film in known:
        with av.open(f"file:{film}", "r", format="mp4") as container:
            seconds = float((container.duration or 0) / av.time_base)
        takes.append(_take(source.id, film, 0.0, seconds))
        files[takes[-1].file] = film
    return replace(lesson, sources=[source for source, _ in known], takes=takes), files


def _unpack(lesson: Lesson, source: Source, path: Path, folder: Path, problems: list[str]) -> None:
    """Add one original's sources and takes. Raises Unreadable, FFmpegError, OSError."""
    with _opened(path) as container:
        pictures = next((each for each in container.streams.video if not _is_cover(each)), None)
        sound = next(iter(container.streams.audio), None)
        zero = min(_start(each) for each in (pictures or sound, sound or pictures))
    if pictures is None and sound is None:
        raise Unreadable("it holds neither pictures nor sound")
    if pictures is not None:
        lesson.sources.append(source)
        _add(lesson, source, _written(path, folder, source, zero=zero, problems=problems))
    if sound is not None:
        name = f"{source.id}-sound" if pictures is not None else source.id
        heard = replace(source, id=name, kind="microphone", media="audio", driver="")
        lesson.sources.append(heard)
        _add(lesson, heard, _written(path, folder, heard, zero=zero, problems=problems))


def _start(stream: av.VideoStream | av.AudioStream | None) -> float:
    """Seconds."""
    if stream is None or stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def _is_cover(stream: av.VideoStream) -> bool:
    """A picture on the sleeve of a sound file."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _add(lesson: Lesson, source: Source, written: tuple[Path, float] | None) -> None:
    if written is None:
        return
    path, epoch = written
    samples = samples_of(path)
    if not len(samples.shown):
        raise Unreadable("nothing in it can be decoded")
    seconds = float((samples.shown + samples.lasts).max()) / samples.timescale
    lesson.takes.append(_take(source.id, path, epoch, seconds))


def _take(source: str, path: Path, epoch: float, seconds: float) -> Take:
    name, size = take_file(source, 1), path.stat().st_size
    return Take(source, 1, 0, name, size, "", epoch=epoch, seconds=seconds, ended="stopped")


def _written(
    path: Path, folder: Path, source: Source, *, zero: float, problems: list[str]
) -> tuple[Path, float] | None:
    """The take's file, and when it begins after ``zero``. None when nothing of it can be used; says so."""
    write = _write_sound if source.media == "audio" else _write_pictures
    target = folder / take_file(source.id, 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    options = _SOUND_OPTIONS if source.media == "audio" else _OPTIONS
    begins: float | None = None
    with _opened(path) as container, av.open(f"file:{target}", "w", format="mp4", options=options) as out:
        try:
            for at in write(container, out, zero):
                begins = at if begins is None else begins
        except FFmpegError as error:
            problems.append(f"{source.id}: {path.name} breaks off in the middle ({error.strerror}).")
    if begins is None:
        problems.append(f"{source.id}: nothing of it can be decoded.")
        return None
    return target, begins


def _opened(path: Path) -> InputContainer:
    return av.open(f"file:{path}", "r", options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"})


# What follows writes one stream of a container, and gives, before its first packet, the second at which it begins.

# -- pictures ------------------------------------------------------------------------------------------------


def _write_pictures(container: InputContainer, out: OutputContainer, zero: float) -> Iterator[float]:
    stream = next(each for each in container.streams.video if not _is_cover(each))
    if stream.width * stream.height > LARGEST:
        raise Unreadable(f"its pictures have {stream.width}×{stream.height} pixels")
    stream.codec_context.thread_count = 1  # nobody waits, and others have better uses for the processors
    extra = stream.codec_context.extradata
    if stream.codec_context.name == "h264" and stream.codec_context.pix_fmt in PLAIN_PICTURES and extra:
        yield from _copied(container, stream, out, zero)
        return
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    made = out.add_stream("libx264", rate=min(max(rate, Fraction(1)), Fraction(60)))
    made.width, made.height, made.pix_fmt = max(2, stream.width // 2 * 2), max(2, stream.height // 2 * 2), "yuv420p"
    made.codec_context.time_base = Fraction(1, TICKS)
    made.codec_context.thread_count = 1
    made.options = {"preset": "veryfast", "crf": "23", "g": str(KEY_EVERY), "bf": "0"}
    first, last = 0, -1
    for frame in container.decode(stream):
        if frame.pts is None or frame.time_base is None:
            continue
        tick = round(float(frame.pts * frame.time_base) * TICKS)
        if last < 0:
            first = tick
            yield first / TICKS - zero
        tick -= first
        if tick <= last:
            continue
        last = tick
        picture = frame.reformat(made.width, made.height, "yuv420p")
        picture.pts, picture.time_base, picture.pict_type = tick, Fraction(1, TICKS), av.video.frame.PictureType.NONE
        out.mux(made.encode(picture))
    if last >= 0:
        out.mux(made.encode(None))


def _copied(
    container: InputContainer, stream: av.VideoStream | av.AudioStream, out: OutputContainer, zero: float
) -> Iterator[float]:
    """Packets as they are, from the first at which a decoder can begin."""
    made = out.add_stream_from_template(stream)
    first: int | None = None
    last: int | None = None
    for packet, decoded in _timed(container.demux(stream)):
        if packet.pts is None or (first is None and not packet.is_keyframe):
            continue
        if packet.is_corrupt or (last is not None and decoded <= last):
            continue
        last = decoded
        if first is None:
            first = packet.pts
            yield float(first * packet.time_base) - zero
        packet.pts, packet.dts = packet.pts - first, decoded - first
        packet.stream = made
        out.mux_one(packet)


def _timed(packets: Iterator[Packet]) -> Iterator[tuple[Packet, int]]:
    """Packets and when they are decoded. Matroska does not say it of the first ones of a reordered stream: they are
    due a picture's length before each other."""
    waiting: list[Packet] = []
    for packet in packets:
        if packet.pts is None:
            continue  # the empty packet that ends the stream
        waiting.append(packet)
        if packet.dts is not None or len(waiting) == MOST_UNTIMED:
            yield from _backwards(waiting)
            waiting = []
    if waiting:
        yield from _backwards(waiting)


def _backwards(packets: list[Packet]) -> list[tuple[Packet, int]]:
    last = packets[-1]
    step = max(last.duration or 1, 1)
    due = last.dts if last.dts is not None else min(packet.pts or 0 for packet in packets) + (len(packets) - 1) * step
    return [(packet, due - (len(packets) - 1 - number) * step) for number, packet in enumerate(packets)]


# -- sound ---------------------------------------------------------------------------------------------------


def _write_sound(container: InputContainer, out: OutputContainer, zero: float) -> Iterator[float]:
    stream = container.streams.audio[0]
    if _is_plain(stream):
        yield from _copied(container, stream, out, zero)
        return
    mono = stream.codec_context.layout.nb_channels == 1
    layout = "mono" if mono else "stereo"
    made = out.add_stream("aac", rate=RATE, layout=layout)
    made.codec_context.bit_rate = 96_000 if mono else 128_000
    place = 0
    for at, samples in _heard(container, stream, layout):
        if not place:
            begins = at
            yield begins - zero
        missing = round((at - begins) * RATE) - place
        if HOLE * RATE < missing < LONGEST_HOLE * RATE:
            for count in _pieces(missing):
                place = _encode(out, made, np.zeros((len(samples), count), np.float32), layout, place)
        place = _encode(out, made, samples, layout, place)
    if place:
        out.mux(made.encode(None))


def _is_plain(stream: av.AudioStream) -> bool:
    """Whether it is AAC of a form whose gaps can be filled."""
    context = stream.codec_context
    form = Form(
        context.name,
        rate=context.sample_rate,
        channels=context.layout.nb_channels,
        extra=bytes(context.extradata or b""),
    )
    try:
        silent_packet(form)
    except NoSilence:
        return False
    return True


def _heard(container: InputContainer, stream: av.AudioStream, layout: str) -> Iterator[tuple[float, Samples]]:
    """Seconds of the original's time, and samples (channels, count) at RATE."""
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
    for frame in container.decode(stream):
        for part in resampler.resample(frame):
            if part.pts is not None and part.time_base is not None and part.samples:
                yield float(part.pts * part.time_base), part.to_ndarray().astype(np.float32)


def _encode(out: OutputContainer, made: av.AudioStream, samples: Samples, layout: str, place: int) -> int:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
    frame.sample_rate, frame.pts, frame.time_base = RATE, place, Fraction(1, RATE)
    out.mux(made.encode(frame))
    return place + int(samples.shape[1])


def _pieces(count: int) -> Iterator[int]:
    """A minute at a time: a long hole must not fill the memory."""
    while count > 0:
        yield min(count, 60 * RATE)
        count -= 60 * RATE
