"""The status of the room, put together from everybody's evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

from appliance.api.books import Books
from appliance.api.devices import Devices, problem_of, problem_view
from appliance.api.fixtures import fixture_view, scene_views
from appliance.api.health import JudgedRoom, Silence, judge
from appliance.api.remote import Remote
from appliance.api.setup import Setup
from appliance.api.views import (
    DiskView,
    EventView,
    LampView,
    LessonView,
    MakingView,
    RoomView,
    SelfTestView,
    SourceView,
    StatusView,
    TimetableView,
    WhoView,
)
from appliance.api.who import Who
from appliance.config import LANGUAGES, Config
from appliance.recorder.judge.supervisor import Judging
from appliance.recorder.load import Shedding
from appliance.recorder.selftesting import SelfTesting
from appliance.recorder.status import RecorderStatus, SourceStatus
from appliance.recorder.touches import Recorder
from appliance.room.buttons import Buttons
from appliance.room.fittings import Fittings
from appliance.room.lamps import Lamps
from appliance.room.scenes import Scenes
from appliance.room.timetable import Follower
from media.timetable import Event

VERSION = version("darsbox")


class Board:
    """What stands on the panel. Cheap enough for several looks a second."""

    def __init__(
        self,
        config: Config,
        recorder: Recorder,
        books: Books,
        devices: Devices,
        judging: Judging | None = None,
        *,
        shedding: Shedding | None = None,
        testing: SelfTesting | None = None,
        making: Callable[[], tuple[str, int, int] | None] = lambda: None,
        lamps: Lamps | None = None,
        buttons: Buttons | None = None,
        fittings: Fittings | None = None,
        scenes: Scenes | None = None,
        remote: Remote | None = None,
        timetable: Follower | None = None,
        who: Who | None = None,
        setup: Setup | None = None,
    ) -> None:
        """judging: None where nothing is judged; shedding: None where nothing gives way; testing: None where nothing is
        tested; making: the lesson whose small forms are being made, how many are settled, and of how many."""
        self._making = making
        self._lamps = lamps
        self._buttons = buttons
        self._fittings = fittings
        self._scenes = scenes
        self._remote = remote
        self._timetable = timetable
        self._who = who
        self._setup = setup
        self._testing = testing
        self._judging = judging
        self._shedding = shedding
        self._config = config
        self._recorder = recorder
        self._books = books
        self._devices = devices
        self._silence = Silence(config.tables.judge)
        room = config.room
        self._room = RoomView(
            name=room.name, institution=room.institution, language=room.language, languages=list(LANGUAGES)
        )

    async def status(self) -> StatusView:
        """The room now."""
        page = await self._books.look()
        found = self._recorder.status()
        sources = tuple(self._with_problem(source, found) for source in found.sources)
        found = replace(found, sources=sources)
        silent = self._silence.observe(found.sources, time.monotonic())
        lesson = found.lesson
        return StatusView(
            room=self._room,
            version=VERSION,
            now=round(time.time(), 3),
            state=found.state,
            lesson=None
            if lesson is None
            else LessonView(
                id=lesson.id,
                title=lesson.title,
                started=lesson.started,
                elapsed=lesson.elapsed,
                marks=lesson.marks,
                gaps=lesson.gaps,
                teacher=lesson.teacher,
            ),
            sources=[_source(source, heard=source.id == heard_of(sources)) for source in sources],
            disk=DiskView(
                free_bytes=found.disk_free, total_bytes=found.disk_total, hours_left=round(found.hours_left, 1)
            ),
            held_seconds=found.held_seconds,
            undo_seconds=found.undo_seconds,
            sync=page.sync,
            health=judge(found, silent, self._config.tables.disk, self._judged(found)),
            last=page.last,
            making=self._made(),
            selftest=self._tested(found),
            testing=self._testing is not None and self._testing.testing,
            fixtures=[fixture_view(each) for each in self._fittings.all()] if self._fittings is not None else [],
            scenes=scene_views(self._scenes) if self._scenes is not None else [],
            lamps=self._shown(),
            muted=self._buttons is not None and self._buttons.muted,
            occupied=self._buttons.occupied if self._buttons is not None else None,
            remote=self._remote.last if self._remote is not None else None,
            timetable=self._planned(),
            who=self._at_the_panel(found),
            first_boot=self._setup is not None and self._setup.first_boot,
        )

    def _at_the_panel(self, status: RecorderStatus) -> WhoView | None:
        who = self._who
        return None if who is None or not who.asked else WhoView(name=who.name(status))

    def _planned(self) -> TimetableView | None:
        shown = self._timetable.shown() if self._timetable is not None else None
        if shown is None:
            return None
        return TimetableView(
            follows=shown.follows,
            now=_event(shown.now),
            next=_event(shown.next),
            lesson=shown.lesson or None,
            ends=shown.ends,
            problem=problem_view(shown.problem),
        )

    def _shown(self) -> list[LampView]:
        if self._lamps is None:
            return []
        return [
            LampView(id=id_, label=label, shown=shown.signal, problem=problem_view(problem_of(shown.problem)))
            for id_, label, shown in self._lamps.seen()
        ]

    def _judged(self, status: RecorderStatus) -> JudgedRoom:
        judging, lamps, buttons = self._judging, self._lamps, self._buttons
        shown = self._timetable.shown() if self._timetable is not None else None
        speaking = judging.unrecorded_speech() if judging is not None and status.state == "ready" else ()
        return JudgedRoom(
            standing=judging.standing if judging is not None else {},
            speaking=speaking,
            shed=tuple(self._shedding.standing) if self._shedding is not None else (),
            tested=self._tested(status),
            muting=buttons.muting if buttons is not None else (),
            doubtful=lamps.doubtful if lamps is not None else (),
            planned=shown.problem.code if shown is not None and shown.follows and shown.problem is not None else "",
            untold=[(each.device, each.problem.code) for each in self._scenes.troubles] if self._scenes else (),
        )

    def _made(self) -> MakingView | None:
        now = self._making()
        return None if now is None else MakingView(lesson=now[0], done=now[1], of=now[2])

    def _tested(self, status: RecorderStatus) -> SelfTestView | None:
        last = self._testing.last if self._testing is not None and status.lesson is None else None
        if last is None:
            return None
        return SelfTestView(at=last.at, sources=last.sources, wrong={each.source: each.code for each in last.wrong})

    def _with_problem(self, source: SourceStatus, status: RecorderStatus) -> SourceStatus:
        """While nothing records, what a check of the device found wrong."""
        problem = self._devices.problems.get(source.id)
        if problem is None or source.problem is not None or status.lesson is not None:
            return source
        return replace(source, problem=problem)


def _event(event: Event | None) -> EventView | None:
    return None if event is None else EventView(title=event.title, begin=event.begin, end=event.end)


def heard_of(sources: Sequence[SourceStatus]) -> str | None:
    """Of several microphones, the first that delivers, in the room's order of preference; else None."""
    microphones = [source for source in sources if source.media == "audio"]
    if len(microphones) < 2:
        return None
    return next((source.id for source in microphones if source.state == "recording"), None)


def _source(source: SourceStatus, *, heard: bool) -> SourceView:
    return SourceView(
        id=source.id,
        kind=source.kind,
        media=source.media,
        label=source.label,
        driver=source.driver,
        state=source.state,
        bytes=source.bytes,
        last_byte_age=None if source.last_byte_age is None else round(source.last_byte_age, 2),
        rms_db=source.rms_db,
        peak_db=source.peak_db,
        problem=problem_view(source.problem),
        heard=heard,
        late_fragments=source.late_fragments,
    )
