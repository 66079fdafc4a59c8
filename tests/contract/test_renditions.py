"""Real takes to what students get on a poor link: it plays and seeks, shows every slide in time, and is small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from media.lesson import Lesson, Source
from media.renditions.layout import CannotRender, lay_out
from media.renditions.proxy import make_proxy
from media.renditions.slidecast import ALLOWANCE, HEAD_START, LARGEST, POSTER_BYTES, Show, make_slidecast
from media.renditions.stills import source_of_slides
from tests.contract.test_assemble_plays import play, seek, served
from tests.measure import beeps, boxes, decode_errors, durations, flashes
from tests.measure.takes import PERIOD, add_audio, add_frames, add_video, lesson_of
from tests.peers.chromium import chromium

SECONDS = 60
CUTS = (0.0, 7.3, 16.1, 22.0, 31.5, 44.4)
"""Seconds at which a slide appears."""
GROUP = 2.0
"""Seconds between two keyframes of the slides: a change is seen so much later at most."""
FPS = 10
SPEECH_IN_SYNC = 0.1
TIERS_90 = {"slidecast": 22e6, "proxy": 120e6}


@dataclass(frozen=True)
class Made:
    folder: Path
    lesson: Lesson
    slides: str | None
    show: Show
    said: list[str]

    @property
    def slidecast(self) -> Path:
        return self.folder / "slidecast.mp4"


def slides() -> Iterator[np.ndarray]:
    """Pictures of a screen, FPS a second."""
    font = ImageFont.load_default(36)
    drawn = []
    for number in range(len(CUTS)):
        image = Image.new("L", (1280, 720), 250)
        pen = ImageDraw.Draw(image)
        pen.rectangle((0, 0, 1280, 90), fill=60 + 20 * number)
        words = np.random.default_rng(number).choice(["force", "mass", "energy", "field", "curve", "limit"], (9, 9))
        for line, text in enumerate(words):
            pen.text((60, 120 + 62 * line), " ".join(text), font=font, fill=20)
        drawn.append(np.asarray(image))
    for tick in range(SECONDS * FPS):
        yield drawn[sum(cut <= tick / FPS + 1e-9 for cut in CUTS) - 1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A teacher, a board with six slides, and a microphone that was away for ten seconds."""
    folder = tmp_path_factory.mktemp("lesson")
    lesson = lesson_of(
        [Source("teacher", "camera", "video"), Source("board", "camera", "video"), Source("mic", "microphone", "audio")]
    )
    add_video(lesson, folder, "teacher", 100.0, SECONDS, size=(640, 360))
    add_frames(lesson, folder, "board", 100.0, slides(), size=(1280, 720), fps=FPS, group=round(GROUP * FPS))
    add_audio(lesson, folder, "mic", 100.0, 30.0, ended="lost")
    add_audio(lesson, folder, "mic", 140.0, 20.0)
    layout = lay_out(lesson, lambda take: folder / take.file)
    said: list[str] = []
    source = source_of_slides(layout, said.append)
    show = make_slidecast(layout, source, folder / "slidecast.mp4", folder / "poster.jpg", said.append)
    return Made(folder, lesson, source, show, said)


def test_the_camera_that_stands_still_is_taken_for_the_slides(made: Made) -> None:
    assert made.slides == "board"
    assert made.said == []


def test_a_captured_screen_is_the_slides_whatever_moves_on_it(made: Made) -> None:
    lesson = Lesson.from_json(made.lesson.to_json())
    lesson.sources[0].driver = "screen"
    layout = lay_out(lesson, lambda take: made.folder / take.file)
    assert source_of_slides(layout, made.said.append) == "teacher"


def test_every_slide_is_found_and_at_its_time(made: Made) -> None:
    assert len(made.show.changes) == len(CUTS)
    late = [found - cut for found, cut in zip(made.show.changes, CUTS, strict=True)]
    assert all(-0.05 <= each <= GROUP + 0.05 for each in late), late
    with av.open(str(made.slidecast)) as container:
        chapters = [float(chapter["start"] * chapter["time_base"]) for chapter in container.chapters()]
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
        shown = [float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.size]
    assert chapters == pytest.approx(made.show.changes, abs=0.002)
    assert titles[1] == "Diapositive 2"
    assert shown == pytest.approx(made.show.changes, abs=0.002)


def test_it_is_one_sound_file_that_can_be_played_while_it_loads(made: Made) -> None:
    assert decode_errors(made.slidecast) == ""
    assert boxes(made.slidecast).index("moov") < boxes(made.slidecast).index("mdat")
    length = durations(made.slidecast)
    assert (length.file, length.video, length.audio) == pytest.approx((SECONDS, SECONDS, SECONDS), abs=0.1)
    with av.open(str(made.slidecast)) as container:
        assert all(packet.is_keyframe for packet in container.demux(video=0) if packet.size)


def test_speech_is_in_its_place_also_after_a_gap(made: Made) -> None:
    heard = beeps(made.slidecast)
    expected = [at for at in np.arange(0, SECONDS, PERIOD) if not 30 <= at < 40]
    assert len(heard) == len(expected)
    assert max(abs(one - other) for one, other in zip(heard, expected, strict=True)) <= SPEECH_IN_SYNC


def test_ninety_minutes_of_it_are_within_the_tier(made: Made) -> None:
    bytes_of = Counter[str]()
    with av.open(str(made.slidecast)) as container:
        for packet in container.demux():
            bytes_of[packet.stream.type] += packet.size
    assert bytes_of["video"] <= HEAD_START + ALLOWANCE * SECONDS + LARGEST, "slides stay within what they may spend"
    speech = bytes_of["audio"] * 90 * 60 / SECONDS
    assert speech + HEAD_START + ALLOWANCE * 90 * 60 <= TIERS_90["slidecast"]
    assert made.folder.joinpath("poster.jpg").stat().st_size <= POSTER_BYTES
    with Image.open(made.folder / "poster.jpg") as poster:
        assert np.asarray(poster.convert("L")).std() > 20


def test_the_small_film_has_both_pictures_and_the_speech_in_step(made: Made) -> None:
    layout = lay_out(made.lesson, lambda take: made.folder / take.file)
    film = made.folder / "proxy.mp4"
    make_proxy(layout, "teacher", film, made.said.append)
    assert decode_errors(film) == ""
    assert film.stat().st_size * 90 * 60 / SECONDS <= TIERS_90["proxy"]
    with av.open(str(film)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (640, 360)
        corner = next(container.decode(video)).to_ndarray(format="gray")[270:340, 470:620]
    assert corner.mean() > 150, "the white slide lies in the corner of the dark teacher"
    seen, heard = flashes(film), beeps(film)
    pairs = [min(abs(flash - beep) for beep in heard) for flash in seen if not 29 <= flash < 41]
    assert len(pairs) > 15
    assert max(pairs) <= SPEECH_IN_SYNC


def test_a_browser_plays_it_and_finds_every_place(made: Made) -> None:
    with served(made.slidecast) as address, chromium() as browser:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("document.querySelector('video').readyState >= 3")
        assert page.evaluate("document.querySelector('video').duration") == pytest.approx(SECONDS, abs=0.1)
        for number in (5, 2, 0, 4, 1, 3):
            begins = made.show.changes[number]
            found = seek(page, begins + 3.0)
            assert found["at"] == pytest.approx(begins + 3.0, abs=0.01)
            assert found["shown"] == pytest.approx(begins, abs=0.01), f"slide {number + 1} is shown"
        # Into the gap of the sound, and over a change of slides.
        assert 1.5 <= play(page, 29.0, 2.0) <= 6.0
        assert 2.5 <= play(page, made.show.changes[4] - 1.5, 3.0) <= 8.0


def test_a_lesson_of_sound_alone_is_sound_alone(tmp_path: Path) -> None:
    lesson = lesson_of([Source("mic", "microphone", "audio")])
    add_audio(lesson, tmp_path, "mic", 5.0, 6.0)
    layout = lay_out(lesson, lambda take: tmp_path / take.file)
    show = make_slidecast(layout, None, tmp_path / "s.mp4", tmp_path / "p.jpg", pytest.fail)
    assert (show.poster, show.changes) == (b"", [])
    assert decode_errors(tmp_path / "s.mp4") == ""
    assert durations(tmp_path / "s.mp4").audio == pytest.approx(6.0, abs=0.1)


def test_while_the_first_microphone_is_lost_the_next_one_is_heard(tmp_path: Path) -> None:
    lesson = lesson_of([Source("lectern", "microphone", "audio"), Source("hand", "microphone", "audio")])
    add_audio(lesson, tmp_path, "lectern", 100.0, 5.0, ended="lost")
    add_audio(lesson, tmp_path, "lectern", 111.0, 5.0)
    add_audio(lesson, tmp_path, "hand", 100.0, 16.0)
    layout = lay_out(lesson, lambda take: tmp_path / take.file)
    make_slidecast(layout, None, tmp_path / "s.mp4", tmp_path / "p.jpg", pytest.fail)
    heard = beeps(tmp_path / "s.mp4")
    assert heard == pytest.approx(list(np.arange(0, 16, PERIOD)), abs=SPEECH_IN_SYNC)


def test_a_damaged_take_is_told_and_the_rest_is_used(tmp_path: Path) -> None:
    lesson = lesson_of([Source("front", "camera", "video"), Source("mic", "microphone", "audio")])
    add_video(lesson, tmp_path, "front", 5.0, 8.0)
    add_audio(lesson, tmp_path, "mic", 5.0, 8.0)
    (tmp_path / lesson.takes[0].file).write_bytes(b"\0" * 4000)
    layout = lay_out(lesson, lambda take: tmp_path / take.file)
    said: list[str] = []
    make_slidecast(layout, "front", tmp_path / "s.mp4", tmp_path / "p.jpg", said.append)
    assert said
    assert decode_errors(tmp_path / "s.mp4") == ""
    nothing = lesson_of([Source("front", "camera", "video")])
    with pytest.raises(CannotRender):
        lay_out(nothing, lambda take: tmp_path / take.file)
