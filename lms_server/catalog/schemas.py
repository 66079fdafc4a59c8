"""What the catalogue shows: frozen, validated, fit for JSON. The API and the portal's pages speak these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Role = Literal["admin", "it", "teacher", "student", "service"]
ROLES: tuple[Role, ...] = ("admin", "it", "teacher", "student", "service")
SEES_EVERYTHING: frozenset[Role] = frozenset({"admin", "it", "service"})
"""Roles that see takes as recorded, lessons not ready yet, and the rooms."""
EDITS: frozenset[Role] = frozenset({"admin", "it", "teacher"})
"""Roles that change what is said of a lesson, and who sees it."""
Scope = Literal[
    "lessons:read",
    "lessons:edit",
    "lessons:upload",
    "people:edit",
    "courses:edit",
    "rooms:read",
    "rooms:command",
    "audit:read",
    "metrics:read",
]
SCOPES: dict[Scope, frozenset[Role]] = {
    "lessons:read": frozenset(ROLES),
    "lessons:edit": EDITS,
    "lessons:upload": frozenset({"admin", "service"}),
    "people:edit": frozenset({"admin", "service"}),
    "courses:edit": frozenset({"admin", "service"}),
    "rooms:read": SEES_EVERYTHING,
    "rooms:command": frozenset({"admin", "it"}),
    "audit:read": frozenset({"admin"}),
    "metrics:read": SEES_EVERYTHING,
}
"""What a token may be for, and the roles that have that right to give. A scope never adds to what the role may do."""
Publication = Literal["private", "published", "withdrawn"]
LessonState = Literal["receiving", "assembling", "ready", "failed"]
FileKind = Literal[
    "programme",
    "composed",
    "audio",
    "take",
    "manifest",
    "poster",
    "thumbnail",
    "slidecast",
    "proxy",
    "captions",
    "file",
]
RENDITIONS: frozenset[str] = frozenset({"poster", "slidecast", "proxy"})
"""Kinds that the room makes small, so that they arrive first: usable before anything was assembled. Those that no room
sent the server makes."""


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Person(View):
    """name: the login. institution: "" with institution_id None for those of the whole server, who see every
    institution. full_name: as lessons name a teacher; may be empty. scopes: what the token they came by is for; None
    for everything that the role may do, as with a login. token: its first signs; address: from where they ask; both for
    the audit log, and "" where nobody knows."""

    id: int
    name: str
    role: Role
    institution_id: int | None = None
    institution: str = ""
    full_name: str = ""
    scopes: frozenset[Scope] | None = None
    token: str = Field(default="", exclude=True)
    address: str = Field(default="", exclude=True)

    @property
    def sees_everything(self) -> bool:
        return self.role in SEES_EVERYTHING

    @property
    def edits(self) -> bool:
        return self.role in EDITS

    @property
    def staff(self) -> bool:
        """Whether lessons that are not published are there too."""
        return self.role != "student"

    def looks_after(self, scope: Scope) -> bool:
        """An admin, and a program whose token names this scope: what was once given a token for everything, to fetch
        recordings with, does not look after people for it."""
        named = self.scopes is not None and scope in self.scopes
        return self.role == "admin" or (self.role in SCOPES[scope] and named)


class PersonView(View):
    """A person as an admin sees them. own_login: whether they come by their institution's own login, which says anew
    each time what they are; password: whether they have one here; card: whether they have one for the rooms' panels.
    revision: give it back to change this one or nothing,
    see ``revisions``."""

    id: int
    name: str
    full_name: str
    role: Role
    institution: str
    own_login: bool
    password: bool
    card: bool
    revision: str


class PeoplePage(View):
    """next: give it back as ``after`` to get the following people; None at the end."""

    items: list[PersonView]
    next: str | None


class TokenView(View):
    """A token as its owner sees it again: never the token. prefix: its first signs. scopes: None for all of the role's.
    Times are Unix seconds; expires: None for never."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope] | None
    made: float
    expires: float | None
    last_used: float | None
    revoked: float | None
    valid: bool


class Gap(View):
    """Seconds on the lesson's timeline; why is a code: late, lost, cut, full, paused, stopped."""

    source: str
    at: float
    seconds: float
    why: str


class Mark(View):
    at: float
    label: str


class Part(View):
    """A stretch that is shown, in seconds on the lesson's timeline."""

    at: Annotated[float, Field(ge=0, le=604800, allow_inf_nan=False)]
    seconds: Annotated[float, Field(gt=0, le=604800, allow_inf_nan=False)]
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class Source(View):
    """quality: codes of what the room's judge found wrong with its takes, each once. driver: empty for lessons that
    arrived before the catalogue kept it."""

    id: str
    kind: str
    media: str
    label: str
    driver: str = ""
    quality: list[str] = []


class File(View):
    """A file of a lesson. url is a path on this server that needs the same login or token. programme: a whole MP4 of
    one picture source; composed: one of two, the slides large; audio: a whole M4A of one microphone; slidecast: sound
    and slides in one small MP4; proxy: one small film; poster: a picture; thumbnail: a smaller one; captions: WebVTT,
    its source is the language; take, manifest, file: as the room recorded them."""

    name: str
    kind: FileKind
    source: str
    bytes: int
    sha256: str
    url: str
    content_type: str
    seconds: float | None


class LessonSummary(View):
    """started: Unix seconds by the room's clock. title may be empty until lesson.json came. problem: one sentence, why
    it failed, or what is missing from a ready one. received: Unix seconds by the server's clock when its first byte was
    announced. bytes: of what is stored. publication: what people decided; publish_at: Unix seconds from which it
    counts, 0 is at once; published: whether students may see it now. course: its code; empty, as its title and its
    term are, for a lesson of no course. thumbnail: the url of a small picture of it; empty while there is none."""

    id: str
    title: str
    room: str
    room_id: str
    institution: str
    teacher: str
    language: str
    course_id: int | None = None
    course: str = ""
    course_title: str = ""
    term: str = ""
    started: float
    seconds: float
    state: LessonState
    problem: str
    received: float
    bytes: int
    gap_count: int
    publication: Publication = "published"
    publish_at: float = 0.0
    published: bool = True
    thumbnail: str = ""


class LessonDetail(LessonSummary):
    """description: a few paragraphs by a person. parts: the stretches that are shown, ascending; none: all of it. Files
    are whole all the same."""

    description: str = ""
    parts: list[Part] = []
    gaps: list[Gap]
    marks: list[Mark]
    sources: list[Source]
    files: list[File]

    @property
    def open_to_all(self) -> bool:
        """Whether there is something whole to play, so that whoever may see it can open it."""
        return self.state == "ready" or any(file.kind == "slidecast" for file in self.files)


class TermView(View):
    """first_day, last_day: ISO dates, both within the term. current: whether today is. revision: as of a person."""

    id: int
    name: str
    institution: str
    first_day: str
    last_day: str
    current: bool
    revision: str


class CourseName(View):
    """A course as it is chosen from others."""

    id: int
    code: str
    title: str
    term: str
    term_id: int
    institution: str


class CourseView(CourseName):
    """teachers: their names. students: how many. taught: whether who asks teaches it. lessons: how many of it who asks
    may see. revision: as of a person; of its code, its title and how long it is kept."""

    teachers: list[str]
    students: int
    taught: bool
    lessons: int
    revision: str


MemberPart = Literal["teacher", "student"]


class MemberView(View):
    """Somebody who takes part in a course. name: their login. part: in this course, whatever they are elsewhere."""

    person_id: int
    name: str
    full_name: str
    part: MemberPart


class MembersPage(View):
    """next: as of ``PeoplePage``."""

    items: list[MemberView]
    next: str | None


class JobView(View):
    """What the workers do, or are to do, for a lesson. goal: files, one film of two pictures, captions, or a small form
    that the room did not send. state: a worker is at it, it waits for one, or was put off after a failure until
    retry_at; given-up: nobody tries again. progress: of what a worker is at, 0 to 1; None where nobody knows. attempts:
    that failed; problem: why the last one did, one sentence."""

    lesson: str
    title: str
    room: str
    institution: str
    goal: Literal["files", "film", "captions", "slidecast", "proxy", "thumbnail"]
    state: Literal["working", "waiting", "put-off", "given-up"]
    progress: float | None = None
    attempts: int
    retry_at: float | None
    problem: str


class LessonPage(View):
    """next: give it back as ``page`` to get the following lessons; None at the end."""

    items: list[LessonSummary]
    next: str | None


class SourceHealth(View):
    """state: by the room's evidence. problem: a code, or empty."""

    id: str
    label: str
    state: str
    problem: str


class Health(View):
    """A room's last heartbeat. received: Unix seconds by the server's clock; the rest was true then. disk_hours: of
    recording that fit; backlog: bytes without a receipt, by tier; forecast: seconds until they are sent; kept: lessons
    whose recordings a teacher keeps in the room; next_title, next_begin: of the next lesson of its timetable. finding:
    the gravest that the room finds itself, a code, empty when all is well; finding_of: the device's label."""

    received: float
    version: str
    state: str
    title: str
    sources: list[SourceHealth]
    disk_hours: float | None
    backlog: dict[str, int]
    problem: str
    forecast: float | None
    clock_ahead: float
    kept: list[str]
    next_title: str = ""
    next_begin: float | None = None
    finding: str = ""
    finding_of: str = ""

    @property
    def waiting(self) -> int:
        """Bytes."""
        return sum(self.backlog.values())


CommandState = Literal["queued", "delivered", "done", "refused", "expired"]


class CommandView(View):
    """What somebody wanted a room to do, and what became of it. Times are the server's. outcome: a code."""

    id: str
    room_id: str
    verb: str
    title: str
    lesson: str
    by: str
    made: float
    expires: float
    delivered: float | None
    done: float | None
    state: CommandState
    outcome: str
    detail: str


Need = Literal["visit", "look"]
"""Whether somebody must go to the room, or can see to it from their desk."""
TroubleCode = Literal[
    "never-called",
    "room-silent",
    "room-quiet",
    "recorder-down",
    "cannot-record",
    "source-down",
    "lesson-silent",
    "lesson-without",
    "lesson-poor",
    "disk-filling",
    "clock-wrong",
    "version-behind",
    "cannot-send",
    "backlog-growing",
    "lessons-failed",
]


class Trouble(View):
    """What is wrong with a room. names: of the devices concerned, or the version wanted. seconds: of silence, of
    recording that still fit, or by which the clock is ahead; bytes: that wait in the room; number: of lessons; finding:
    what the room's judge says.
    """

    code: TroubleCode
    need: Need
    names: list[str] = []
    seconds: float | None = None
    bytes: int | None = None
    number: int | None = None
    finding: str = ""


class AlarmView(View):
    """What was wrong with a room for long enough that somebody must know. trouble: as it was when it was raised; times
    are Unix seconds. cleared: None while it lasts. acknowledged_by: a name, empty while nobody has."""

    id: int
    room_id: str
    room: str
    institution: str
    trouble: Trouble
    raised: float
    cleared: float | None
    acknowledged: float | None
    acknowledged_by: str


class RoomName(View):
    """A room as it is chosen from others."""

    id: str
    name: str
    institution: str


class RoomView(View):
    """last_seen: Unix seconds by the server's clock, None before the first signed request. lessons: how many came or
    are coming; receiving: how many of them are still on their way; failed: how many could not be made ready. health:
    None before the first heartbeat. lows: the least that waited in the room, in bytes, on each of the last days since
    nothing did. wanted: the version of Darsbox that it shall have, "" for none in particular; released: since when.
    troubles: what is wrong now, the worst first. alarms: those that last."""

    id: str
    name: str
    institution: str
    enrolled: float
    last_seen: float | None
    revoked: bool
    lessons: int
    receiving: int
    failed: int
    last_lesson: float | None
    health: Health | None = None
    has_timetable: bool = False
    lows: list[int] = []
    wanted: str = ""
    released: float | None = None
    troubles: list[Trouble] = []
    alarms: list[AlarmView] = []


class AuditEntry(View):
    """What somebody saw or did. number: its place in the log. person: the login of who did it, as it is today; "" for
    who is not known and for the server itself. via: the first signs of a token, ``console``, ``worker``; "" for a
    login. about: an id of a lesson or a room, a person's number, or a token's first signs. title: of a lesson that is
    still there, the name of a room or a person. sha256: of the row and all before it."""

    number: int
    at: float
    institution: str
    person_id: int | None
    person: str
    via: str
    address: str
    action: str
    about: str
    title: str
    facts: dict[str, Any]
    sha256: str


class AuditPage(View):
    """next: give it back as ``page`` to get what was before; None at the end."""

    items: list[AuditEntry]
    next: int | None


class RetentionView(View):
    """How long lessons are kept: ``for ever``, ``400 days``, ``2 terms``. course: "" for all of the institution's whose
    course says nothing else. trash_days: for how long the trash gives back; of institutions alone."""

    institution: str
    course_id: int | None = None
    course: str = ""
    keep: str
    trash_days: int | None = None


class TrashView(View):
    """A lesson in the trash, or held. goes: Unix seconds at which it is deleted for good; None when nothing will."""

    id: str
    title: str
    room: str
    institution: str
    started: float
    seconds: float
    trashed: float | None
    held: float | None
    hold_reason: str
    goes: float | None
