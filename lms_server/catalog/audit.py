"""The audit log: who saw, fetched, changed and deleted what, from where. It can only be added to.

Rows are numbered from 1 without a gap; each one's ``sha256`` is over its own content and the hash before it: whoever
changes a row must change all that follow, and no longer agrees with a head that was noted elsewhere. The database
refuses UPDATE and DELETE by triggers; ``verify`` finds what was done behind its back.

    append(session, now, Event(…))      in the transaction of the deed itself: both are there, or none is
    Audit.note(Event(…))                by itself
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from lms_server.catalog.database import Database
from lms_server.catalog.schemas import AuditEntry, AuditPage, Person
from lms_server.catalog.scoping import row_id, within
from lms_server.catalog.tables import ApiToken, AuditRow, Institution, LessonRow, PersonRow, Room
from lms_server.errors import Forbidden

Action = Literal[
    "signed-in", "signed-out", "sign-in-refused", "token-refused", "token-made", "token-revoked",
    "lesson-opened", "lesson-played", "file-fetched",
    "lesson-described", "lesson-published", "lesson-cut", "lesson-assigned", "captions-given", "captions-removed",
    "room-commanded", "room-revoked", "room-enrolled", "enrol-code-made", "enrol-code-reused",
    "timetable-given", "policy-set",
    "lesson-trashed",
    "lesson-restored",
    "lesson-held",
    "lesson-released",
    "lesson-deleted",
    "bytes-deleted",
    "retention-set", "person-exported", "person-erased",
    "update-released", "room-ringed",
    "agent-added", "agent-revoked", "person-added", "person-moved", "password-set", "sheet-imported",
    "role-set", "person-changed", "card-made", "card-taken", "term-set", "term-removed",
    "course-added", "course-changed", "course-removed", "course-joined", "course-left",
]  # fmt: skip
"""What there is to tell, as codes that stay."""
ACTIONS: tuple[Action, ...] = get_args(Action)
BEGINNING = "0" * 64
"""What the first row says of the one before it."""
MOST = 200
"""Entries on a page."""
CONSOLE, WORKER = "console", "worker"
AT_CONSOLE = Person(id=0, name="", role="admin", token=CONSOLE)
"""Who sits at the server: they see all of it, and the log tells them from those who log in."""
AT_WORK = Person(id=0, name="", role="admin", token=WORKER)
"""The server's own worker."""
_CHAIN = 0x61756474
"""Whoever holds this lock of PostgreSQL adds a row; on SQLite there is one writer in any case."""


@dataclass(frozen=True, slots=True)
class Event:
    """institution: whose thing it is about; None for the whole server's. by: None for who is not known, and for the
    server itself; then via says which (``console``, ``worker``). facts: figures and codes, and no name of a person."""

    action: Action
    about: str
    institution: int | None
    by: Person | None = None
    via: str = ""
    address: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and how."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """rows: how many hold. head: the hash of the last of them."""

    rows: int
    head: str
    broken: Break | None = None


def append(session: Session, now: float, event: Event, unless_since: float | None = None) -> None:
    """Add to the log, at the end of a transaction rather than at its beginning: nobody else adds until it ends.
    unless_since: nothing is added when there is a row like it that is not older (Unix seconds)."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CHAIN})")
    last = session.exec(select(AuditRow).order_by(col(AuditRow.number).desc()).limit(1)).first()
    row = AuditRow(
        number=last.number + 1 if last is not None else 1,
        at=round(now, 3),
        institution_id=event.institution,
        person_id=event.by.id or None if event.by is not None else None,
        via=event.via or (event.by.token if event.by is not None else ""),
        address=event.address or (event.by.address if event.by is not None else ""),
        action=event.action,
        about=event.about,
        facts=_canonical(event.facts),
        before=last.sha256 if last is not None else BEGINNING,
        sha256="",
    )
    if unless_since is not None and _like(session, row, unless_since):
        return
    row.sha256 = hash_of(row)
    session.add(row)
    session.flush()


def hash_of(row: AuditRow) -> str:
    """SHA-256, hex, over the row's content and the hash of the one before."""
    who = (row.institution_id, row.person_id, row.via, row.address)
    content = (row.number, row.at, *who, row.action, row.about, row.facts, row.before)
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


class Audit:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def note(self, event: Event) -> None:
        with self._database.write() as session:
            append(session, self._clock(), event)

    def note_once(self, events: Sequence[tuple[float, Event]], within_seconds: float) -> None:
        """When each was, and what; but for what the log has of the same kind already, so many seconds before. Whose
        things they are is found here."""
        with self._database.write() as session:
            for at, told in events:
                event = replace(told, institution=_owner(session, told))
                append(session, at, event, unless_since=at - within_seconds)

    def search(
        self,
        person: Person,
        *,
        about: str = "",
        who: str = "",
        action: str = "",
        since: float | None = None,
        page: int | None = None,
        limit: int = 50,
    ) -> AuditPage:
        """The newest first, of this admin's institution. about: an id. who: a login. action: a code. since: Unix
        seconds. page: ``next`` of the page before. Raises Forbidden."""
        if person.role != "admin":
            raise Forbidden("not-allowed", "Only an admin reads the audit log.")
        limit = max(1, min(limit, MOST))
        wanted: list[ColumnElement[bool]] = within(person, AuditRow.institution_id)
        wanted += [col(AuditRow.about) == about] if about else []
        wanted += [col(AuditRow.action) == action] if action else []
        wanted += [col(AuditRow.at) >= since] if since is not None else []
        wanted += [col(AuditRow.number) < page] if page is not None else []
        if who:
            wanted.append(col(AuditRow.person_id).in_(select(PersonRow.id).where(col(PersonRow.name) == who)))
        query = select(AuditRow).where(*wanted).order_by(col(AuditRow.number).desc()).limit(limit + 1)
        with self._database.read() as session:
            rows = session.exec(query).all()
            items = entries(session, rows[:limit])
        return AuditPage(items=items, next=rows[limit - 1].number if len(rows) > limit else None)

    def verify(self, seen: tuple[int, str] | None = None) -> Verdict:
        """Walk the whole chain. seen: the number and the hash of a row as somebody noted it once; without such a note
        nobody can know whether the newest rows are missing, or all was written anew."""
        query = select(AuditRow).order_by(col(AuditRow.number)).execution_options(yield_per=1000)
        with self._database.read() as session, closing(session.exec(query)) as rows:
            return _walked(rows, seen)


def _walked(rows: Iterable[AuditRow], seen: tuple[int, str] | None) -> Verdict:
    number, head = 0, BEGINNING
    for row in rows:
        if row.number != number + 1:
            return Verdict(number, head, Break(number + 1, "it is missing"))
        if row.before != head:
            return Verdict(number, head, Break(row.number, "it does not follow the row before it"))
        if hash_of(row) != row.sha256:
            return Verdict(number, head, Break(row.number, "its content is not what was written"))
        if seen is not None and seen[0] == row.number and seen[1] != row.sha256:
            return Verdict(number, head, Break(row.number, "it is not the row that was seen once"))
        number, head = row.number, row.sha256
    if seen is not None and seen[0] > number:
        return Verdict(number, head, Break(number + 1, f"rows up to {seen[0]} were seen once"))
    return Verdict(number, head)


def entries(session: Session, rows: Any) -> list[AuditEntry]:
    """Rows with the names that belong to their numbers today."""
    owners = {row.id: row.name for row in session.exec(select(Institution))}
    numbers = {row.person_id for row in rows} | {row_id(row.about) for row in rows}
    people = dict(session.exec(select(PersonRow.id, PersonRow.name).where(col(PersonRow.id).in_(numbers))).all())
    abouts = {row.about for row in rows}
    titles = dict(session.exec(select(LessonRow.id, LessonRow.title).where(col(LessonRow.id).in_(abouts))).all())
    titles |= dict(session.exec(select(Room.id, Room.name).where(col(Room.id).in_(abouts))).all())
    titles |= {str(number): name for number, name in people.items()}
    return [
        AuditEntry.model_validate(
            {
                **row.model_dump(),
                "institution": owners.get(row.institution_id, ""),
                "person": people.get(row.person_id, ""),
                "title": titles.get(row.about, ""),
                "facts": json.loads(row.facts),
            }
        )
        for row in rows
    ]


def _owner(session: Session, event: Event) -> int | None:
    """Whose lesson or token it is about."""
    lesson = select(Room.institution_id).join(LessonRow).where(col(LessonRow.id) == event.about)
    token = select(PersonRow.institution_id).join(ApiToken).where(col(ApiToken.prefix) == event.about)
    return event.institution or session.exec(token if event.action == "token-refused" else lesson).first()


def _like(session: Session, row: AuditRow, since: float) -> bool:
    same = [getattr(AuditRow, name) == getattr(row, name) for name in ("about", "person_id", "action", "via", "facts")]
    if row.person_id is None:
        same.append(col(AuditRow.address) == row.address)
    return session.exec(select(AuditRow.number).where(*same, col(AuditRow.at) >= since).limit(1)).first() is not None


def _canonical(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
