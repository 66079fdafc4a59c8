"""The one sentence on the panel must be true, and about the gravest thing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.api.board import heard_of
from appliance.api.health import JudgedRoom, Silence, judge
from appliance.config import Device, DiskTable
from appliance.recorder.judge.facts import Verdict
from appliance.recorder.status import Problem, RecorderStatus, SourceStatus
from appliance.thresholds import JudgeTable

GB = 1_000_000_000
FRONT = SourceStatus("front", "camera", "video", "Front camera", "sim", "recording", 1000, 0.1)
BOARD = SourceStatus("board", "camera", "video", "Board camera", "sim", "recording", 1000, 0.1)
LECTERN = SourceStatus("lectern", "microphone", "audio", "Lectern", "sim", "recording", 1000, 0.1, -30.0, -20.0)
WELL = RecorderStatus("recording", None, (FRONT, BOARD, LECTERN), 50 * GB, 100 * GB, 40.0)
DISK = DiskTable()


def test_all_well() -> None:
    assert judge(WELL, {}, DISK).model_dump() == {"code": "all-well", "level": "ok", "facts": {}}


def test_a_room_without_sources_cannot_record() -> None:
    assert judge(replace(WELL, sources=()), {}, DISK).code == "no-sources"


@pytest.mark.parametrize(
    ("state", "code", "level"),
    [
        ("lost", "source-lost", "warning"),
        ("stalled", "source-stalled", "warning"),
        ("starting", "source-starting", "ok"),
    ],
)
def test_one_source_in_trouble_is_named(state: str, code: str, level: str) -> None:
    health = judge(replace(WELL, sources=(FRONT, replace(BOARD, state=state), LECTERN)), {}, DISK)  # type: ignore[arg-type]  # parametrised text
    assert (health.code, health.level) == (code, level)
    assert health.facts["label"] == "Board camera"


def test_everything_lost_is_an_error() -> None:
    lost = tuple(replace(source, state="lost") for source in WELL.sources)
    health = judge(replace(WELL, sources=lost), {}, DISK)
    assert (health.code, health.level, health.facts["count"]) == ("source-lost", "error", 3)


def test_a_camera_that_is_not_there_is_told_before_start() -> None:
    away = replace(FRONT, state="idle", problem=Problem("camera-unreachable", "Not there."))
    health = judge(replace(WELL, state="ready", sources=(away, replace(BOARD, state="idle"))), {}, DISK)
    assert (health.code, health.facts["problem"]) == ("source-lost", "camera-unreachable")


def test_the_disk_counts_without_its_reserve() -> None:
    assert judge(replace(WELL, disk_free=2 * GB), {}, DISK).code == "disk-full"
    assert judge(replace(WELL, hours_left=3.9), {}, DISK).code == "disk-low"


def test_a_full_disk_is_graver_than_a_lost_camera() -> None:
    status = replace(WELL, disk_free=0, sources=(replace(FRONT, state="lost"), BOARD))
    assert judge(status, {}, DISK).code == "disk-full"


def test_a_silent_microphone_is_told_within_ten_seconds() -> None:
    silence = Silence(JudgeTable())
    quiet = replace(LECTERN, rms_db=-120.0, peak_db=-120.0)
    silent = {}
    for second in range(10):
        silent = silence.observe((quiet,), float(second))
    assert judge(replace(WELL, sources=(FRONT, quiet)), silent, DISK).code == "microphone-silent"


def test_a_pause_for_breath_is_no_silence() -> None:
    silence = Silence(JudgeTable())
    quiet = replace(LECTERN, peak_db=-70.0)
    for second in range(40):
        source = LECTERN if second % 7 == 0 else quiet
        assert silence.observe((source,), float(second)) == {}


def test_silence_nobody_watched_is_not_claimed() -> None:
    silence = Silence(JudgeTable())
    quiet = replace(LECTERN, peak_db=-120.0)
    assert silence.observe((quiet,), 0.0) == {}
    assert silence.observe((quiet,), 3600.0) == {}


def test_what_the_judge_found_is_said_the_gravest_first_and_only_of_what_is_recorded() -> None:
    hum = {"lectern": {"sound-hum": Verdict("sound-hum", 3.0, {"hertz": 50})}}
    black = {"front": {"picture-black": Verdict("picture-black", 1.0)}}
    said = judge(WELL, {}, DISK, JudgedRoom({**hum, **black}))
    assert (said.code, said.level, said.facts["label"]) == ("picture-black", "warning", "Front camera")
    assert judge(WELL, {}, DISK, JudgedRoom(hum)).facts["hertz"] == 50
    stopped = replace(WELL, sources=(BOARD, replace(LECTERN, state="idle")))
    assert judge(stopped, {}, DISK, JudgedRoom(hum)).code == "all-well"


def test_who_teaches_while_nothing_records_is_asked() -> None:
    said = judge(replace(WELL, state="ready"), {}, DISK, JudgedRoom(speaking=("lectern",)))
    assert (said.code, said.facts["source"]) == ("speech-unrecorded", "lectern")


def test_a_mute_and_a_lamp_that_may_lie_are_said_aloud() -> None:
    switch, lamp = Device("input", "switch", "sim", "Mute switch"), Device("indicator", "lamp", "sim", "")
    said = judge(WELL, {}, DISK, JudgedRoom(muting=(switch,), doubtful=(lamp,)))
    assert (said.code, said.facts["label"]) == ("muted", "Mute switch")
    said = judge(WELL, {}, DISK, JudgedRoom(doubtful=(lamp, lamp)))
    assert (said.code, said.facts["label"], said.facts["count"]) == ("lamp-lost", "lamp", 2)


def test_of_several_microphones_the_first_that_delivers_is_heard() -> None:
    table = replace(LECTERN, id="table")
    assert heard_of((FRONT, LECTERN)) is None
    assert heard_of((FRONT, LECTERN, table)) == "lectern"
    assert heard_of((FRONT, replace(LECTERN, state="lost"), table)) == "table"
    assert heard_of((replace(LECTERN, state="lost"), replace(table, state="stalled"))) is None


def test_what_gave_way_is_said_after_what_is_wrong_and_before_all_is_well() -> None:
    shed = JudgedRoom(shed=("load-preview", "load-judge"))
    assert (judge(WELL, {}, DISK, shed).code, judge(WELL, {}, DISK, shed).level) == ("load-judge", "warning")
    assert judge(replace(WELL, hours_left=1.0), {}, DISK, JudgedRoom(shed=("disk-quality",))).code == "disk-low"
    assert judge(replace(WELL, hours_left=4.5), {}, DISK, JudgedRoom(shed=("disk-quality",))).code == "disk-quality"
