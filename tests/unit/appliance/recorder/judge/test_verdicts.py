"""A sentence on the panel must be neither hasty nor sticky."""

from __future__ import annotations

from dataclasses import replace

from appliance.recorder.judge.facts import Picture, Sound
from appliance.recorder.judge.speech import FORGET, SpeechEar
from appliance.recorder.judge.verdicts import BLIND, PROOF, PictureJudge, SoundJudge
from appliance.thresholds import JudgeTable

TABLE = JudgeTable()
GOOD = Picture(120, 20, 120, 200, 240, 50.0, 0.02, 0.7, 5.0, 0.8)
BLACK = replace(GOOD, mean=1, low=0, median=0, bright=1, top=3, detail=0.5, acuity=None)
VOICE = Sound((-30.0, -50.0) * 5, (0.2,) * 10, (0.01,) * 10, -70.0, 3.0, 50)
ZERO = Sound((-120.0,) * 10, (0.0,) * 10, (1.0,) * 10, -120.0, 0.0, 50)


def test_a_slide_that_fades_through_black_disturbs_nobody() -> None:
    judge = PictureJudge(TABLE)
    for number, picture in enumerate([GOOD, BLACK, BLACK, GOOD, BLACK, BLACK, GOOD]):
        judge.see(2.0 * number, picture)
        assert judge.standing == {}


def test_black_is_said_after_its_time_since_when_it_began_and_taken_back_when_it_is_over() -> None:
    judge = PictureJudge(TABLE)
    said = []
    for number, picture in enumerate([GOOD, BLACK, BLACK, BLACK, BLACK, GOOD, GOOD, GOOD]):
        judge.see(2.0 * number, picture)
        said.append("picture-black" in judge.standing)
        if number == 4:
            assert judge.standing["picture-black"].begins == 2.0
    assert said == [False, False, False, False, True, True, False, False]


def test_what_nobody_saw_is_not_held_against_a_camera() -> None:
    judge = PictureJudge(TABLE)
    judge.see(0.0, BLACK)
    judge.see(BLIND + 1, BLACK)
    assert judge.standing == {}


def test_a_slide_without_a_sensor_is_never_frozen() -> None:
    judge = PictureJudge(TABLE)
    slide = replace(GOOD, difference=0.0, noise=0.0)
    for number in range(60):
        judge.see(2.0 * number, slide)
        assert judge.standing == {}


STILL = replace(GOOD, difference=0.0, noise=0.0)


def test_a_camera_of_earlier_lessons_may_be_frozen_from_the_first_picture() -> None:
    judge = PictureJudge(TABLE, known=True)
    for number in range(10):
        judge.see(2.0 * number, STILL)
    assert set(judge.standing) == {"picture-frozen"}


def test_slides_in_the_place_of_a_known_camera_are_not_called_frozen_for_long() -> None:
    judge = PictureJudge(TABLE, known=True)
    for number in range(60):
        judge.see(2.0 * number, replace(STILL, difference=20.0, noise=10.0) if number % 4 == 3 else STILL)
        assert judge.standing == {}


def test_only_a_picture_that_never_stands_still_proves_a_camera_for_the_lessons_to_come() -> None:
    camera, slides = PictureJudge(TABLE), PictureJudge(TABLE)
    for number in range(PROOF):
        assert not camera.proved
        camera.see(2.0 * number, GOOD)
        slides.see(2.0 * number, STILL if number == 7 else GOOD)
    assert camera.proved
    assert not slides.proved


def test_a_muted_microphone_is_not_also_called_silent() -> None:
    judge = SoundJudge(TABLE)
    for number in range(12):
        judge.hear(float(number), ZERO)
    assert set(judge.standing) == {"microphone-muted"}


def test_a_voice_is_never_complained_of() -> None:
    judge = SoundJudge(TABLE)
    for number in range(60):
        judge.hear(float(number), VOICE)
        assert judge.standing == {}


def teach(ear: SpeechEar, begin: float, seconds: float) -> None:
    for tenth in range(round(seconds * 10)):
        ear.hear(begin + tenth / 10, -30.0 if tenth % 15 < 9 else -62.0)


def test_who_teaches_unrecorded_is_noticed_and_who_ended_is_forgotten() -> None:
    ear = SpeechEar(TABLE)
    teach(ear, 0.0, 10.0)
    assert not ear.speaks(10.0)
    teach(ear, 10.0, 20.0)
    assert ear.speaks(29.9)
    for tenth in range(round((FORGET + 30) * 10)):
        ear.hear(30.0 + tenth / 10, -62.0)
        ear.speaks(30.0 + tenth / 10)
    assert not ear.speaks(30.0 + FORGET + 29.9)


def test_a_fan_a_door_and_a_lesson_that_begins_are_no_unrecorded_speech() -> None:
    fan, door, begun = SpeechEar(TABLE), SpeechEar(TABLE), SpeechEar(TABLE)
    for tenth in range(400):
        fan.hear(tenth / 10, -40.0 + tenth % 3)
        door.hear(tenth / 10, -20.0 if tenth in {50, 51, 52} else -60.0)
    teach(begun, 0.0, 40.0)
    begun.forget()
    assert not (fan.speaks(39.9))
    assert not (door.speaks(39.9))
    assert not (begun.speaks(39.9))
