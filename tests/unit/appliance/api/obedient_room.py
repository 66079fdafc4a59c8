"""A room for tests of its API: everything real but the recorder, which obeys and records nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from appliance.api.app import create_app
from appliance.api.board import Board
from appliance.api.books import Books
from appliance.api.desk import Desk
from appliance.api.devices import Devices
from appliance.api.doors import Doors
from appliance.api.errands import Errands
from appliance.api.remote import Remote
from appliance.api.room import Room
from appliance.api.setup import Setup
from appliance.api.who import Who
from appliance.config import load, parse
from appliance.errors import AlreadyRecording, NotRecording, WrongState
from appliance.events import Bus
from appliance.logs import Recent
from appliance.recorder.plan import plan_sources
from appliance.recorder.preview import Preview
from appliance.recorder.selftesting import SelfTesting
from appliance.recorder.status import LessonStatus, RecorderStatus, SourceStatus
from appliance.room.fittings import Fittings
from appliance.room.places import Places
from appliance.room.poller import Poller
from appliance.room.scenes import Scenes
from appliance.room.timetable import Follower
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger

PORT = 8400
BASE = f"http://127.0.0.1:{PORT}"
IDLE = RecorderStatus(
    "ready",
    None,
    (SourceStatus("front", "camera", "video", "Front camera", "sim"),),
    500_000_000_000,
    1_000_000_000_000,
    100.0,
)
ROOM_TOML = """
[room]
name = "Amphi A"
[server]
url = "http://127.0.0.1:8500"
[[camera]]
id = "front"
driver = "sim"
label = "Front camera"
"""


@dataclass
class ObedientRecorder:
    """Keeps the state a recorder would have, without recording."""

    now: RecorderStatus = IDLE
    heard: list[str] = field(default_factory=list)
    restarts: list[bool] = field(default_factory=list)
    at_the_panel: Callable[[], str] = str

    async def start(self, title: str) -> None:
        if self.now.lesson is not None:
            raise AlreadyRecording("A lesson is being recorded; stop it first.")
        self.heard.append(title)
        teacher = self.at_the_panel()
        lesson = LessonStatus("01JD4R6YJ3M3W9VZB0Q7RZB6C5", title, "recording", 1_700_000_000.0, 0.0, 0, 0, teacher)
        self.now = replace(self.now, state="recording", lesson=lesson)

    def _lesson(self) -> LessonStatus:
        if self.now.lesson is None:
            raise NotRecording("No lesson is being recorded; start one first.")
        return self.now.lesson

    async def pause(self) -> None:
        if self._lesson().state == "paused":
            raise WrongState("The lesson is paused already.")
        self.now = replace(self.now, state="paused", lesson=replace(self._lesson(), state="paused"))

    async def resume(self) -> None:
        self.now = replace(self.now, state="recording", lesson=replace(self._lesson(), state="recording"))

    async def stop(self) -> None:
        self._lesson()
        self.now = replace(self.now, state="ready", lesson=None)

    async def stop_softly(self) -> None:
        self.now = replace(self.now, state="stopping", lesson=self._lesson(), undo_seconds=30.0)

    async def undo(self) -> None:
        if not self.now.undo_seconds:
            raise WrongState("There is no stop that could be undone.")
        self.now = replace(self.now, state="recording", undo_seconds=0.0)

    async def taught_by(self, teacher: str) -> None:
        self.now = replace(self.now, lesson=replace(self._lesson(), teacher=teacher))

    async def mark(self, label: str) -> None:
        self.now = replace(self.now, lesson=replace(self._lesson(), marks=self._lesson().marks + 1))
        self.heard.append(label)

    def status(self) -> RecorderStatus:
        return self.now


def make_room(spool_root: Path, more: str = "", *, file: Path | None = None) -> tuple[Room, ObedientRecorder]:
    """more: added to room.toml. file: a room.toml to take instead."""
    config = load(file) if file is not None else parse(ROOM_TOML + more)
    spool = Spool(spool_root)
    spool.prepare()
    Ledger(spool.ledger_file).close()
    recorder, bus = ObedientRecorder(), Bus()
    preview = Preview({}, bus, "ffmpeg")
    devices = Devices(config, recorder.status, preview)
    books = Books(spool, config.server.url)
    remote = Remote(spool)
    timetable = Follower(config.tables.timetable, recorder, bus, spool, Clock(spool))
    who, restarts = Who(spool), recorder.restarts
    recorder.at_the_panel = who.begins
    doors = Doors(spool)
    setup = Setup(config, spool, doors, preview, status=recorder.status, restart=lambda: restarts.append(True))
    desk = Desk(doors, who, Errands(spool_root, None, BASE), Recent(), lambda: restarts.append(True), setup)
    fittings = Fittings(config.devices, Poller(config.devices), Places(spool.root / "places"), bus, preview.snapshot)
    scenes = Scenes(config.tables.scenes, config.devices, recorder.status, bus)
    testing = SelfTesting(
        config.tables.selftest,
        config.tables.judge,
        plan_sources(config),
        spool,
        bus,
        url=BASE,
        ffmpeg="ffmpeg",
        boot="this one",
        idle=lambda: recorder.now.state == "ready",
    )
    board = Board(
        config,
        recorder,
        books,
        devices,
        testing=testing,
        fittings=fittings,
        scenes=scenes,
        remote=remote,
        timetable=timetable,
        who=who,
        setup=setup,
    )
    return Room(
        config, recorder, preview, spool, bus, books, board, devices, remote, timetable, fittings, scenes, testing, desk
    ), recorder


def client_of(room: Room) -> httpx.AsyncClient:
    """Speaks to the room as the panel's page does."""
    transport = httpx.ASGITransport(create_app(room, host="127.0.0.1", port=PORT), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE)
