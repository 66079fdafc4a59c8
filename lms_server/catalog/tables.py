"""The tables. ``table=True`` classes do not validate: what comes in is checked before it gets here (wire, schemas).

Every time is a float, Unix seconds of the server's clock, unless it says otherwise.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

from lms_server.catalog.text import indexed

MOST = 20_000
"""Signs by which a lesson is found: its description and marks in full, unless somebody means mischief."""


_TRASHED, _HERE = text("trashed IS NOT NULL"), text("trashed IS NULL")
"""Of an index over all lessons SQLite would believe that few are not in the trash, and begin each list with it."""
_ROW = BigInteger().with_variant(Integer, "sqlite")
"""64 bits in both; SQLite makes only an INTEGER the row's own number."""


class Institution(SQLModel, table=True):
    """keep: how long lessons are kept, see ``retention.Keep``; "" is for ever. trash_days: in which a lesson in the
    trash can be taken back. cards_etag: of the list of its teachers' cards, see ``cards``; "" while there are none."""

    __tablename__ = "institution"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    keep: str = ""
    trash_days: int = 30
    cards_etag: str = ""


class Room(SQLModel, table=True):
    """A classroom and the key of the PC in it. Enrolling again puts another key in the same row."""

    __tablename__ = "room"
    __table_args__ = (UniqueConstraint("institution_id", "name", name="uq_room_institution_name"),)
    id: str = Field(primary_key=True)
    institution_id: int = Field(foreign_key="institution.id")
    name: str
    public_key: str
    enrolled: float
    last_seen: float | None = None
    revoked: float | None = None


class EnrolmentCode(SQLModel, table=True):
    """A code that binds one key to one room, once."""

    __tablename__ = "enrolment_code"
    id: int | None = Field(default=None, primary_key=True)
    code_hash: str = Field(unique=True)
    room_name: str
    institution: str
    made: float
    expires: float
    used: float | None = None


class PersonRow(SQLModel, table=True):
    """``name`` is the login, one on the whole server. institution_id: None for those who look after all of them.
    full_name: as timetables name a teacher. password_hash: empty for who cannot sign in by a password. subject: who
    they are to the institution's own login, its issuer and its name for them; None until they came by it. card: the
    hash of their card for the rooms' panels, see ``lms_sync.wire_cards``; "" for none."""

    __tablename__ = "person"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    institution_id: int | None = Field(default=None, foreign_key="institution.id", index=True)
    full_name: str = ""
    subject: str | None = Field(default=None, unique=True, index=True)
    role: str
    password_hash: str
    made: float
    card: str = ""


class TermRow(SQLModel, table=True):
    """first_day, last_day: ISO dates, both within the term."""

    __tablename__ = "term"
    __table_args__ = (UniqueConstraint("institution_id", "name", name="uq_term_institution_name"),)
    id: int | None = Field(default=None, primary_key=True)
    institution_id: int = Field(foreign_key="institution.id")
    name: str
    first_day: str
    last_day: str


class CourseRow(SQLModel, table=True):
    """A course of one term; next year's is another one, which may have the same code. keep: as of its institution,
    before which it counts; "" leaves it to that."""

    __tablename__ = "course"
    __table_args__ = (UniqueConstraint("term_id", "code", name="uq_course_term_code"),)
    id: int | None = Field(default=None, primary_key=True)
    institution_id: int = Field(foreign_key="institution.id", index=True)
    term_id: int = Field(foreign_key="term.id")
    code: str
    title: str = ""
    keep: str = ""


class CourseMember(SQLModel, table=True):
    """part: ``teacher`` or ``student``, in this course, whatever the person is elsewhere."""

    __tablename__ = "course_member"
    course_id: int = Field(primary_key=True, foreign_key="course.id", ondelete="CASCADE")
    person_id: int = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE", index=True)
    part: str


class PlannedRow(SQLModel, table=True):
    """A lesson of a room's timetable that names courses: what the lesson recorded then belongs to. begins, ends: Unix
    seconds. Those that are over stay, for a lesson may arrive weeks later. codes: in the order in which they count."""

    __tablename__ = "planned_lesson"
    __table_args__ = (Index("ix_planned_lesson_room", "room_id", "begins"),)
    id: int | None = Field(default=None, primary_key=True)
    room_id: str = Field(foreign_key="room.id", ondelete="CASCADE")
    begins: float
    ends: float
    codes: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class ApiToken(SQLModel, table=True):
    """``prefix`` is shown so that people know which token is meant; the token itself is shown once and kept hashed.
    scopes: None for whatever the role may do. expires: None for never."""

    __tablename__ = "api_token"
    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    prefix: str
    token_hash: str = Field(unique=True)
    name: str = ""
    scopes: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    made: float
    expires: float | None = None
    last_used: float | None = None
    revoked: float | None = None


class LoginBegun(SQLModel, table=True):
    """What this server must know again when somebody comes back from the institution's own login; good once."""

    __tablename__ = "login_begun"
    key: str = Field(primary_key=True)
    value: str
    expires: float


class SignInFailure(SQLModel, table=True):
    """Failed sign-ins in a row by name and address, so that guessing gets slow whichever process answers."""

    __tablename__ = "sign_in_failure"
    key: str = Field(primary_key=True)
    count: int
    last: float


class AuditRow(SQLModel, table=True):
    """What somebody saw or did; the database refuses to change or delete a row. Rows follow each other without a gap,
    and each holds the hash of the one before: see ``audit``. No name of a person stands in it, only their number, so
    that a person can be forgotten and the chain stays whole.

    institution_id: whose thing it was about; None for the whole server's. person_id: None for who is not known, and for
    the server itself. via: by what they came, "" for a login. about: an id of a lesson, a room, a person, or a token's
    first signs; the action says which. facts: a JSON object as text, as it was hashed. before, sha256: hex."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_person", "person_id", "number"),
        Index("ix_audit_about", "about", "number"),
        Index("ix_audit_institution", "institution_id", "number"),
    )
    number: int = Field(primary_key=True, sa_type=BigInteger)
    at: float
    institution_id: int | None = None
    person_id: int | None = None
    via: str
    address: str
    action: str
    about: str
    facts: str
    before: str
    sha256: str


class LessonRow(SQLModel, table=True):
    """``id`` is the ULID the room gave it. ``started`` is the room's clock; gaps, marks and sources come from
    lesson.json."""

    __tablename__ = "lesson"
    __table_args__ = (
        Index("ix_lesson_started", "started", "id"),
        Index("ix_lesson_state", "state", "retry_at"),
        Index("ix_lesson_trashed", "trashed", sqlite_where=_TRASHED, postgresql_where=_TRASHED),
        Index("ix_lesson_tally", "room_id", "state", "started", sqlite_where=_HERE, postgresql_where=_HERE),
    )
    id: str = Field(primary_key=True)
    room_id: str = Field(foreign_key="room.id", index=True)
    title: str = ""
    teacher: str = ""
    description: str = ""
    edited: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Names of the fields that a person wrote; what the room says of them no longer counts."""
    language: str = ""
    course_id: int | None = Field(default=None, foreign_key="course.id", index=True)
    course_codes: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """What timetable and title said of its course, whether there was such a course or not."""
    search: str = ""
    """What it is found by; see ``find_by``."""
    publication: str = "published"
    """private: staff see it · published: everybody does, from publish_at on · withdrawn: staff see it again."""
    publish_at: float = 0.0
    parts: list[dict[str, object]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The stretches that are shown, {"at", "seconds", "title"}; none: all of it. Set by people; files stay whole."""
    started: float
    seconds: float = 0.0
    gaps: list[dict[str, object]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    marks: list[dict[str, object]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    sources: list[dict[str, object]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    takes: list[dict[str, object]] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )
    """What lesson.json says must arrive, {"path", "sha256", "bytes"}; None until it came."""
    manifest_sha256: str = ""
    state: str = "receiving"
    problem: str = ""
    attempts: int = 0
    retry_at: float = 0.0
    lease_owner: str = ""
    lease_until: float = 0.0
    progress: float = 0.0
    """Of what is being made: 0 to 1, as of the last renewal of the lease."""
    received: float
    trashed: float | None = None
    """Since when it lies in the trash."""
    held: float | None = None
    """Since when nothing may delete it; hold_reason: as somebody wrote it."""
    hold_reason: str = ""
    deleted: float | None = None
    """When it was deleted. Then this row says no more than that there was a lesson, and its assets which bytes those
    were, with their receipts; its state is ``deleted``."""

    def bury(self, now: float) -> None:
        """Keep nothing of it but that it was."""
        self.title = self.teacher = self.description = self.language = self.search = self.problem = ""
        self.edited, self.course_codes, self.parts = [], [], []
        self.gaps, self.marks, self.sources = [], [], []
        self.course_id, self.takes, self.manifest_sha256, self.seconds = None, None, "", 0.0
        self.lease_owner, self.lease_until, self.retry_at = "", 0.0, 0.0
        self.state, self.deleted = "deleted", now

    def find_by(self, room: str) -> None:
        """Write down anew by which words it is found, those of its teacher's name with an @ too. room: its name."""
        labels = [str(moment.get("label", "")) for moment in self.marks]
        titles = [str(part.get("title", "")) for part in self.parts]
        said = " ".join((self.title, room, self.teacher, self.description, *labels, *titles))[:MOST]
        self.search = " ".join((*indexed(said), *(f"@{word}" for word in indexed(self.teacher))))


class FindingRow(SQLModel, table=True):
    """The index by which lessons are found, newest first; see ``finding``. The database's own triggers keep it true, so
    that it changes and goes with its lesson, whoever changes that. id: the second in which it began, then chance."""

    __tablename__ = "finding"
    id: int = Field(sa_column=Column(_ROW, primary_key=True, autoincrement=False))
    lesson_id: str = Field(foreign_key="lesson.id", ondelete="CASCADE", unique=True)
    words: str = Field(sa_column=Column(Text().with_variant(TSVECTOR, "postgresql"), nullable=False))


class WordWeek(SQLModel, table=True):
    """In which weeks a word of ``lesson.search`` is found, or was: week, Unix seconds / 604,800. Written as finding."""

    __tablename__ = "word_week"
    __table_args__ = ({"sqlite_with_rowid": False},)
    word: str = Field(sa_column=Column(String().with_variant(String(collation="C"), "postgresql"), primary_key=True))
    week: int = Field(primary_key=True)


class HarvestRow(SQLModel, table=True):
    """A lesson that is open to everybody, or was: what catalogues of others are told. Triggers write it; see harvest.
    number: a new one, higher than all, with each change. It outlives its lesson."""

    __tablename__ = "harvest"
    lesson_id: str = Field(primary_key=True)
    number: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True, index=True))
    changed: float
    open: bool


class WebhookRow(SQLModel, table=True):
    """A program of others that is told what becomes of lessons and rooms. institution_id: None for all of the server.
    secret: as Standard Webhooks writes it. events: their names, with a space before and after each."""

    __tablename__ = "webhook"
    id: int | None = Field(default=None, primary_key=True)
    institution_id: int | None = Field(default=None, foreign_key="institution.id")
    url: str
    secret: str
    events: str
    made: float


class WebhookDeliveryRow(SQLModel, table=True):
    """Something that is still to be told; triggers write it, and it goes when it was heard. It is about a lesson, or,
    where lesson_id is empty, about an alarm. due: the next try."""

    __tablename__ = "webhook_delivery"
    id: int | None = Field(default=None, primary_key=True)
    webhook_id: int = Field(foreign_key="webhook.id", ondelete="CASCADE", index=True)
    lesson_id: str
    alarm_id: int | None = None
    kind: str
    made: float
    due: float = Field(default=0.0, index=True)
    attempts: int = 0
    problem: str = ""


class Asset(SQLModel, table=True):
    """A file as a room recorded it, stored and receipted. A path that came twice with other bytes has two rows: nothing
    receipted is ever replaced; the newest counts."""

    __tablename__ = "asset"
    __table_args__ = (UniqueConstraint("lesson_id", "path", "sha256", name="uq_asset_lesson_path_sha256"),)
    id: int | None = Field(default=None, primary_key=True)
    lesson_id: str = Field(foreign_key="lesson.id", index=True)
    path: str
    kind: str
    source: str
    tier: str
    bytes: int = Field(sa_type=BigInteger)
    sha256: str = Field(index=True)
    stored: float
    receipt: str


class OutputRow(SQLModel, table=True):
    """A file the worker assembled from the takes."""

    __tablename__ = "output"
    __table_args__ = (UniqueConstraint("lesson_id", "name", name="uq_output_lesson_name"),)
    id: int | None = Field(default=None, primary_key=True)
    lesson_id: str = Field(foreign_key="lesson.id", index=True)
    name: str
    kind: str
    source: str
    bytes: int = Field(sa_type=BigInteger)
    sha256: str = Field(index=True)
    seconds: float
    content_type: str
    made: float


class DoomedRow(SQLModel, table=True):
    """An object of the store that a deleted lesson needed. due: when it goes, unless something needs it then."""

    __tablename__ = "doomed"
    sha256: str = Field(primary_key=True)
    due: float = Field(index=True)
    lesson_id: str = Field(foreign_key="lesson.id", index=True)


class CaptionRow(SQLModel, table=True):
    """Captions that a person gave a lesson: WebVTT in the store, one file a language."""

    __tablename__ = "caption"
    lesson_id: str = Field(primary_key=True, foreign_key="lesson.id")
    language: str = Field(primary_key=True)
    sha256: str
    bytes: int
    made: float


class CaptioningRow(SQLModel, table=True):
    """How far the captions program is with a lesson. over: it is not asked again. problem: why it failed last."""

    __tablename__ = "captioning"
    lesson_id: str = Field(primary_key=True, foreign_key="lesson.id", ondelete="CASCADE")
    over: bool = False
    attempts: int = 0
    retry_at: float = 0.0
    lease_owner: str = ""
    lease_until: float = 0.0
    problem: str = ""


class RenderingRow(SQLModel, table=True):
    """A small form of a lesson that the server makes; see ``renditions``. kind: slidecast, proxy or thumbnail. due: the
    first or the next try. over: it was given up, and problem says why. progress: as of the lesson."""

    __tablename__ = "rendering"
    __table_args__ = (Index("ix_rendering_due", "over", "due"),)
    lesson_id: str = Field(primary_key=True, foreign_key="lesson.id", ondelete="CASCADE")
    kind: str = Field(primary_key=True)
    due: float
    over: bool = False
    attempts: int = 0
    lease_owner: str = ""
    lease_until: float = 0.0
    progress: float = 0.0
    problem: str = ""


class UploadRow(SQLModel, table=True):
    """A tus upload. ``offset`` counts durable bytes only; whatever the file holds beyond it is cut off. sha256 is empty
    when it was not announced. deferred: the length is not known yet, and ``length`` is the most that it may
    become. ``asset_key`` is what makes creation idempotent; foreign clients, which
    believe that a new upload begins at zero, have none."""

    __tablename__ = "upload"
    __table_args__ = (
        UniqueConstraint("asset_key", name="uq_upload_asset_key"),
        Index("ix_upload_expires", "state", "expires"),
    )
    id: str = Field(primary_key=True)
    asset_key: str | None = None
    room_id: str | None = Field(default=None, foreign_key="room.id")
    lesson_id: str | None = Field(default=None, foreign_key="lesson.id", index=True)
    path: str = ""
    kind: str = ""
    source: str = ""
    tier: str = ""
    length: int = Field(sa_type=BigInteger)
    sha256: str = ""
    offset: int = Field(default=0, sa_type=BigInteger)
    deferred: bool = False
    institution_id: int | None = Field(default=None, foreign_key="institution.id")
    """Of the program that sends it; None for a room's, and for a program's of the whole server."""
    concat: str = ""
    """Upload-Concat: ``partial`` is a piece that belongs to no lesson, and maybe to no room, until it is joined."""
    state: str = "open"
    """open: bytes are missing · verifying: all are here, the whole is being proven · stored: receipted."""
    asset_id: int | None = Field(default=None, foreign_key="asset.id")
    made: float
    expires: float


class UploadPiece(SQLModel, table=True):
    """A stretch of an unfinished upload that lies as an object of its own in a store where nothing can be appended to.
    A part of an upload and the whole that was joined from it share theirs. It outlives its upload until somebody cleans
    up, and so refers to it by no more than its name."""

    __tablename__ = "upload_piece"
    upload_id: str = Field(primary_key=True)
    offset: int = Field(primary_key=True, sa_type=BigInteger)
    length: int = Field(sa_type=BigInteger)
    key: str = Field(index=True)


class RoomDesk(SQLModel, table=True):
    """What the server last heard from a room beside its uploads, and what it has ready for it. heartbeat: as it came,
    checked; received: when. calendar: its timetable, iCalendar."""

    __tablename__ = "room_desk"
    room_id: str = Field(primary_key=True, foreign_key="room.id")
    heartbeat: dict[str, object] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    received: float | None = None
    calendar: str = ""
    calendar_etag: str = ""
    policy: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    ring: str = Field(default="", sa_column_kwargs={"server_default": ""})


class RingRow(SQLModel, table=True):
    """Which version of Darsbox the rooms of a ring shall have; the ring "" is of all rooms that are in no other."""

    __tablename__ = "ring"
    name: str = Field(primary_key=True)
    version: str
    released: float


class BacklogLow(SQLModel, table=True):
    """The least that waited in a room on one day, in bytes, for each day since nothing waited there. day: ISO, UTC."""

    __tablename__ = "backlog_low"
    room_id: str = Field(primary_key=True, foreign_key="room.id", ondelete="CASCADE")
    day: str = Field(primary_key=True)
    least: int = Field(sa_type=BigInteger)


class AlarmRow(SQLModel, table=True):
    """What is wrong with a room: since when; raised once it has lasted, cleared once it has been over, from ``calm``
    on, for long enough. lasts: True until it is cleared, then None, so that a room has each kind once at a time.
    trouble: what was found when it was raised."""

    __tablename__ = "alarm"
    __table_args__ = (UniqueConstraint("room_id", "kind", "lasts", name="uq_alarm_room_kind_lasts"),)
    id: int | None = Field(default=None, primary_key=True)
    room_id: str = Field(foreign_key="room.id", ondelete="CASCADE")
    kind: str
    lasts: bool | None = True
    since: float
    raised: float | None = Field(default=None, index=True)
    calm: float | None = None
    cleared: float | None = None
    acknowledged: float | None = None
    acknowledged_by: str = ""
    trouble: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class ChoreRow(SQLModel, table=True):
    """When a chore of the workers is due again, whichever of them does it."""

    __tablename__ = "chore"
    name: str = Field(primary_key=True)
    due: float


class CommandRow(SQLModel, table=True):
    """Something a person wants a room to do. It is delivered until its outcome came, or its time is over."""

    __tablename__ = "command"
    __table_args__ = (Index("ix_command_open", "done", "expires"),)
    id: str = Field(primary_key=True)
    room_id: str = Field(foreign_key="room.id", index=True)
    verb: str
    title: str = ""
    lesson_id: str = Field(default="", index=True)
    by: str
    made: float
    expires: float
    delivered: float | None = None
    done: float | None = None
    outcome: str = ""
    detail: str = ""


class AgentRow(SQLModel, table=True):
    """A capture agent of others that delivers for a room, and its login. ha1: of RFC 7616, hex; as good as the
    password. state, address, capabilities: what it said last, and heard: when."""

    __tablename__ = "agent"
    name: str = Field(primary_key=True)
    room_id: str = Field(foreign_key="room.id", index=True)
    ha1: str
    made: float
    revoked: float | None = None
    state: str = ""
    address: str = ""
    heard: float | None = None
    capabilities: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class AgentRecordingRow(SQLModel, table=True):
    """An event of the timetable that an agent has begun to record: what it says of it, and what the timetable said when
    it began. starts: Unix seconds."""

    __tablename__ = "agent_recording"
    agent: str = Field(primary_key=True, foreign_key="agent.name")
    uid: str = Field(primary_key=True)
    state: str
    heard: float
    title: str = ""
    teacher: str = ""
    starts: float = 0.0


class PackageRow(SQLModel, table=True):
    """A media package on its way: open while files are added, then delivering, until its lesson is whole. lesson_id: of
    the lesson that it will be; the lesson that was there already, when the same came twice. event: the timetable's UID,
    "" for what was not scheduled. started: Unix seconds, None when the package did not say."""

    __tablename__ = "media_package"
    __table_args__ = (Index("ix_media_package_event", "agent", "event"),)
    id: str = Field(primary_key=True)
    agent: str = Field(foreign_key="agent.name")
    lesson_id: str
    state: str = "open"
    event: str = ""
    title: str = ""
    teacher: str = ""
    language: str = ""
    started: float | None = None
    made: float
    touched: float


class PackageFileRow(SQLModel, table=True):
    """A file of a media package: ``path`` inside the lesson; ``staged``, its name among those that wait."""

    __tablename__ = "media_package_file"
    id: int | None = Field(default=None, primary_key=True)
    package_id: str = Field(foreign_key="media_package.id", ondelete="CASCADE", index=True)
    kind: str
    flavor: str
    source: str
    path: str
    staged: str
    bytes: int = Field(sa_type=BigInteger)
    sha256: str
