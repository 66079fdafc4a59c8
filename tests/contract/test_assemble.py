"""What a student plays and an admin downloads, made from takes as the recorder makes them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from media.assemble import Output, Words
from media.lesson import Mark, Source, Span
from tests.measure import (
    boxes,
    decode_errors,
    durations,
    flashes,
    flashes_and_beeps,
    packet_counts,
    pictures,
    vcl_hashes,
)
from tests.measure.room import FRONT, LECTERN, WALL, Room, in_sync
from tests.measure.takes import B_FRAMES, FPS, add_audio


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def first_pictures(file: Path, count: int) -> list[float]:
    with av.open(str(file)) as container:
        return [float(frame.time) for frame, _ in zip(container.decode(video=0), range(count), strict=False)]


# -- an ordinary lesson, in which the camera was lost for two seconds and the microphone for two others


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Room, dict[str, Output]]:
    room = Room(tmp_path_factory.mktemp("broken"))
    room.video(10 / FPS, 8, ended="lost")
    room.video(10 + 1 / FPS, 10)
    room.audio(0.137, 9.1, ended="lost")
    room.audio(11.277, 9)
    room.lesson.marks += [Mark(0, 5.137), Mark(0, 15.137, "Newton")]
    return room, room.assemble()


def test_every_picture_of_the_camera_arrives_untouched(broken: tuple[Room, dict[str, Output]]) -> None:
    room, made = broken
    assert vcl_hashes(made["front.mp4"].path) == room.hashes("front")


def test_players_find_nothing_wrong_with_it(broken: tuple[Room, dict[str, Output]]) -> None:
    _, made = broken
    assert [decode_errors(output.path) for output in made.values()] == ["", ""]
    assert pictures(made["front.mp4"].path) == 18 * FPS


def test_lips_and_words_agree_at_the_start_after_a_gap_and_at_the_end(broken: tuple[Room, dict[str, Output]]) -> None:
    _, made = broken
    pairs = flashes_and_beeps(made["front.mp4"].path)
    in_sync(pairs, 9)
    assert pairs[0].at == pytest.approx(1.863, abs=0.015)
    assert pairs[-1].at == pytest.approx(19.863, abs=0.015)


def test_it_is_as_long_as_the_lesson(broken: tuple[Room, dict[str, Output]]) -> None:
    room, made = broken
    for output in made.values():
        length = durations(output.path)
        assert length.file == pytest.approx(room.lesson.seconds, abs=0.05)
        assert length.audio == pytest.approx(room.lesson.seconds, abs=0.05)
        assert output.seconds == length.file
    assert durations(made["front.mp4"].path).video == pytest.approx(room.lesson.seconds, abs=0.05)


def test_it_starts_before_it_is_downloaded(broken: tuple[Room, dict[str, Output]]) -> None:
    _, made = broken
    for output in made.values():
        names = boxes(output.path)
        assert names.index("moov") < names.index("mdat")


def test_the_sound_has_no_hole_that_a_player_could_trip_over(broken: tuple[Room, dict[str, Output]]) -> None:
    _, made = broken
    with av.open(str(made["front.mp4"].path)) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.size]
    assert times == [1024 * number for number in range(len(times))]


def test_outputs_say_what_they_are(broken: tuple[Room, dict[str, Output]]) -> None:
    _, made = broken
    film, speech = made["front.mp4"], made["lectern.m4a"]
    assert (film.kind, film.source, film.content_type, film.problems) == ("programme", "front", "video/mp4", ())
    assert (speech.kind, speech.source, speech.content_type, speech.problems) == ("audio", "lectern", "audio/mp4", ())
    assert film.bytes == film.path.stat().st_size
    assert packet_counts(speech.path)["audio"] == packet_counts(film.path)["audio"]
    with av.open(str(film.path)) as container:
        assert container.metadata["title"] == "Forces and motion"
        assert container.metadata["album"] == "Room 12"
        assert container.metadata["date"] == "2026-09-21"
        assert container.streams.video[0].metadata["handler_name"] == "Front camera"
        assert container.streams.audio[0].metadata["language"] == "fra"


def test_marks_and_gaps_are_chapters(broken: tuple[Room, dict[str, Output]]) -> None:
    _, made = broken
    with av.open(str(made["front.mp4"].path)) as container:
        chapters = [(chapter["start"], chapter["metadata"]["title"]) for chapter in container.chapters()]
        assert container.chapters()[-1]["end"] == pytest.approx(20140, abs=20)
    assert chapters == [
        (0, "Forces and motion"),
        (5000, "Mark 1"),
        (8196, "Gap: Front camera, 1.7 s"),
        (9100, "Gap: Lectern, 2.0 s"),
        (15000, "Newton"),
    ]
    with av.open(str(made["lectern.m4a"].path)) as container:
        assert "Gap: Front camera, 1.7 s" not in [chapter["metadata"]["title"] for chapter in container.chapters()]


def test_the_same_takes_give_the_same_bytes(broken: tuple[Room, dict[str, Output]]) -> None:
    room, made = broken
    before = {name: output.sha256 for name, output in made.items()}
    done: list[float] = []
    again = room.assemble(progress=done.append)
    assert {name: output.sha256 for name, output in again.items()} == before
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_chapters_speak_the_reader_s_language(broken: tuple[Room, dict[str, Output]]) -> None:
    room, _ = broken
    room.assemble(words=Words(mark="Repère {number}", gap="Coupure : {source}, {seconds:.0f} s"))
    with av.open(str(room.out / "front.mp4")) as container:
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
    assert titles[1:3] == ["Repère 1", "Coupure : Front camera, 2 s"]


# -- what rooms do to us


def test_pictures_that_refer_forward_survive(room: Room) -> None:
    """A camera with B-frames: decoding order is not showing order."""
    room.video(0.0, 4, encode=B_FRAMES, ended="lost")
    room.video(5.0, 4, encode=B_FRAMES)
    room.audio(0.0, 9)
    film = room.assemble()["front.mp4"].path
    assert vcl_hashes(film) == room.hashes("front")
    assert decode_errors(film) == ""
    shown = first_pictures(film, 8 * FPS)
    wanted = [n / FPS for n in range(4 * FPS)] + [5 + n / FPS for n in range(4 * FPS)]
    assert shown == pytest.approx(wanted, abs=0.001)
    in_sync(flashes_and_beeps(film), 4)
    assert durations(film).video == pytest.approx(9.0, abs=0.01)


def test_a_camera_that_sends_h265_plays_on_apple_too(room: Room) -> None:
    """Safari plays H.265 only under this name, and only with its parameters in the file's head."""
    encode = (
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=none:bframes=2",
        "-pix_fmt",
        "yuv420p",
    )
    room.video(0.0, 4, encode=encode, ended="lost")
    room.video(5.0, 4, encode=encode)
    room.audio(0.0, 9)
    film = room.assemble()["front.mp4"].path
    assert decode_errors(film) == ""
    in_sync(flashes_and_beeps(film), 4)
    with av.open(str(film)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
    assert packet_counts(film)["video"] == 8 * FPS


def test_a_source_that_opens_late_has_the_same_zero(room: Room) -> None:
    room.video(43 / FPS, 5)
    room.audio(0.0, 6.5)
    film = room.assemble()["front.mp4"].path
    assert first_pictures(film, 2) == pytest.approx([0.0, 44 / FPS], abs=0.001)
    in_sync(flashes_and_beeps(film), 3)  # at 2, 4 and 6 s


def test_a_microphone_that_opens_late_is_preceded_by_silence(room: Room) -> None:
    room.video(0.0, 6)
    room.audio(1.61, 4.4)
    film = room.assemble()["front.mp4"].path
    assert [round(at) for at in flashes(film)] == [0, 2, 4]
    in_sync(flashes_and_beeps(film), 2)
    assert decode_errors(film) == ""


def test_a_device_s_measured_delay_is_taken_back(room: Room) -> None:
    room.lesson.sources[1].av_offset_ms = 240.0
    room.video(0.0, 7)
    room.audio(0.0, 7, late=0.24)
    made = room.assemble()
    # The first sound was made before the first picture: the lesson begins with it, and the first picture waits there.
    in_sync(flashes_and_beeps(made["front.mp4"].path)[1:], 3)
    assert flashes(made["front.mp4"].path)[1] == pytest.approx(2.24, abs=0.001)
    assert made["front.mp4"].seconds == pytest.approx(7.24, abs=0.05)


def test_a_pause_takes_no_time_and_nothing_drifts_over_many_of_them(tmp_path: Path) -> None:
    spans = [Span("boot-1", 10.0 * n, WALL + 10 * n, "paused") for n in range(6)]
    room = Room(tmp_path, spans=spans)
    for n in range(6):
        room.video(10.0 * n, 3 + 1 / FPS, span=n, ended="paused")
        room.audio(10.0 * n + 0.0131, 3.0117, span=n, ended="paused")
    film = room.assemble()["front.mp4"]
    assert film.seconds == pytest.approx(6 * (3 + 1 / FPS), abs=0.05)
    takes = [n * (3 + 1 / FPS) for n in range(6)]
    # The flash with which each take begins is 13 ms older than its sound.
    in_sync([pair for pair in flashes_and_beeps(film.path) if all(abs(pair.at - at) > 0.5 for at in takes)], 6)
    assert vcl_hashes(film.path) == room.hashes("front")


def test_a_reboot_leaves_a_gap_of_its_true_length(tmp_path: Path) -> None:
    spans = [Span("boot-1", 100.0, WALL, "cut"), Span("boot-2", 8.0, WALL + 12.0, "stopped")]
    room = Room(tmp_path, spans=spans)
    room.video(100.0, 4, ended="cut")
    room.audio(100.0, 4.02, ended="cut")
    room.video(8.0, 4, span=1)
    room.audio(8.1, 3.9, span=1)
    film = room.assemble()["front.mp4"]
    assert film.seconds == pytest.approx(16.0, abs=0.05)
    pairs = flashes_and_beeps(film.path)
    assert [round(pair.at) for pair in pairs] == [0, 2, 14]
    assert decode_errors(film.path) == ""


def test_a_power_cut_whose_length_nobody_knows_is_marked(tmp_path: Path) -> None:
    """The machine came back with its clock set back by an hour."""
    spans = [Span("boot-1", 100.0, WALL, "cut"), Span("boot-2", 8.0, WALL - 3600, "stopped")]
    room = Room(tmp_path, FRONT, spans=spans)
    room.video(100.0, 2, ended="cut")
    room.video(8.0, 2, span=1)
    film = room.assemble()["front.mp4"]
    assert film.seconds == pytest.approx(4.0, abs=0.05)
    with av.open(str(film.path)) as container:
        chapters = [(chapter["start"], chapter["metadata"]["title"]) for chapter in container.chapters()]
    assert chapters[1:] == [(2000, "Gap: Front camera, of unknown length")]


def test_takes_that_claim_the_same_time_lose_no_picture(room: Room) -> None:
    """A camera's clock runs ahead of the room's: its take claims to end after the next one began."""
    room.video(0.0, 5, ended="lost")
    room.video(4.5, 5)
    room.audio(0.0, 9.5)
    film = room.assemble()["front.mp4"].path
    assert vcl_hashes(film) == room.hashes("front")
    assert pictures(film) == 10 * FPS
    with av.open(str(film)) as container:
        times = [packet.dts for packet in container.demux(video=0) if packet.size]
    assert all(before < after for before, after in pairwise(times))
    assert [pair.at for pair in flashes_and_beeps(film)][-2:] == pytest.approx([6.0, 8.0], abs=0.01)


def test_a_camera_whose_crystal_is_wrong_keeps_step_to_the_end(room: Room) -> None:
    """In the small what 200 ppm are in ninety minutes: what this camera calls 12 s were 11.4 s of the room."""
    room.video(0.0, 12)
    room.audio(0.0, 11.4)
    room.lesson.takes[0].pace = 0.95
    film = room.assemble()["front.mp4"]
    assert vcl_hashes(film.path) == room.hashes("front")
    assert flashes(film.path) == pytest.approx([0.95 * 2 * n for n in range(6)], abs=0.001)
    assert film.seconds == pytest.approx(11.4, abs=0.05)


def test_a_changed_camera_gets_a_file_of_its_own(room: Room) -> None:
    room.video(0.0, 3, ended="lost")
    room.video(4.0, 3, size=(640, 360), ended="lost")
    room.video(8.0, 3)
    room.audio(0.0, 11)
    made = room.assemble()
    assert list(made) == ["front.mp4", "front-2.mp4", "lectern.m4a"]
    assert vcl_hashes(made["front.mp4"].path) == vcl_hashes(room.file("front", 1)) + vcl_hashes(room.file("front", 3))
    assert vcl_hashes(made["front-2.mp4"].path) == vcl_hashes(room.file("front", 2))
    for output in made.values():
        assert decode_errors(output.path) == ""
        assert output.seconds == pytest.approx(11.0, abs=0.05)
    in_sync(flashes_and_beeps(made["front-2.mp4"].path), 2)


def test_a_lesson_of_sound_alone(tmp_path: Path) -> None:
    room = Room(tmp_path, LECTERN)
    room.audio(0.0, 3)
    assert list(room.assemble()) == ["lectern.m4a"]


def test_a_lesson_of_pictures_alone(tmp_path: Path) -> None:
    room = Room(tmp_path, FRONT)
    room.video(0.0, 3)
    made = room.assemble()
    assert list(made) == ["front.mp4"]
    assert packet_counts(made["front.mp4"].path)["video"] == 3 * FPS
    assert "audio" not in packet_counts(made["front.mp4"].path)


def test_every_source_gets_a_file_and_the_first_microphone_speaks(tmp_path: Path) -> None:
    slides, room_mic = Source("slides", "screen", "video"), Source("room", "microphone", "audio")
    room = Room(tmp_path, FRONT, LECTERN, slides, room_mic)
    # Whichever opened first, the order is that of the room.
    room.video(8 / FPS, 3)
    room.video(0.0, 3, "slides", size=(480, 270))
    room.audio(0.3, 3)
    room.audio(0.0, 3, "room", encode=("-c:a", "aac", "-b:a", "64k", "-ac", "2", "-ar", "44100"))
    made = room.assemble()
    assert list(made) == ["front.mp4", "slides.mp4", "lectern.m4a", "room.m4a"]
    with av.open(str(made["slides.mp4"].path)) as container:
        assert container.streams.audio[0].rate == 48_000
    assert decode_errors(made["room.m4a"].path) == ""
    assert made["room.m4a"].seconds == pytest.approx(3.3, abs=0.05)


def test_when_the_first_microphone_recorded_nothing_the_second_speaks(tmp_path: Path) -> None:
    room = Room(tmp_path, FRONT, LECTERN, Source("room", "microphone", "audio"))
    room.video(0.0, 3)
    room.audio(0.0, 3, "room")
    in_sync(flashes_and_beeps(room.assemble()["front.mp4"].path), 2)


# -- two microphones, of which the preferred one was lost


def test_while_the_lectern_is_lost_the_other_microphone_is_heard(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.lesson.sources.append(Source("table", "microphone", "audio", "Table"))
    room.video(0, 20)
    room.audio(0, 7.3, ended="lost")
    room.audio(13.1, 6.9)
    add_audio(room.lesson, room.folder, "table", 0.05, 19.9)
    made = room.assemble()
    pairs = flashes_and_beeps(made["front.mp4"].path)
    in_sync(pairs, 10)
    assert decode_errors(made["front.mp4"].path) == ""
    with av.open(str(made["front.mp4"].path)) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.size]
        titles = [
            (round(float(chapter["start"] * chapter["time_base"]), 1), chapter["metadata"]["title"])
            for chapter in container.chapters()
        ]
    assert times == [1024 * number for number in range(len(times))]
    assert [(at, title) for at, title in titles if "Sound" in title] == [
        (7.3, "Gap: Lectern, 5.8 s · Sound: Table"),
        (13.1, "Sound: Lectern"),
    ]
    assert {"lectern.m4a", "table.m4a"} <= set(made)
