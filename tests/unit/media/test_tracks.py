"""Packets on the timeline: nothing is lost, nothing drifts, and what cannot be right is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from media.probe import Form, Unreadable, form_of, opened
from media.silence import FRAME, NoSilence, silent_packet
from media.tracks import TICKS, Piece, pictures, sound

RATE = 48_000


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of pictures at 25 a second, and a second of sound."""
    folder = tmp_path_factory.mktemp("takes")
    fragmented = {"movflags": "+empty_moov+default_base_moof+delay_moov+frag_keyframe"}
    with av.open(str(folder / "video.mp4"), "w", options=fragmented) as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 9, np.uint8), "rgb24")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    with av.open(str(folder / "audio.mp4"), "w", options=fragmented) as out:
        audio = out.add_stream("aac", rate=RATE, layout="mono")
        for number in range(RATE // FRAME):
            samples = av.AudioFrame.from_ndarray(np.full((1, FRAME), 0.1, np.float32), "fltp", "mono")
            samples.sample_rate, samples.pts = RATE, number * FRAME
            out.mux(audio.encode(samples))
        out.mux(audio.encode(None))
    return folder


def shown(pieces: list[Piece], end: float) -> tuple[list[int], list[int], int, list[str]]:
    """pts and dts of the file's pictures, how long the last one lasts, and what was reported."""
    said: list[str] = []
    laid = pictures(pieces, end, said.append)
    return laid.shown.tolist(), laid.decoded.tolist(), laid.last, said


def heard(pieces: list[Piece], end: float) -> tuple[list[bool], list[int]]:
    """Which places of the grid hold sound of a take, and their times."""
    silent = silent_packet(form_of(pieces[0].path, "audio"))
    laid = sound(pieces, end, lambda problem: None, silent=silent, rate=RATE)
    return [laid.origins[origin] != silent for origin in laid.origin], laid.decoded.tolist()


def test_the_first_picture_waits_at_zero_and_the_last_one_stays(takes: Path) -> None:
    pts, dts, last, said = shown([Piece(takes / "video.mp4", 2.0, 1.0)], 10.0)
    assert pts[:2] == [0, round(2.04 * TICKS)]
    assert pts == dts
    assert pts[-1] + last == 10 * TICKS
    assert said == []


@given(
    begins=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=5),
    end=st.floats(0.0, 30.0),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_wherever_takes_claim_to_begin_pictures_keep_their_order(takes: Path, begins: list[float], end: float) -> None:
    pts, dts, last, _ = shown([Piece(takes / "video.mp4", at, 1.0) for at in sorted(begins)], end)
    assert len(pts) == 25 * len(begins)
    assert all(before < after for before, after in pairwise(dts))
    assert all(before < after for before, after in pairwise(pts))
    assert all(decoded <= at for at, decoded in zip(pts, dts, strict=True))
    assert last > 0


@given(begins=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=5), end=st.floats(0.0, 30.0))
@example(begins=[20.0, 19.046875], end=0.0)  # in the middle between two places, behind another take
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_wherever_takes_claim_to_begin_sound_has_no_hole(takes: Path, begins: list[float], end: float) -> None:
    placed, times = heard([Piece(takes / "audio.mp4", at, 1.0) for at in sorted(begins)], end)
    assert times == [FRAME * number for number in range(len(times))]
    assert len(times) >= round(end * RATE / FRAME)
    for at in begins:
        assert placed[round(at * RATE / FRAME) + 1], "a take is heard where it says it begins"


def test_sound_is_never_more_than_half_a_packet_away(takes: Path) -> None:
    for at in (0.0, 0.005, 0.0106, 0.0108, 0.5, 3.333):
        placed, _ = heard([Piece(takes / "audio.mp4", at, 1.0)], 5.0)
        first = placed.index(True) * FRAME / RATE
        startup = FRAME / RATE if at > FRAME / RATE / 2 else 0.0  # the encoder's own packet, where there is room
        assert abs(first + startup - at) <= FRAME / RATE / 2 + 1e-9


def test_a_take_that_runs_far_beyond_its_end_is_damaged(takes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.tracks.RUNAWAY", 0.5)
    pts, _, _, said = shown([Piece(takes / "video.mp4", 0.0, 0.1)], 1.0)
    assert len(pts) == 16
    assert said == ["video.mp4 has a time far beyond its end."]


def test_a_take_that_falls_short_of_what_was_recorded_is_reported(takes: Path) -> None:
    _, _, _, said = shown([Piece(takes / "video.mp4", 0.0, 5.0)], 5.0)
    assert said == ["video.mp4 ends after 1.0 s of 5.0 s."]


# -- what stands in a file


def test_a_take_says_its_form(takes: Path) -> None:
    video, audio = form_of(takes / "video.mp4", "video"), form_of(takes / "audio.mp4", "audio")
    assert (video.codec, video.width, video.height) == ("h264", 64, 48)
    assert (audio.codec, audio.rate, audio.channels) == ("aac", RATE, 1)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"#EXTM3U\nhttp://127.0.0.1/\n", b"\0\0\0\x18ftypisom\0\0\2\0"])
def test_what_is_no_take_is_unreadable(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "take-001.mp4"
    file.write_bytes(content)
    with pytest.raises(Unreadable, match=r"take-001\.mp4"):
        form_of(file, "video")


def test_a_take_of_the_other_kind_is_unreadable(takes: Path) -> None:
    with pytest.raises(Unreadable, match="holds no sound"):
        form_of(takes / "video.mp4", "audio")


def test_a_header_without_a_packet_is_unreadable(takes: Path, tmp_path: Path) -> None:
    """What the capture leaves that was killed in its first quarter of a second."""
    whole = (takes / "video.mp4").read_bytes()
    file = tmp_path / "take-001.mp4"
    file.write_bytes(whole[: whole.index(b"moof") - 4])
    with pytest.raises(Unreadable):
        form_of(file, "video")


def test_packets_come_with_their_seconds(takes: Path) -> None:
    with opened(takes / "video.mp4", "video") as (_, packets):
        assert [round(at, 3) for at, _, _ in packets][:3] == [0.0, 0.04, 0.08]


# -- silence


@pytest.mark.parametrize(
    ("rate", "channels", "extra"),
    [(48_000, 1, "118856e500"), (48_000, 2, "119056e500"), (44_100, 2, "1210"), (16_000, 1, "1408")],
)
def test_silence_decodes_to_silence(rate: int, channels: int, extra: str) -> None:
    packet = silent_packet(Form("aac", rate=rate, channels=channels, extra=bytes.fromhex(extra)))
    decoder = av.AudioCodecContext.create("aac", "r")
    decoder.extradata = bytes.fromhex(extra)
    frames = [frame for _ in range(5) for frame in decoder.decode(av.Packet(packet))]
    assert {frame.samples for frame in frames} == {FRAME}
    assert {frame.sample_rate for frame in frames} == {rate}
    assert max(float(np.abs(frame.to_ndarray()).max()) for frame in frames) == 0.0


@pytest.mark.parametrize(
    "form",
    [
        Form("opus", rate=48_000, channels=1, extra=b"OpusHead"),
        Form("aac", rate=48_000, channels=1, extra=b""),
        Form("aac", rate=48_000, channels=1, extra=bytes.fromhex("2b0a8800")),  # HE-AAC
        Form("aac", rate=48_000, channels=6, extra=bytes.fromhex("11b0")),
        Form("aac", rate=48_000, channels=1, extra=bytes.fromhex("1210")),  # says another rate than it has
    ],
)
def test_no_wrong_silence_is_ever_put_into_a_lesson(form: Form) -> None:
    with pytest.raises(NoSilence):
        silent_packet(form)
