"""A class must be recorded without a touch, and nobody may be recorded who does not expect it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from appliance.errors import AlreadyRecording, CannotRecord, NotRecording, RoomError, WrongState
from appliance.events import Bus
from appliance.recorder.status import LessonStatus, RecorderStatus
from appliance.room import agenda
from appliance.room.agenda import Held, Memory
from appliance.room.timetable import Follower
from appliance.schedule import TimetableTable
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool
from media.timetable import Event

TEN = 1_795_255_200.0
HOUR = 3600.0
ALGEBRA = Event(TEN, TEN + 1.5 * HOUR, "algebra", "Algebra II")
PHYSICS = Event(TEN + 1.5 * HOUR, TEN + 3 * HOUR, "physics", "Physics")
IDLE = RecorderStatus("ready", None, (), disk_free=1, disk_total=1, hours_left=1.0)

pytestmark = pytest.mark.anyio


@dataclass
class Classroom:
    """A recorder that obeys, a clock that is set, and a daemon that may be started again."""

    folder: Path
    events: tuple[Event, ...] = (ALGEBRA, PHYSICS)
    now: float | None = TEN - HOUR
    table: TimetableTable = field(default_factory=TimetableTable)
    lesson: LessonStatus | None = None
    refuses: RoomError | None = None
    count: int = 0
    muted: bool = False

    def __post_init__(self) -> None:
        self.spool = Spool(self.folder)
        self.spool.prepare()
        self.boot()

    def boot(self) -> None:
        """A new daemon."""

        def wall() -> float:
            return self.now or 0.0

        self.clock = Clock(self.spool, wall=wall, uptime=wall, boot=lambda: "this run")
        self.follower = Follower(self.table, self, Bus(), self.spool, self.clock, muted=lambda: self.muted, wall=wall)
        diary = self.follower._diary
        diary.events, diary.there = self.events, True

    async def at(self, now: float | None) -> str:
        """The title of what is recorded once the clock says so, "" for nothing."""
        self.now = now
        self.follower._again_at = 0.0
        await self.follower.follow()
        return self.lesson.title if self.lesson is not None else ""

    # what a recorder does

    async def start(self, title: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        if self.lesson is not None:
            raise AlreadyRecording("A lesson is being recorded; stop it first.")
        self.count += 1
        self.lesson = LessonStatus(f"L{self.count}", title, "recording", self.now or 0.0, 0.0, 0, 0)

    async def stop(self) -> None:
        if self.lesson is None:
            raise NotRecording("No lesson is being recorded; start one first.")
        self.lesson = None

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def mark(self, label: str) -> None: ...

    def status(self) -> RecorderStatus:
        return replace(IDLE, lesson=self.lesson)

    def audited(self) -> list[tuple[str, str]]:
        lines = (self.folder / "audit.log").read_text().splitlines()
        return [(line["what"], line["title"]) for line in map(json.loads, lines) if line["why"] == "timetable"]


@pytest.fixture
def room(tmp_path: Path) -> Classroom:
    return Classroom(tmp_path)


async def test_lessons_begin_and_end_by_themselves_one_after_the_other(room: Classroom) -> None:
    assert await room.at(TEN - 1) == ""
    assert await room.at(TEN) == "Algebra II"
    assert await room.at(ALGEBRA.end - 1) == "Algebra II"
    assert await room.at(ALGEBRA.end) == ""
    assert await room.at(PHYSICS.begin) == "Physics"
    assert await room.at(PHYSICS.end) == ""
    assert room.audited() == [
        ("start", "Algebra II"),
        ("stop", "Algebra II"),
        ("start", "Physics"),
        ("stop", "Physics"),
    ]


async def test_a_lesson_started_by_hand_is_never_ended(room: Classroom) -> None:
    room.now = TEN + 60
    room.events = ()
    await room.start("By hand")
    room.boot()
    room.follower._diary.events = (ALGEBRA, PHYSICS)
    for now in (TEN + 60, ALGEBRA.end, PHYSICS.end, PHYSICS.end + HOUR):
        assert await room.at(now) == "By hand"


async def test_what_was_started_by_hand_before_its_time_is_not_begun_again_when_it_was_stopped(room: Classroom) -> None:
    room.now = TEN - 5 * 60
    await room.start("By hand")
    assert await room.at(TEN + 60) == "By hand"
    await room.stop()
    assert await room.at(TEN + HOUR) == ""
    assert await room.at(PHYSICS.begin) == "Physics"


async def test_a_lesson_begins_late_when_the_one_before_it_ran_over(room: Classroom) -> None:
    room.now = TEN - HOUR
    await room.start("The class before")
    assert await room.at(TEN + 60) == "The class before"
    await room.stop()
    assert await room.at(TEN + 5 * 60) == "Algebra II"


async def test_a_lesson_that_was_stopped_early_is_not_begun_again_not_even_by_a_new_daemon(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    assert await room.at(TEN + 60) == "Algebra II"
    await room.stop()
    assert await room.at(TEN + 120) == ""
    room.boot()
    assert await room.at(TEN + 180) == ""


async def test_a_power_cut_costs_neither_the_lesson_nor_its_end(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    room.boot()  # the recorder has found its lesson again
    assert await room.at(TEN + 600) == "Algebra II"
    shown = room.follower.shown()
    assert shown is not None
    assert (shown.lesson, shown.ends) == ("L1", ALGEBRA.end)
    assert await room.at(ALGEBRA.end) == ""


async def test_its_end_is_known_even_if_the_timetable_has_gone_meanwhile(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    room.events = ()
    room.boot()
    assert await room.at(ALGEBRA.end - 1) == "Algebra II"
    assert await room.at(ALGEBRA.end) == ""


async def test_a_lesson_that_a_long_power_cut_ended_is_begun_again_while_its_time_lasts(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    room.lesson = None  # the recorder has closed it
    room.boot()
    assert await room.at(TEN + HOUR) == "Algebra II"
    assert room.count == 2


async def test_a_daemon_killed_between_the_decision_and_the_start_knows_its_lesson(room: Classroom) -> None:
    agenda.note(room.folder / "timetable.json", Memory(Held(ALGEBRA, asked=TEN)))
    room.now = TEN + 1
    await room.start("Algebra II")
    room.boot()
    assert await room.at(TEN + 2) == "Algebra II"
    assert await room.at(ALGEBRA.end) == ""


async def test_a_daemon_started_in_mid_lesson_begins_it_late_but_not_for_its_last_seconds(room: Classroom) -> None:
    assert await room.at(TEN + HOUR) == "Algebra II"
    await room.stop()
    assert await room.at(PHYSICS.end - 30) == ""


async def test_a_clock_that_is_known_to_be_wrong_begins_and_ends_nothing_and_says_so(room: Classroom) -> None:
    assert await room.at(None) == ""
    shown = room.follower.shown()
    assert shown is not None
    assert shown.problem is not None
    assert shown.problem.code == "clock-unknown"
    assert await room.at(TEN) == "Algebra II"
    assert await room.at(None) == "Algebra II"


async def test_what_a_wrong_clock_began_is_ended_when_the_server_tells_the_time_and_begins_again(
    room: Classroom,
) -> None:
    """Else a dead battery would record an empty room, or somebody else, until the planned end."""
    assert await room.at(TEN) == "Algebra II"
    assert await room.at(TEN - 3 * HOUR) == "Algebra II"  # nobody knows which of the two was right
    room.clock.learn(TEN - 3 * HOUR)
    assert await room.at(TEN - 3 * HOUR) == ""
    assert await room.at(TEN) == "Algebra II"


async def test_a_clock_set_back_begins_no_lesson_twice(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    assert await room.at(ALGEBRA.end) == ""
    assert await room.at(TEN + 60) == ""


async def test_a_teacher_lets_it_run_on_and_the_next_one_waits(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    await room.follower.extend(10)
    room.boot()
    assert await room.at(ALGEBRA.end + 9 * 60) == "Algebra II"
    assert await room.at(ALGEBRA.end + 10 * 60) == ""
    assert await room.at(ALGEBRA.end + 10 * 60 + 1) == "Physics"


async def test_only_what_the_timetable_began_can_run_on(room: Classroom) -> None:
    with pytest.raises(NotRecording):
        await room.follower.extend(10)
    await room.start("By hand")
    with pytest.raises(WrongState):
        await room.follower.extend(10)


async def test_every_lesson_may_run_over_but_not_into_the_next(tmp_path: Path) -> None:
    room = Classroom(tmp_path, table=TimetableTable(overrun_minutes=10))
    assert await room.at(TEN) == "Algebra II"
    assert await room.at(ALGEBRA.end) == ""
    assert await room.at(PHYSICS.begin) == "Physics"
    assert await room.at(PHYSICS.end + 9 * 60) == "Physics"
    assert await room.at(PHYSICS.end + 10 * 60) == ""


async def test_an_end_that_is_moved_while_the_lesson_runs_counts(room: Classroom) -> None:
    assert await room.at(TEN) == "Algebra II"
    room.follower._diary.events = (replace(ALGEBRA, end=ALGEBRA.end + 1800),)
    assert await room.at(ALGEBRA.end) == "Algebra II"
    assert await room.at(ALGEBRA.end + 1800) == ""


async def test_a_room_that_shall_not_follow_only_shows(tmp_path: Path) -> None:
    room = Classroom(tmp_path, table=TimetableTable(follow=False))
    assert await room.at(TEN) == ""
    shown = room.follower.shown()
    assert shown is not None
    assert (shown.follows, shown.now, shown.next) == (False, ALGEBRA, PHYSICS)


async def test_a_room_that_is_muted_begins_nothing(room: Classroom) -> None:
    room.muted = True
    assert await room.at(TEN) == ""
    room.muted = False
    assert await room.at(TEN + 60) == "Algebra II"


async def test_a_lesson_that_cannot_be_begun_is_said_and_tried_again(room: Classroom) -> None:
    room.refuses = CannotRecord("The room has no camera or microphone that can be recorded; see appliance doctor.")
    assert await room.at(TEN) == ""
    shown = room.follower.shown()
    assert shown is not None
    assert shown.problem is not None
    assert (shown.problem.code, shown.problem.facts) == ("cannot-record", {"title": "Algebra II"})
    room.refuses = None
    assert await room.at(TEN + 60) == "Algebra II"
    assert room.follower.shown() is not None


async def test_a_lesson_that_somebody_began_in_the_same_instant_stays_theirs(room: Classroom) -> None:
    room.refuses = AlreadyRecording("A lesson is being recorded; stop it first.")
    assert await room.at(TEN) == ""
    room.refuses = None
    await room.start("By hand")
    assert await room.at(TEN + 1) == "By hand"
    assert await room.at(ALGEBRA.end) == "By hand"


async def test_the_next_lesson_is_known_for_the_test_before_it(room: Classroom) -> None:
    room.now = TEN - 600
    assert room.follower.ahead() == 600
    room.now = None
    assert room.follower.ahead() is None


@pytest.mark.parametrize("body", ["", "{", "[]", '{"held": {"event": 1}, "done": {}}', '{"held": null, "done": 3}'])
def test_a_torn_memory_is_passed_over(tmp_path: Path, body: str) -> None:
    (tmp_path / "timetable.json").write_text(body)
    assert agenda.recall(tmp_path / "timetable.json") == Memory()


def test_what_is_remembered_does_not_grow_for_ever() -> None:
    memory = Memory()
    for day in range(2000):
        memory.finish(Event(day * 60.0, day * 60.0 + 30, str(day), ""), now=0.0)
    assert len(memory.done) == 500
    late = time.time()
    memory.finish(replace(ALGEBRA, begin=late, end=late + 1), now=late)
    assert len(memory.done) == 1
