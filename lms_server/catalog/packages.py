"""Media packages of capture agents on their way: kept in the database between one request and the next, so that any web
process takes the next step, after a restart too."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select
from ulid import ULID

from lms_server.catalog.agents import Agent
from lms_server.catalog.database import LOCK, Database, made_once
from lms_server.catalog.tables import AgentRow, PackageFileRow, PackageRow, Room
from lms_server.errors import Conflict, Forbidden, NotFound, TooLarge

MOST_OPEN = 500
"""Packages of one agent that may be open at once: one gone mad must not fill the database."""
MOST_FILES = 64
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_ENDING = re.compile(r"\.[a-z0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class NewFile:
    """kind: ``track`` or ``attachment``. staged: its name among those that wait. filename: as its sender called it."""

    kind: str
    flavor: str
    filename: str
    staged: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a recording; "" and None where nothing is."""

    title: str = ""
    teacher: str = ""
    language: str = ""
    started: float | None = None


class Packages:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def create(self, agent: Agent, package_id: str = "") -> PackageRow:
        """A new package; with an id that this agent has used, the one that there is. Raises Conflict, Forbidden."""
        if package_id and not _ID.fullmatch(package_id):
            raise Conflict("bad-package", "A media package's id has at most 64 letters, digits and dashes.")
        now = self._clock()
        with self._database.write() as session:
            _one_by_one(session, agent)
            known = session.get(PackageRow, package_id) if package_id else None
            if known is not None and known.agent == agent.name:
                return known
            if known is not None:
                package_id = ""  # another agent's: the answer names a new one, and tells nothing of that
            mine = select(PackageRow.id).where(col(PackageRow.agent) == agent.name, col(PackageRow.state) == "open")
            if len(session.exec(mine.limit(MOST_OPEN)).all()) >= MOST_OPEN:
                raise Forbidden("too-many-packages", "This agent has too many unfinished media packages here.")
            facts: dict[str, Any] = {
                "agent": agent.name,
                "lesson_id": str(ULID.from_timestamp(now)),
                "made": now,
                "touched": now,
            }
            row = PackageRow(id=package_id or str(uuid.uuid4()), **facts)
            made = made_once(session, lambda: session.get(PackageRow, row.id), row)
            if made is not row:  # another agent has just taken the id
                made = PackageRow(id=str(uuid.uuid4()), **facts)
                session.add(made)
            return made

    def get(self, agent: Agent, package_id: str) -> tuple[PackageRow, list[PackageFileRow]]:
        """Raises NotFound."""
        with self._database.read() as session:
            row = _mine(session, agent, package_id)
            return row, _files(session, row)

    def describe(self, agent: Agent, package_id: str, facts: Facts) -> None:
        """What it says of itself; what it does not say stays. Raises NotFound, Conflict."""
        with self._database.write() as session:
            row = _open(session, agent, package_id)
            row.title, row.teacher = facts.title or row.title, facts.teacher or row.teacher
            row.language = facts.language or row.language
            row.started = row.started if facts.started is None else facts.started
            row.touched = self._clock()

    def add(self, agent: Agent, package_id: str, new: NewFile) -> bool:
        """A file that came. False when the very same came before: its sender has not heard the answer.

        Raises NotFound, Conflict, TooLarge.
        """
        with self._database.write() as session:
            row = _open(session, agent, package_id)
            files = _files(session, row)
            if any((f.kind, f.flavor, f.sha256) == (new.kind, new.flavor, new.sha256) for f in files):
                return False
            if len(files) >= MOST_FILES:
                raise TooLarge("too-many-files", f"A media package has at most {MOST_FILES} files.")
            source, path = _placed(new, files)
            session.add(
                PackageFileRow(
                    package_id=row.id,
                    kind=new.kind,
                    flavor=new.flavor[:100],
                    source=source,
                    path=path,
                    staged=new.staged,
                    bytes=new.bytes,
                    sha256=new.sha256,
                )
            )
            row.touched = self._clock()
            return True

    def complete(self, agent: Agent, package_id: str, event: str, facts: Facts) -> bool:
        """Nothing more comes. facts: for what the package does not say of itself. False when it is a lesson already, or
        when the same recording of the same event is one: then this package is that lesson.

        Raises NotFound, and Conflict for one without a track.
        """
        with self._database.write() as session:
            _one_by_one(session, agent)  # of two packages of one recording the second must see the first
            row = _mine(session, agent, package_id)
            if row.state != "open":
                return row.state == "delivering"
            files = _files(session, row)
            if not any(file.kind == "track" for file in files):
                raise Conflict("no-track", "The media package has no track; add one before it is ingested.")
            row.event, row.state, row.touched = event, "delivering", self._clock()
            row.title, row.teacher = row.title or facts.title, row.teacher or facts.teacher
            row.started = facts.started if row.started is None else row.started
            twin = _twin(session, row, files)
            if twin is not None:
                row.lesson_id, row.state = twin.lesson_id, twin.state
            return row.state == "delivering"

    def delivered(self, package_id: str) -> None:
        """Its lesson is whole."""
        with self._database.write() as session:
            row = session.get_one(PackageRow, package_id)
            row.state, row.touched = "delivered", self._clock()

    # -- cleaning
    # -------------------------------------------------------------------------------------------------------

    def half_delivered(self, before: float) -> list[tuple[Agent, PackageRow]]:
        """Those on their way into the library that nobody has touched since then."""
        with self._database.read() as session:
            query = select(PackageRow, AgentRow, Room).where(
                col(PackageRow.state) == "delivering",
                col(PackageRow.touched) <= before,
                col(PackageRow.agent) == col(AgentRow.name),
                col(AgentRow.room_id) == col(Room.id),
            )
            return [(Agent(agent.name, room), row) for row, agent, room in session.exec(query)]

    def forget(self, before: float) -> int:
        """Drop packages that nobody has touched since then, but for those on their way; how many. Lessons stay."""
        with self._database.write() as session:
            old = select(PackageRow).where(col(PackageRow.touched) < before, col(PackageRow.state) != "delivering")
            rows = session.exec(old).all()
            for row in rows:
                session.delete(row)
            return len(rows)

    def staged(self) -> set[str]:
        """Names of the files that somebody still waits for."""
        with self._database.read() as session:
            query = (
                select(PackageFileRow.staged).join(PackageRow).where(col(PackageRow.state).in_(("open", "delivering")))
            )
            return set(session.exec(query).all())


def _mine(session: Session, agent: Agent, package_id: str) -> PackageRow:
    row = session.get(PackageRow, package_id)
    if row is None or row.agent != agent.name:
        raise NotFound("no-such-package", "There is no such media package of this agent; create one first.")
    return row


def _one_by_one(session: Session, agent: Agent) -> None:
    """Whatever else this agent says waits until the transaction is over."""
    session.get(AgentRow, agent.name, with_for_update=LOCK)


def _open(session: Session, agent: Agent, package_id: str) -> PackageRow:
    """To be changed; another request of the same agent waits."""
    _one_by_one(session, agent)
    row = _mine(session, agent, package_id)
    if row.state != "open":
        raise Conflict("package-closed", "This media package was ingested already; create another one.")
    return row


def _files(session: Session, row: PackageRow) -> list[PackageFileRow]:
    query = select(PackageFileRow).where(col(PackageFileRow.package_id) == row.id).order_by(col(PackageFileRow.id))
    return list(session.exec(query).all())


def _twin(session: Session, row: PackageRow, files: Sequence[PackageFileRow]) -> PackageRow | None:
    """The same recording of the same event, ingested before."""
    if not row.event:
        return None
    query = select(PackageRow).where(
        col(PackageRow.agent) == row.agent, col(PackageRow.event) == row.event, col(PackageRow.id) != row.id
    )
    others = session.exec(query.where(col(PackageRow.state) != "open").order_by(col(PackageRow.state))).all()
    return next((other for other in others if _tracks(_files(session, other)) == _tracks(files)), None)


def _tracks(files: Sequence[PackageFileRow]) -> list[tuple[str, str]]:
    return sorted((file.path, file.sha256) for file in files if file.kind == "track")


def _placed(new: NewFile, files: Sequence[PackageFileRow]) -> tuple[str, str]:
    """The source that a file is of, and its path inside the lesson; both fit to be names of folders."""
    name = _NO_NAME.sub("-", new.filename.replace("\\", "/").rpartition("/")[2]).strip(".-_")[-60:]
    if new.kind != "track":
        return "", f"attachments/{len(files) + 1:03d}-{name or 'file'}"
    source = wanted = _NO_NAME.sub("-", new.flavor.partition("/")[0]).strip(".-_")[:40] or "track"
    taken = {file.source for file in files}
    number = 1
    while source in taken:
        number += 1
        source = f"{wanted}-{number}"
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return source, f"{source}/original{ending if _ENDING.fullmatch(ending) else ''}"
