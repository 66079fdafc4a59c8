"""People and programs: passwords, and patience with those who guess. Their tokens are in ``tokens``."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from pwdlib import PasswordHash
from sqlalchemy import String, cast, literal
from sqlmodel import Session, col, delete, select

from lms_server.catalog import audit, cards, patience
from lms_server.catalog.database import Database, made_once
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.revisions import Seen, check_seen, revision_of
from lms_server.catalog.schemas import ROLES, PeoplePage, Person, PersonView, Role
from lms_server.catalog.scoping import within
from lms_server.catalog.tables import CourseMember, CourseRow, Institution, PersonRow
from lms_server.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthenticated

MIN_PASSWORD = 8
LONGEST_FULL_NAME = 200
BY_PROGRAMS: frozenset[Role] = frozenset({"teacher", "student"})
"""Roles of those whom a program looks after: a token that was stolen makes nobody who may do more."""


class People:
    def __init__(self, database: Database, clock: Callable[[], float], hasher: PasswordHash | None = None) -> None:
        """hasher: argon2 as its makers recommend it, unless told otherwise."""
        self._database = database
        self._clock = clock
        self._hasher = hasher or PasswordHash.recommended()
        self._nobody: str | None = None

    # -- for who looks after the people
    # -----------------------------------------------------------------------------------

    def found(self, by: Person, *, q: str = "", name: str = "", after: str = "", limit: int = 50) -> PeoplePage:
        """Those of their institution, or all, by their logins. q: how a login begins, or a part of a full name. name:
        a whole login. Raises Forbidden."""
        _looks_after(by)
        query = _PEOPLE.where(*within(by, PersonRow.institution_id)).order_by(col(PersonRow.name)).limit(limit + 1)
        if q:
            begins, part = col(PersonRow.name).istartswith(q, autoescape=True), col(PersonRow.full_name)
            query = query.where(begins | part.icontains(q, autoescape=True))
        if name:
            query = query.where(col(PersonRow.name) == name.strip())
        with self._database.read() as session:
            rows = session.exec(query.where(col(PersonRow.name) > after) if after else query).all()
        shown = [_view(row, institution) for row, institution in rows[:limit]]
        return PeoplePage(items=shown, next=shown[-1].name if len(rows) > limit else None)

    def get(self, by: Person, person_id: int) -> PersonView:
        """Raises Forbidden, NotFound."""
        with self._database.read() as session:
            row = theirs(session, by, person_id)
            owner = session.get(Institution, row.institution_id) if row.institution_id is not None else None
        return _view(row, owner.name if owner is not None else None)

    def change(
        self,
        by: Person,
        person_id: int,
        *,
        full_name: str | None = None,
        role: Role | None = None,
        password: str | None = None,
        seen: Seen = None,
    ) -> None:
        """What is None stays; another password signs that person out everywhere. Raises Forbidden, NotFound,
        BadRequest, ChangedMeanwhile; and Conflict for one's own role, for somebody must remain who can undo it, and for
        role and password of who comes by their institution's own login."""
        plain = plain_full_name(full_name) if full_name is not None else None
        if role is not None:
            _known_role(role)
            _may_be(by, role)
        hashed = self.hashed(password) if password is not None else None
        with self._database.write() as session:
            row = theirs(session, by, person_id, change=True)
            check_seen(row, seen)
            if plain is not None and plain != row.full_name:
                row.full_name = plain
                self._tell(session, row, "person-changed", by, fields=["full_name"])
            if role is not None and role != row.role:
                if row.id == by.id:
                    raise Conflict("own-role", "Nobody changes their own role; ask another admin.")
                if row.subject is not None:
                    raise Conflict("other-login", "This person's own login says their role each time; change it there.")
                row.role = role
                self._tell(session, row, "role-set", by, role=role)
            if hashed is not None:
                if row.subject is not None:
                    raise Conflict("other-login", "This person comes by their institution's own login.")
                row.password_hash = hashed
                self._tell(session, row, "password-set", by)
            if row.card:
                cards.refresh(session, row.institution_id)

    def add(
        self,
        name: str,
        role: Role,
        password: str | None,
        institution: str = "",
        full_name: str = "",
        *,
        by: Person = audit.AT_CONSOLE,
    ) -> Person:
        """institution: "" for those of the whole server, whom no program adds; an admin of an institution adds to that
        one alone. password: None for who comes in by their institution's own login, or once somebody gives them one.
        Raises Conflict when the name is taken, BadRequest for a name, role or password that will not do, NotFound for
        an institution that is not there, Forbidden."""
        _looks_after(by)
        _known_role(role)
        _may_be(by, role)
        if is_program(by) and by.institution_id is None and not institution:
            raise BadRequest("bad-institution", "Say whose they are; a program adds nobody to the whole server.")
        name = plain_login(name)
        hashed = self.hashed(password) if password is not None else ""
        with self._database.write() as session:
            fresh = PersonRow(name=name, role=role, password_hash=hashed, made=self._clock())
            fresh.full_name = plain_full_name(full_name)
            fresh.institution_id = by.institution_id
            if by.institution_id is None and institution:
                fresh.institution_id = institution_named(session, institution)
            row = made_once(session, lambda: _by_name(session, name), fresh)
            if row is not fresh:
                raise Conflict("name-taken", f"There is a person called {name!r} already; choose another name.")
            self._tell(session, row, "person-added", by, role=role)
            return person_of(session, row)

    def set_password(self, name: str, password: str) -> None:
        """Signs out every session of that person too: the stamp in them changes with the hash."""
        hashed = self.hashed(password)
        with self._database.write() as session:
            row = known_person(session, name)
            row.password_hash = hashed
            self._tell(session, row, "password-set", audit.AT_CONSOLE)

    def arrive(self, subject: str, *, name: str, full_name: str, role: Role, institution: str, make: bool) -> Person:
        """Who came by their institution's own login. subject: who they are to it, for ever. They have the role and the
        institution that it says now. make: whether somebody new is made; who was put on a sheet under this name and has
        no password is not new.

        Raises Forbidden for somebody new where none are made, NotFound for an institution that is not here, Conflict
        when somebody else has the name: a login of others never opens what a password protects.
        """
        name = plain_login(name)
        with self._database.write() as session:
            owner = institution_named(session, institution)
            row = session.exec(select(PersonRow).where(col(PersonRow.subject) == subject)).first()
            if row is None:
                row = _by_name(session, name)
                waits = row is not None and not row.password_hash and row.subject is None
                if row is not None and not (waits and row.institution_id == owner):
                    raise Conflict("name-taken", f"Somebody else is called {name!r} here; ask this server's admin.")
                if row is None and not make:
                    raise Forbidden("not-known", "You are not on this server's list; ask its admin to add you.")
                row = row or PersonRow(name=name, role=role, password_hash="", made=self._clock())
                row.subject = subject
                session.add(row)
            before = row.institution_id
            row.role, row.institution_id = role, owner
            row.full_name = " ".join(full_name.split())[:LONGEST_FULL_NAME] or row.full_name
            session.flush()
            if row.card:
                cards.refresh(session, before, owner)
            return person_of(session, row)

    def hashed(self, password: str) -> str:
        """Raises BadRequest for one that will not do."""
        return self._hasher.hash(_fit(password))

    def move(self, name: str, institution: str) -> None:
        """Into another institution, "" for the whole server; out of the courses of the one before. Raises NotFound."""
        with self._database.write() as session:
            row = known_person(session, name)
            before = row.institution_id
            row.institution_id = institution_named(session, institution) if institution else None
            if row.institution_id is not None:
                theirs = select(CourseRow.id).where(col(CourseRow.institution_id) == row.institution_id)
                member = delete(CourseMember).where(col(CourseMember.person_id) == row.id)
                session.exec(member.where(col(CourseMember.course_id).not_in(theirs)))
            self._tell(session, row, "person-moved", audit.AT_CONSOLE, institution=row.institution_id)
            if row.card:
                cards.refresh(session, before, row.institution_id)

    def all(self) -> list[Person]:
        """Everybody, by institution and name."""
        with self._database.read() as session:
            found = [person_of(session, row) for row in session.exec(select(PersonRow))]
        return sorted(found, key=lambda person: (person.institution, person.name))

    def authenticate(self, name: str, password: str, address: str) -> Person:
        """Raises Unauthenticated (never says whether the name exists) or TooManyAttempts with the seconds to wait."""
        keys = {"pair": f"pair {address} {name.strip()[:100]}", "address": f"address {address}"}
        now = self._clock()
        with self._database.read() as session:
            patience.check(session, keys, now)
            row = _by_name(session, name.strip())
        hashed = (row.password_hash if row is not None else "") or self._stand_in()
        good = self._hasher.verify(password[:1000], hashed) and row is not None and row.password_hash != ""
        with self._database.write() as session:
            if good and row is not None:
                patience.forgive(session, keys["pair"])
                return person_of(session, row)
            patience.count(session, keys.values(), now)
            about, owner = (str(row.id), row.institution_id) if row is not None else ("", None)
            facts = {"why": "wrong-login"}
            audit.append(session, now, audit.Event("sign-in-refused", about, owner, address=address, facts=facts))
        raise Unauthenticated("wrong-login", "The name or the password is wrong; try again.")

    def by_id(self, person_id: int, stamp: str) -> Person | None:
        """The person of a session, as long as the password is still the one it was opened with."""
        with self._database.read() as session:
            row = session.get(PersonRow, person_id)
            if row is None or not secrets.compare_digest(_stamp(row), stamp):
                return None
            return person_of(session, row)

    def stamp(self, person: Person) -> str:
        """What a session keeps beside the person's id."""
        with self._database.read() as session:
            row = session.get(PersonRow, person.id)
        if row is None:
            raise NotFound("no-such-person", "This person was removed.")
        return _stamp(row)

    def _tell(self, session: Session, row: PersonRow, action: audit.Action, by: Person, **facts: object) -> None:
        session.flush()
        event = audit.Event(action, str(row.id), row.institution_id, by, facts=facts)
        audit.append(session, self._clock(), event)

    def _stand_in(self) -> str:
        """A hash nobody's password has: an unknown name takes as long to refuse as a wrong password."""
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_urlsafe(32))
        return self._nobody


ERASED = "erased-"
"""Before the number of somebody who was erased, in the place of their login."""
_HERE = col(PersonRow.name) != literal(ERASED).concat(cast(col(PersonRow.id), String))
_PEOPLE = (
    select(PersonRow, Institution.name)
    .join(Institution, col(PersonRow.institution_id) == col(Institution.id), isouter=True)
    .where(_HERE)
)
"""With the names of their institutions."""


def _looks_after(by: Person) -> None:
    if not by.looks_after("people:edit"):
        raise Forbidden("not-allowed", "Only an admin, or a token made for it, looks after the people.")


def is_program(by: Person) -> bool:
    return by.token not in ("", audit.CONSOLE)


def _may_be(by: Person, role: str) -> None:
    """Raises Forbidden."""
    if is_program(by) and role not in BY_PROGRAMS:
        raise Forbidden("needs-login", "With a token, teachers and students are looked after, and nobody else.")


def _known_role(role: str) -> None:
    if role not in ROLES:
        raise BadRequest("bad-role", f"The role is none of {', '.join(ROLES)}.")


def theirs(session: Session, by: Person, person_id: int, *, change: bool = False) -> PersonRow:
    """One of those whom they look after. change: nobody else changes the row meanwhile. Raises Forbidden, and NotFound,
    whether there is nobody, somebody of another institution, or somebody who was erased."""
    _looks_after(by)
    query = select(PersonRow).where(_HERE, col(PersonRow.id) == person_id, *within(by, PersonRow.institution_id))
    row = session.exec(query.with_for_update(key_share=True) if change else query).first()
    if row is None:
        raise NotFound("no-such-person", "There is nobody like that.")
    if change:
        _may_be(by, row.role)
    return row


def _view(row: PersonRow, institution: str | None) -> PersonView:
    facts = {name: getattr(row, name) for name in ("id", "name", "full_name", "role")}
    known = {"institution": institution or "", "own_login": row.subject is not None}
    has = {"password": row.password_hash != "", "card": row.card != "", "revision": revision_of(row)}
    return PersonView.model_validate({**facts, **known, **has})


def _fit(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= 1000:
        raise BadRequest("bad-password", f"A password has at least {MIN_PASSWORD} characters.")
    return password


def plain_login(name: str) -> str:
    """Raises BadRequest."""
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise BadRequest("bad-name", "A login name has 1 to 100 visible characters.")
    return name


def plain_full_name(name: str) -> str:
    """Raises BadRequest."""
    name = " ".join(name.split())
    if len(name) > LONGEST_FULL_NAME or not (name.isprintable() or not name):
        raise BadRequest("bad-name", f"A full name has at most {LONGEST_FULL_NAME} visible characters.")
    return name


def known_person(session: Session, name: str) -> PersonRow:
    """Raises NotFound."""
    row = _by_name(session, name)
    if row is None:
        raise NotFound("no-such-person", f"There is nobody called {name!r}; add them with `lms-server user add`.")
    return row


def _by_name(session: Session, name: str) -> PersonRow | None:
    return session.exec(select(PersonRow).where(col(PersonRow.name) == name)).first()


def person_of(session: Session, row: PersonRow) -> Person:
    institution = session.get(Institution, row.institution_id) if row.institution_id is not None else None
    facts = {name: getattr(row, name) for name in ("id", "name", "role", "institution_id", "full_name")}
    return Person.model_validate({**facts, "institution": institution.name if institution is not None else ""})


def _stamp(row: PersonRow) -> str:
    return hashlib.sha256(f"{row.password_hash} {row.subject or ''}".rstrip().encode()).hexdigest()[:16]
