"""Recordings of other systems, in the containers and codecs that devices write: each becomes what browsers play."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import av
import pytest

from media.assemble import assemble_lesson
from media.compose import compose
from media.foreign import of_films, unpacked
from media.lesson import Lesson, Original, Source, Span
from media.renditions.layout import lay_out

SECONDS = 2
PICTURES = ["-f", "lavfi", "-i", f"testsrc=s=160x90:r=10:d={SECONDS}"]
SOUND = ["-f", "lavfi", "-i", f"sine=d={SECONDS}"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
FORMS: dict[str, tuple[list[str], set[str]]] = {
    "pyca.webm": ([*PICTURES, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"], {"h264"}),
    "pearl.mp4": ([*PICTURES, *SOUND, *H264, "-bf", "2", "-c:a", "aac"], {"h264", "aac"}),
    "smp.ts": ([*PICTURES, *SOUND, *H264, "-c:a", "aac"], {"h264", "aac"}),
    "reordered.mkv": (
        [*PICTURES, *SOUND, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "libopus"],
        {"h264", "aac"},
    ),
    "galicaster.avi": ([*PICTURES, *SOUND, "-c:v", "mpeg4", "-c:a", "mp3"], {"h264", "aac"}),
    "sound.mp3": (SOUND, {"aac"}),
    "sound.flac": (SOUND, {"aac"}),
    "444.mp4": ([*PICTURES, "-c:v", "libx264"], {"h264"}),
}


def lesson(*files: str) -> Lesson:
    sources = [Source(f"s{number}", "camera", "video") for number in range(len(files))]
    originals = [Original(each.id, f"{each.id}/{file}", 1, "") for each, file in zip(sources, files, strict=True)]
    id_ = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    return Lesson(id_, "T", "R", "I", "", "kept", sources, [Span("", 0.0, 1.8e9, "stopped")], originals=originals)


def made(folder: Path, name: str) -> Path:
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg is not None
    words = [ffmpeg, "-v", "error", "-y", *FORMS[name][0], str(folder / name)]
    subprocess.run(words, check=True)
    return folder / name


def decoded(path: Path) -> tuple[set[str], float]:
    """Its codecs, and how many seconds of each can be decoded, the least."""
    with av.open(str(path)) as container:
        codecs = {stream.codec_context.name for stream in container.streams if stream.type in ("video", "audio")}
        last = dict.fromkeys((stream.index for stream in container.streams if stream.type in ("video", "audio")), 0.0)
        for packet in container.demux(*(container.streams[index] for index in last)):
            for frame in packet.decode():
                last[packet.stream.index] = max(last[packet.stream.index], float(frame.time or 0))
    return codecs, min(last.values())


@pytest.mark.parametrize("name", FORMS)
def test_every_form_becomes_what_browsers_play(tmp_path: Path, name: str) -> None:
    file = made(tmp_path, name)
    whole, problems = unpacked(lesson(name), lambda original: file, tmp_path / "takes")
    outputs = assemble_lesson(whole, lambda take: tmp_path / "takes" / take.file, tmp_path)
    assert (problems, [output.problems for output in outputs]) == ([], [()] * len(outputs))
    codecs, seconds = decoded(outputs[0].path)
    assert codecs == FORMS[name][1]
    assert SECONDS - 0.3 < seconds < SECONDS + 0.3
    if FORMS[name][1] == {"h264", "aac"} and name != "galicaster.avi":
        packets = [bytes(packet) for packet in video_packets(file)]
        assert len([bytes(packet) for packet in video_packets(outputs[0].path)]) == len(packets)


def video_packets(path: Path) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def test_one_bad_track_does_not_take_the_others_along(tmp_path: Path) -> None:
    """A torn one is used as far as it goes; what names other files is never opened."""
    good = made(tmp_path, "pearl.mp4")
    torn = tmp_path / "torn.ts"
    torn.write_bytes(made(tmp_path, "smp.ts").read_bytes()[:30_000])
    list_ = tmp_path / "list.m3u8"
    list_.write_text(f"#EXTM3U\n#EXTINF:2,\n{good}\n#EXT-X-ENDLIST\n")
    concat = tmp_path / "concat.txt"
    concat.write_text(f"ffconcat version 1.0\nfile {good}\n")
    rubbish = tmp_path / "rubbish.mkv"
    rubbish.write_bytes(bytes(range(256)) * 100)
    files = [good, torn, list_, concat, rubbish]
    whole, problems = unpacked(
        lesson(*(each.name for each in files)), lambda each: tmp_path / each.file[3:], tmp_path / "t"
    )
    assert [take.source for take in whole.takes if "sound" not in take.source] == ["s0", "s1"]
    for source, problem in zip(("s2", "s3", "s4"), problems[-3:], strict=True):
        assert problem.startswith(f"{source}: ")
        assert problem.endswith(".")


def test_the_film_is_made_of_what_was_encoded_before(tmp_path: Path) -> None:
    originals = lesson("pearl.mp4", "444.mp4")
    takes, _ = unpacked(originals, lambda each: made(tmp_path, each.file[3:]), tmp_path / "takes")
    outputs = assemble_lesson(takes, lambda take: tmp_path / "takes" / take.file, tmp_path)
    films = [output.path for output in outputs if output.kind == "programme"]
    whole, files = of_films(originals, films)
    assert [(take.source, files[take.file]) for take in whole.takes] == [("s0", films[0]), ("s1", films[1])]
    assert all(abs(take.seconds - SECONDS) < 0.2 for take in whole.takes)
    layout = lay_out(whole, lambda take: files[take.file])
    film = compose(layout, films, "pip", tmp_path, report=pytest.fail)
    assert decoded(film.path)[0] == {"h264", "aac"}
