"""The forms in which the room speaks. Codes and figures only: the faces turn them into sentences."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from appliance.config import Language
from appliance.recorder.status import RecorderState, SourceState


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProblemView(View):
    code: str
    detail: str
    facts: dict[str, Any] = {}


class RoomView(View):
    name: str
    institution: str
    language: Language
    languages: list[Language]


class LessonView(View):
    """elapsed: seconds recorded so far, pauses left out; it grows only with evidence. started: Unix seconds."""

    id: str
    title: str
    started: float
    elapsed: float
    marks: int
    gaps: int
    teacher: str = ""
    """Empty for a guest's."""


class SourceView(View):
    """last_byte_age: seconds since bytes of this source became durable. Levels in dB of full scale. heard: of several
    microphones, the one that the lesson's sound is made of now."""

    id: str
    kind: str
    media: str
    label: str
    driver: str
    state: SourceState
    bytes: int
    last_byte_age: float | None
    rms_db: float | None
    peak_db: float | None
    problem: ProblemView | None
    heard: bool = False
    late_fragments: int = 0
    """Those durable more than a second after their last picture, since this source was last opened."""


class DiskView(View):
    free_bytes: int
    total_bytes: int
    hours_left: float


class SyncView(View):
    """Lessons that have not arrived yet, and how much of them has."""

    server: str | None = None
    last_contact: float | None = None
    problem: str | None = None
    lessons_total: int = 0
    lessons_waiting: int = 0
    bytes_total: int = 0
    bytes_sent: int = 0


class HealthView(View):
    code: str
    level: Literal["ok", "warning", "error"] = "ok"
    facts: dict[str, Any] = {}


class SelfTestView(View):
    """The last test before class in this run of the machine. at: Unix seconds; wrong: codes by source."""

    at: float
    sources: int
    wrong: dict[str, str]


class MakingView(View):
    """A lesson whose small forms (poster, sound with slides, small picture) are being made this moment: so many are
    settled."""

    lesson: str
    done: int
    of: int


class LastView(View):
    """The lesson kept last, and how far it is on its way."""

    id: str
    title: str
    seconds: float
    state: str
    bytes: int
    sent: int
    receipted: bool


class LampView(View):
    """shown: what the lamp acknowledged last, None before it did; a problem: it may show something else by now."""

    id: str
    label: str
    shown: Literal["off", "recording", "paused", "problem"] | None
    problem: ProblemView | None = None


class RemoteView(View):
    """The last order of the central server that was obeyed. at: Unix seconds by the room's clock."""

    verb: str
    by: str
    command: str
    lesson: str
    at: float


class EventView(View):
    """A lesson of the timetable. begin, end: Unix seconds."""

    title: str
    begin: float
    end: float


class TimetableView(View):
    """The room's timetable. follows: lessons begin and end by it. now: its lesson of this hour, whether or not it is
    recorded. lesson: the id of the lesson that it began and that is on; ends: when that will be ended. problem:
    ``clock-unknown``, ``timetable-unreadable``, or why a lesson could not be begun."""

    follows: bool
    now: EventView | None = None
    next: EventView | None = None
    lesson: str | None = None
    ends: float | None = None
    problem: ProblemView | None = None


class FixtureView(View):
    """A panel, or a camera that turns, as it said last; None: it has not said lately. can: what it can be told, in the
    words of room.toml's scenes. volume: percent. presets: places it can turn to; pictures: of those that have one, what
    changes with it. problem: why it does not answer now. telling: it is being told something by hand; untold: why what
    it was told last was not done."""

    id: str
    kind: str
    label: str
    can: list[str] = []
    power: Literal["on", "off", "warming", "cooling"] | None = None
    input: str | None = None
    inputs: list[str] = []
    volume: int | None = None
    mute: bool | None = None
    freeze: bool | None = None
    blank: bool | None = None
    presets: list[str] = []
    pictures: dict[str, str] = {}
    problem: ProblemView | None = None
    telling: bool = False
    untold: ProblemView | None = None


class SceneView(View):
    """A scene that can be touched. playing: devices are being told; done: it was the last to be touched, a moment ago;
    untold: labels of devices that did not do their part of it."""

    name: str
    playing: bool = False
    done: bool = False
    untold: list[str] = []


class WhoView(View):
    """The teacher who stands at the panel; empty: a guest."""

    name: str


class StatusView(View):
    """The whole room at a glance. now: Unix seconds by the room's clock."""

    room: RoomView
    version: str
    now: float
    state: RecorderState
    lesson: LessonView | None
    sources: list[SourceView]
    disk: DiskView
    held_seconds: int = 0
    """The room listens before Start: so many of the last seconds are held in memory, and nothing is written."""
    undo_seconds: float = 0.0
    """The lesson was stopped; for so long that can be undone, and what comes meanwhile is only in memory."""
    sync: SyncView
    health: HealthView
    last: LastView | None
    making: MakingView | None = None
    """None while nothing works on it, so also while a lesson is on."""
    selftest: SelfTestView | None = None
    """None before the first, and while a lesson is on, which is judged itself."""
    testing: bool = False
    """The room is being tried."""
    fixtures: list[FixtureView] = []
    scenes: list[SceneView] = []
    lamps: list[LampView] = []
    muted: bool = False
    """A switch or a button in the room says that nobody shall be heard."""
    occupied: bool | None = None
    """None where no sensor says so."""
    remote: RemoteView | None = None
    """It is about the lesson that is on only if it names that one."""
    timetable: TimetableView | None = None
    """None where the room has none."""
    who: WhoView | None = None
    """None where the room knows no teachers."""
    first_boot: bool = False
    """Nobody has set the room up: it records with what the installer found, and the panel offers to do better."""


class GapView(View):
    source: str
    at: float
    seconds: float
    why: str


class AssetView(View):
    kind: str
    source: str
    path: str
    bytes: int
    sha256: str
    sent: int
    receipted: bool
    removed: bool = False
    """It is on the server, and no longer here."""


class LessonEntry(View):
    """A lesson in the spool. state: as in lesson.json, or ``damaged`` when that cannot be read. removed: some of it is
    only on the server, for its room on the disk was needed."""

    id: str
    title: str
    state: str
    started: float
    seconds: float
    gaps: list[GapView]
    assets: list[AssetView]
    removed: bool = False
    kept_here: bool = False
    """A teacher's wish: its recordings are not sent, and nothing of it is let go."""
    quality: dict[str, list[dict[str, Any]]] = {}
    """What the judge found wrong, by source: lists of {code, from, to, facts}."""


class TierView(View):
    """What of one tier of a lesson has arrived. done_by: Unix seconds at which the rest will be there, None when that
    cannot be said. waiting_for: ``kept-here``, a teacher's wish, or a code of the sync agent (``paused-by-hours``,
    ``daily-budget``, ``monthly-budget``, ``metered``)."""

    tier: str
    bytes: int
    sent: int
    receipted: bool
    refused: bool = False
    done_by: float | None = None
    waiting_for: str | None = None


class DeliveryView(View):
    """A lesson on its way. started: Unix seconds. kept_here: a teacher wants its recordings to stay in the room."""

    id: str
    title: str
    started: float
    seconds: float
    tiers: list[TierView]
    kept_here: bool = False


class DeliveriesView(View):
    """done_by: Unix seconds at which all will have arrived. older: lessons that are not told of."""

    done_by: float | None
    lessons: list[DeliveryView]
    older: int


class DeviceView(View):
    """A device of room.toml, or one that was found and is not in it; then config is what room.toml would need.

    found: it is there, as far as can be told. matched: this machine has the driver that room.toml names. healthy: it is
    willing; problem: why not. state: what a panel or a camera that turns said last.
    """

    id: str | None
    kind: str
    driver: str
    title: str
    configured: bool
    found: bool
    matched: bool
    healthy: bool
    problem: ProblemView | None = None
    config: dict[str, str | int | float | bool] | None = None
    state: dict[str, str | int | bool] | None = None


class SessionView(View):
    """Of the IT screen. seconds: how long it lasts."""

    token: str
    seconds: float


class FindingView(View):
    """What the doctor found. why: what it matters for. advice: the next thing to do, empty when there is nothing."""

    what: str
    level: Literal["ok", "warning", "error"]
    fact: str
    why: str = ""
    advice: str = ""


class StickView(View):
    """A medium that is mounted and may be written to. Bytes."""

    path: str
    free: int
    total: int


class ExportView(View):
    """left: bytes that did not fit. said: what went wrong, in English."""

    path: str
    state: Literal["running", "done", "failed"]
    bytes: int = 0
    left: int = 0
    said: str = ""


class LogView(View):
    """at: Unix seconds."""

    at: float
    level: str
    text: str


class ItView(View):
    """What the IT screen shows beside the status. seconds: how long the session still lasts. log: newest last."""

    seconds: int
    host: str
    addresses: list[str]
    sticks: list[StickView]
    export: ExportView | None
    log: list[LogView]


class ChosenView(View):
    """A device that shall be recorded, of those that were seen."""

    key: str
    kind: str
    title: str


class CandidateView(View):
    """A device that could be recorded. source: by which pictures and levels name it. problem: why it is unwilling."""

    key: str
    kind: str
    driver: str
    title: str
    source: str
    problem: ProblemView | None
    chosen: bool


class SetupView(View):
    """What was chosen so far of a room that is being set up; None: not yet. suggested: the room's name as it is.
    server: the one that was joined. later: none for now, by somebody's wish. pin: whether technicians have one."""

    first_boot: bool
    language: str | None
    name: str | None
    suggested: str
    devices: list[ChosenView] | None
    server: str | None
    later: bool
    pin: bool
