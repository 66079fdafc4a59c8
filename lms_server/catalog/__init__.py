"""What the server knows: institutions, rooms, people, lessons, their files, uploads.

``Catalog`` is the door for everyone else. The API and the portal's pages read

    catalog.lessons.search(person, q="", room="", since=None, page=None, limit=50) -> LessonPage
    catalog.lessons.get(person, lesson_id) -> LessonDetail                  raises NotFound
    catalog.lessons.file(person, lesson_id, name) -> File                   raises NotFound
    catalog.editing.describe(person, lesson_id, title=…) -> None            raises NotFound, Forbidden, BadRequest
    catalog.editing.publish(person, lesson_id, publication, at) -> None     likewise
    catalog.editing.show(person, lesson_id, parts) -> None                  likewise
    catalog.editing.assign(person, lesson_id, course_id) -> None            likewise
    catalog.courses.terms(person), .of_term(person, term_id), .get(person, course_id)    raises NotFound
    catalog.members.put(person, course_id, person_id) -> MemberView         raises NotFound, Forbidden
    catalog.rooms.all(person)  -> list[RoomView]                            raises Forbidden
    catalog.rooms.get(person, room_id) -> RoomView                          raises Forbidden, NotFound
    catalog.alarms.of(person, lasting=False) -> list[AlarmView]             raises Forbidden
    catalog.rooms.revoke(person, room_id) -> None                           raises Forbidden, NotFound
    catalog.rooms.make_code(room, institution="") -> str                    for enrolment; shown once
    catalog.desks.order(person, room_id, verb, …) -> CommandView            raises Forbidden, NotFound, BadRequest
    catalog.people.authenticate(name, password, address) -> Person          raises Unauthenticated, TooManyAttempts
    catalog.cards.make(person, person_id) -> str                            raises Forbidden, NotFound, Conflict
    catalog.tokens.owner(token) -> Person                                   raises Unauthenticated
    catalog.audit.search(person, about="", who="", action="", …) -> AuditPage    raises Forbidden
    catalog.retention.trash(person, lesson_id), .restore, .hold, .release   raises NotFound, Forbidden, Conflict
    catalog.visits.once(event) -> None                                      returns at once

and every one of them is synchronous: call them from plain ``def`` handlers, which FastAPI runs in threads. What comes
back are the frozen models of ``schemas``. What is raised is in ``lms_server.errors``: code, detail, facts.
Whose rows a person comes near at all is decided in ``scoping`` and ``lessons.open_to``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lms_server.catalog.alarms import Alarms
from lms_server.catalog.audit import Audit
from lms_server.catalog.card_giving import CardGiving
from lms_server.catalog.courses import Courses
from lms_server.catalog.database import Database
from lms_server.catalog.desks import Desks
from lms_server.catalog.editing import Editing
from lms_server.catalog.enrolling import Enrolling
from lms_server.catalog.institutions import Institutions
from lms_server.catalog.lessons import Lessons
from lms_server.catalog.members import Members
from lms_server.catalog.operations import Operations
from lms_server.catalog.people import People
from lms_server.catalog.personal import Personal
from lms_server.catalog.progress import Progress
from lms_server.catalog.retention import Retention
from lms_server.catalog.rooms import Rooms
from lms_server.catalog.tokens import Tokens
from lms_server.catalog.visits import Visits

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Catalog:
    lessons: Lessons
    rooms: Rooms
    people: People
    cards: CardGiving
    tokens: Tokens
    desks: Desks
    editing: Editing
    courses: Courses
    members: Members
    institutions: Institutions
    enrolling: Enrolling
    alarms: Alarms
    progress: Progress
    audit: Audit
    retention: Retention
    personal: Personal
    operations: Operations
    visits: Visits

    @classmethod
    def over(cls, database: Database, clock: Clock) -> Catalog:
        """clock: Unix seconds; time.time in the composition root."""
        people, audit = People(database, clock), Audit(database, clock)
        return cls(
            Lessons(database, clock),
            Rooms(database, clock),
            people,
            CardGiving(database, clock),
            Tokens(database, clock),
            Desks(database, clock),
            Editing(database, clock),
            Courses(database, clock),
            Members(database, clock),
            Institutions(database),
            Enrolling(database, clock, people),
            Alarms(database, clock),
            Progress(database, clock),
            audit,
            Retention(database, clock),
            Personal(database, clock),
            Operations(database, clock),
            Visits(audit, clock),
        )
