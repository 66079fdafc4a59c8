"""One film of slides and teacher: what a student sees of both, also while one is missing, in step with the sound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from media.assemble import Output
from media.compose import FORMS, STAGES, Form, NothingToCompose, Place, compose
from media.lesson import Source
from media.renditions.layout import lay_out
from tests.measure import beeps, boxes, decode_errors, durations, flashes_and_beeps
from tests.measure.room import FRONT, LECTERN, Room, in_sync

SLIDES = Source("slides", "screen", "video", "Slides", driver="screen")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """8 s; from 3 to 5 s the camera was lost."""
    room = Room(tmp_path_factory.mktemp("composed"), FRONT, SLIDES, LECTERN)
    room.video(0.0, 3, ended="lost")
    room.video(5.0, 3)
    room.video(0.0, 8, "slides", size=(480, 270))
    room.audio(0.0, 8)
    return room


def composed(room: Room, form: Form) -> Output:
    films = [output.path for output in room.assemble().values() if output.kind == "programme"]
    said: list[str] = []
    layout = lay_out(room.lesson, lambda take: room.folder / take.file)
    film = compose(layout, films, form, room.out.parent, report=said.append)
    assert said == []
    return film


@pytest.mark.parametrize("form", FORMS)
def test_both_pictures_are_seen_and_a_lost_one_leaves_an_empty_place(room: Room, form: Form) -> None:
    film = composed(room, form)
    assert (film.name, film.kind, film.content_type) == (f"composed-{form}.mp4", "composed", "video/mp4")
    assert decode_errors(film.path) == ""
    assert durations(film.path).file == pytest.approx(8.0, abs=0.05)
    names = boxes(film.path)
    assert names.index("moov") < names.index("mdat")
    stage = STAGES[form]
    recorded, lost = moment(film.path, 1.0), moment(film.path, 4.5)
    assert recorded.shape == (stage.height, stage.width)
    assert recorded[inside(stage.slides, stage.other)].std() > 4
    assert recorded[inside(stage.other)].std() > 4
    assert lost[inside(stage.slides, stage.other)].std() > 4
    assert lost[inside(stage.other)].std() < 2


def test_it_keeps_step_with_the_sound_and_names_every_gap(room: Room) -> None:
    film = composed(room, "side").path
    in_sync(flashes_and_beeps(film), 4)
    assert beeps(film) == beeps(room.out / "front.mp4")
    with av.open(str(film)) as container:
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
        assert container.metadata["title"] == "Forces and motion"
    assert titles == ["Forces and motion", "Gap: Front camera, 2.0 s"]


def test_of_one_picture_nothing_can_be_composed(tmp_path: Path) -> None:
    alone = Room(tmp_path)
    alone.video(0.0, 1)
    with pytest.raises(NothingToCompose, match="nothing to compose"):
        composed(alone, "pip")
    assert list(tmp_path.glob("*composed*")) == []


def test_the_server_s_worker_makes_one_beside_the_files_of_a_lesson(room: Room) -> None:
    films = [str(output.path) for output in room.assemble().values() if output.kind == "programme"]
    manifest = room.folder / "lesson.json"
    manifest.write_text(room.lesson.to_json())
    files = {take.file: str(room.folder / take.file) for take in room.lesson.takes}
    order = {"manifest": str(manifest), "files": files, "out": str(room.out.parent), "films": films}
    order |= {"goal": "film", "progress": str(room.out.parent / "progress")}
    process = [sys.executable, "-m", "lms_server.worker.assembly"]
    with subprocess.Popen(process, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(order) + "\n")
        worker.stdin.flush()
        (made,) = json.loads(worker.stdout.read())["outputs"]
    assert (made["name"], made["kind"]) == ("composed-pip.mp4", "composed")
    assert made["seconds"] == pytest.approx(8.0, abs=0.05)
    assert 0.0 <= float((room.out.parent / "progress").read_text()) <= 1.0


def moment(film: Path, seconds: float) -> np.ndarray:
    """The picture's brightness at that time."""
    with av.open(str(film)) as container:
        frame = next(frame for frame in container.decode(video=0) if (frame.time or 0) >= seconds)
        return frame.to_ndarray(format="gray").astype(float)


def inside(place: Place, without: Place | None = None) -> tuple[slice, slice]:
    """The middle of a place; or its left half, where the other one does not cover it."""
    right = place.left + place.width
    if without is not None and without.left < right:
        right = without.left
    return slice(place.top + 16, place.top + place.height - 16), slice(place.left + 16, right - 16)
