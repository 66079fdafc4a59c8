"""Teachers' cards, given and taken: one's own, somebody's whom an admin looks after, a whole institution's at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlmodel import Session, col, select

from lms_server.catalog import audit, cards
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.people import is_program, known_person, person_of, theirs
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import PersonRow
from lms_server.errors import Conflict, Forbidden, NotFound
from lms_sync import wire_cards


class CardGiving:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def make(self, by: Person, person_id: int) -> str:
        """The code of a new card for a teacher, which counts at the panels of their institution's rooms; the one before
        counts no longer. One's own, or that of somebody whom they look after. Raises Forbidden, NotFound, and Conflict
        for who belongs to no institution, or is a student."""
        code = wire_cards.new_code()
        self.give(by, {person_id: code})
        return code

    def give(self, by: Person, codes: Mapping[int, str]) -> None:
        """Cards with these codes, by person, in the place of those before: all of them or none. Raises what ``make``
        raises."""
        with self._database.write() as session:
            homes: set[int] = set()
            for person_id, code in sorted(codes.items()):
                row = _holder(session, by, person_id)
                homes.add(_home(row))
                row.card = wire_cards.digest_of(code)
                self._tell(session, row, "card-made", by)
            cards.refresh(session, *homes)

    def take(self, by: Person, person_id: int) -> None:
        """The card of this person counts no longer: at once where a room has a link, else as soon as it has. Raises
        Forbidden, NotFound."""
        with self._database.write() as session:
            row = _holder(session, by, person_id)
            if row.card:
                row.card = ""
                self._tell(session, row, "card-taken", by)
                cards.refresh(session, row.institution_id)

    def has(self, person: Person) -> bool:
        with self._database.read() as session:
            row = session.get(PersonRow, person.id)
        return row is not None and row.card != ""

    def lacking(self, institution: str) -> list[Person]:
        """The teachers of an institution who have none, by their names. Raises NotFound."""
        with self._database.read() as session:
            query = select(PersonRow).where(
                col(PersonRow.institution_id) == institution_named(session, institution),
                col(PersonRow.role) == "teacher",
                col(PersonRow.card) == "",
            )
            return _sorted(person_of(session, row) for row in session.exec(query))

    def of(self, institution: str, logins: Sequence[str]) -> list[Person]:
        """These people of an institution, by their names. Raises NotFound, also for somebody of another one."""
        with self._database.read() as session:
            home = institution_named(session, institution)
            rows = [known_person(session, login) for login in logins]
            if stranger := next((row for row in rows if row.institution_id != home), None):
                raise NotFound("no-such-person", f"{stranger.name} is not of {institution}.")
            return _sorted({row.id: person_of(session, row) for row in rows}.values())

    def _tell(self, session: Session, row: PersonRow, action: audit.Action, by: Person) -> None:
        session.flush()
        audit.append(session, self._clock(), audit.Event(action, str(row.id), row.institution_id, by, facts={}))


def _holder(session: Session, by: Person, person_id: int) -> PersonRow:
    """Raises Forbidden, NotFound."""
    if is_program(by):
        raise Forbidden("needs-login", "A token makes no card, for a card speaks for who holds it; log in.")
    if person_id != by.id:
        return theirs(session, by, person_id, change=True)
    row = session.get(PersonRow, person_id, with_for_update=LOCK)
    if row is None:
        raise NotFound("no-such-person", "There is nobody like that.")
    return row


def _home(row: PersonRow) -> int:
    """Raises Conflict."""
    if row.institution_id is None:
        raise Conflict("no-institution", f"A card counts in the rooms of an institution; {row.name} is of none.")
    if row.role in cards.WITHOUT:
        raise Conflict("no-teacher", f"Who records lessons has a card; {row.name} is a {row.role}.")
    return row.institution_id


def _sorted(people: Iterable[Person]) -> list[Person]:
    return sorted(people, key=lambda person: ((person.full_name or person.name).casefold(), person.name))
