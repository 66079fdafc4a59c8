"""The audit log as admins read it: who did what, from where, and when."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.audit import ACTIONS, CONSOLE, WORKER
from lms_server.catalog.schemas import AuditEntry
from lms_server.catalog.scoping import row_id

from . import words
from .language import Tongue, Tongues

PAGE = 100
"""Entries on one page."""


class AuditPages:
    def __init__(self, catalog: Catalog, gate: Gate, tongues: Tongues, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._catalog, self._gate, self._tongues, self._page = catalog, gate, tongues, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/audit", self.audit, methods=["GET", "HEAD"])

    def audit(
        self, request: Request, *, who: str = "", action: str = "", about: str = "", since: str = "", page: str = ""
    ) -> Response:
        person = self._gate.require(request, "admin")
        tongue = self._tongues.of(request)
        asked = {"who": who.strip()[:100], "action": action[:40], "about": about.strip()[:100], "since": since}
        found = self._catalog.audit.search(
            person,
            who=asked["who"],
            action=asked["action"],
            about=asked["about"],
            since=words.wall_clock(tongue, since) if since else None,
            page=row_id(page) if page else None,
            limit=PAGE,
        )
        return self._page(
            request,
            "audit.html",
            person=person,
            asked=asked,
            found=found,
            actions=sorted(((code, deed(tongue, code)) for code in ACTIONS), key=lambda each: each[1]),
            older="/audit?" + urlencode({key: text for key, text in {**asked, "page": found.next}.items() if text}),
            deed=deed,
            doer=doer,
        )


def doer(tongue: Tongue, entry: AuditEntry) -> str:
    if entry.person or entry.person_id is not None:
        return entry.person or tongue.gettext("Person %(number)d") % {"number": entry.person_id}
    known = {CONSOLE: tongue.gettext("On the server’s console"), WORKER: tongue.gettext("The server")}
    return known.get(entry.via, tongue.gettext("A room") if entry.via == "room" else tongue.gettext("Somebody unknown"))


def deed(tongue: Tongue, action: str) -> str:
    """What was done; its code where a newer server wrote it."""
    return {
        "signed-in": tongue.gettext("Logged in"),
        "signed-out": tongue.gettext("Logged out"),
        "sign-in-refused": tongue.gettext("Was refused a login"),
        "token-refused": tongue.gettext("Showed a token that is no longer good"),
        "token-made": tongue.gettext("Made a token"),
        "token-revoked": tongue.gettext("Revoked a token"),
        "lesson-opened": tongue.gettext("Opened the lesson’s page"),
        "lesson-played": tongue.gettext("Played the lesson"),
        "file-fetched": tongue.gettext("Downloaded a file"),
        "lesson-described": tongue.gettext("Changed title, teacher or description"),
        "lesson-published": tongue.gettext("Changed who sees the lesson"),
        "lesson-cut": tongue.gettext("Changed which parts are played"),
        "lesson-assigned": tongue.gettext("Put the lesson into a course"),
        "captions-given": tongue.gettext("Added captions"),
        "captions-removed": tongue.gettext("Took captions away"),
        "room-commanded": tongue.gettext("Told the room what to do"),
        "room-revoked": tongue.gettext("Shut the room out"),
        "room-enrolled": tongue.gettext("Joined with a new key"),
        "enrol-code-made": tongue.gettext("Made a code for a room"),
        "enrol-code-reused": tongue.gettext("Showed a code that another PC had used"),
        "timetable-given": tongue.gettext("Gave the room a timetable"),
        "policy-set": tongue.gettext("Set what the room’s link carries"),
        "update-released": tongue.gettext("Released a version of Darsbox to rooms"),
        "room-ringed": tongue.gettext("Put the room into a ring of updates"),
        "lesson-trashed": tongue.gettext("Put the lesson into the trash"),
        "lesson-restored": tongue.gettext("Took the lesson back"),
        "lesson-held": tongue.gettext("Held the lesson"),
        "lesson-released": tongue.gettext("Ended the hold"),
        "lesson-deleted": tongue.gettext("Deleted the lesson"),
        "bytes-deleted": tongue.gettext("Deleted the lesson’s last bytes"),
        "retention-set": tongue.gettext("Said how long lessons are kept"),
        "person-exported": tongue.gettext("Took along all that is held about a person"),
        "person-erased": tongue.gettext("Erased a person"),
        "agent-added": tongue.gettext("Let a capture agent in"),
        "agent-revoked": tongue.gettext("Shut a capture agent out"),
        "person-added": tongue.gettext("Added a person"),
        "person-moved": tongue.gettext("Put a person into another institution"),
        "role-set": tongue.gettext("Gave a person another role"),
        "person-changed": tongue.gettext("Gave a person another full name"),
        "card-made": tongue.gettext("Made a card for a teacher"),
        "card-taken": tongue.gettext("Took a teacher’s card away"),
        "term-set": tongue.gettext("Set a term"),
        "term-removed": tongue.gettext("Removed a term"),
        "course-added": tongue.gettext("Added a course"),
        "course-changed": tongue.gettext("Changed a course’s code or title"),
        "course-removed": tongue.gettext("Removed a course"),
        "course-joined": tongue.gettext("Put a person into a course"),
        "course-left": tongue.gettext("Took a person out of a course"),
        "password-set": tongue.gettext("Gave a person another password"),
        "sheet-imported": tongue.gettext("Took in a sheet"),
    }.get(action, action)
