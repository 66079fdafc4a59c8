"""Who is told what becomes of lessons and of rooms, and what is still to be told. Triggers write that down (migrations
0015, 0018), so that whatever changes a lesson or an alarm is told of, and is told of after a power cut too."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from lms_server.catalog import overview
from lms_server.catalog.database import Database
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.tables import AlarmRow, CourseRow, Institution, LessonRow, Room, WebhookDeliveryRow, WebhookRow
from lms_server.errors import BadRequest, NotFound

LESSONS = ("lesson.ready", "lesson.failed", "lesson.published", "lesson.withdrawn", "lesson.deleted")
ALARMS = ("alarm.raised", "alarm.cleared")
EVENTS = (*LESSONS, *ALARMS)
PATIENCE = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Seconds from one try to the next; then it is given up."""
AT_ONCE = 16
"""Deliveries that are looked for together."""


@dataclass(frozen=True, slots=True)
class Hook:
    """institution: "" for one that is told of all. secret: whsec_ and base64, as Standard Webhooks writes it."""

    id: int
    institution: str
    url: str
    secret: str
    events: tuple[str, ...]
    waiting: int
    problem: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be told now. made: Unix seconds. data: what is known of its lesson or alarm, under that name."""

    id: int
    hook: int
    url: str
    secret: str
    kind: str
    made: float
    data: dict[str, dict[str, object]]


class Webhooks:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def add(self, url: str, institution: str, events: Sequence[str]) -> str:
        """The secret with which it is signed; institution: "" for all of the server. Raises BadRequest, NotFound."""
        try:
            parts = urlsplit(url)
            right = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and parts.port != 0
        except ValueError:
            right = False
        if not right or not (url.isascii() and url.isprintable()) or " " in url or len(url) > 2000:
            raise BadRequest("bad-url", "The address is one such as https://example.org/told.")
        if unknown := sorted(set(events) - set(EVENTS)):
            raise BadRequest("bad-event", f"There is no event {unknown[0]!r}; there are {', '.join(EVENTS)}.")
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        with self._database.write() as session:
            owner = institution_named(session, institution) if institution else None
            told = f" {' '.join(events or EVENTS)} "
            session.add(WebhookRow(institution_id=owner, url=url, secret=secret, events=told, made=self._clock()))
        return secret

    def all(self) -> list[Hook]:
        query = (
            select(WebhookRow, Institution.name)
            .outerjoin(Institution, col(Institution.id) == col(WebhookRow.institution_id))
            .order_by(col(WebhookRow.id))
        )
        with self._database.read() as session:
            return [_hook(session, row, name or "") for row, name in session.exec(query)]

    def remove(self, number: int) -> None:
        """And what it was still to be told. Raises NotFound."""
        with self._database.write() as session:
            row = session.get(WebhookRow, number)
            if row is None:
                raise NotFound("no-such-webhook", "There is no such webhook; `lms-server webhook list` shows them.")
            session.delete(row)

    def due(self) -> list[Delivery]:
        query = (
            select(WebhookDeliveryRow, WebhookRow)
            .join(WebhookRow, col(WebhookRow.id) == col(WebhookDeliveryRow.webhook_id))
            .where(col(WebhookDeliveryRow.due) <= self._clock())
            .order_by(col(WebhookDeliveryRow.due), col(WebhookDeliveryRow.id))
            .limit(AT_ONCE)
        )
        with self._database.read() as session:
            return [
                Delivery(
                    row.id or 0,
                    row.webhook_id,
                    hook.url,
                    hook.secret,
                    row.kind,
                    row.made,
                    _data(session, row),
                )
                for row, hook in session.exec(query)
            ]

    def done(self, delivery: Delivery, problem: str, *, final: bool = False) -> None:
        """It was told, or why not: then it is tried again later. final: trying again is of no use."""
        with self._database.write() as session:
            row = session.get(WebhookDeliveryRow, delivery.id)
            if row is None:
                return
            if not problem or final or row.attempts >= len(PATIENCE):
                session.delete(row)
                return
            row.due, row.problem = self._clock() + PATIENCE[row.attempts], problem[:200]
            row.attempts += 1


def _hook(session: Session, row: WebhookRow, institution: str) -> Hook:
    mine = select(WebhookDeliveryRow).where(col(WebhookDeliveryRow.webhook_id) == row.id)
    waiting = session.exec(mine.order_by(col(WebhookDeliveryRow.attempts).desc())).all()
    problem = waiting[0].problem if waiting else ""
    return Hook(row.id or 0, institution, row.url, row.secret, tuple(row.events.split()), len(waiting), problem)


def _data(session: Session, row: WebhookDeliveryRow) -> dict[str, dict[str, object]]:
    if row.alarm_id is not None:
        return {"alarm": _alarm(session, row.alarm_id)}
    return {"lesson": _lesson(session, row.lesson_id)}


def _alarm(session: Session, alarm_id: int) -> dict[str, object]:
    """As of the API; of one that is kept no longer no more than its id."""
    found = overview.alarms(session, col(AlarmRow.id) == alarm_id)
    return found[0].model_dump() if found else {"id": alarm_id}


def _lesson(session: Session, lesson_id: str) -> dict[str, object]:
    """Of a deleted lesson no more than its id."""
    query = (
        select(LessonRow, Room.name, Institution.name, CourseRow.code)
        .join(Room, col(Room.id) == col(LessonRow.room_id))
        .join(Institution, col(Institution.id) == col(Room.institution_id))
        .outerjoin(CourseRow, col(CourseRow.id) == col(LessonRow.course_id))
        .where(col(LessonRow.id) == lesson_id, col(LessonRow.deleted).is_(None))
    )
    found = session.exec(query).first()
    if found is None:
        return {"id": lesson_id}
    row, room, institution, course = found
    told = ("id", "title", "teacher", "state", "publication", "started", "seconds")
    facts = {name: getattr(row, name) for name in told}
    return {**facts, "room": room, "institution": institution, "course": course or ""}
