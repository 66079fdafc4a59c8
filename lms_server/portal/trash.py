"""The trash: what was put away, when each lesson is deleted for good, and how long lessons are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import RetentionView, TrashView
from lms_server.catalog.scoping import row_id

from .language import DIGITS, Tongue


class TrashPages:
    def __init__(self, catalog: Catalog, gate: Gate, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._catalog, self._gate, self._page = catalog, gate, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/trash", self.trash, methods=["GET", "HEAD"])
        router.add_api_route("/retention", self.keep, methods=["POST"])
        router.add_api_route("/courses/{course_id}/retention", self.keep_course, methods=["POST"])
        router.add_api_route("/lessons/{lesson_id}/trash", self.put_away, methods=["POST"])
        router.add_api_route("/lessons/{lesson_id}/restore", self.restore, methods=["POST"])
        router.add_api_route("/lessons/{lesson_id}/hold", self.hold, methods=["POST"])

    def trash(self, request: Request) -> Response:
        person = self._gate.require(request)
        found = self._catalog.retention.trashed(person)
        rules = self._catalog.retention.rules(person) if person.role == "admin" else []
        return self._page(request, "trash.html", person=person, found=found, rules=rules, fate=fate, rule=rule)

    def keep(
        self,
        request: Request,
        unit: Annotated[str, Form(max_length=20)],
        trash_days: Annotated[str, Form(max_length=10)],
        number: Annotated[str, Form(max_length=10)] = "",
        institution: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        person = self._gate.require(request, "admin")
        days = max(0, row_id(trash_days))
        self._catalog.retention.set_institution(person, kept(unit, number), days, institution)
        return RedirectResponse("/trash", 303)

    def keep_course(
        self,
        request: Request,
        course_id: str,
        unit: Annotated[str, Form(max_length=20)] = "",
        number: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        person = self._gate.require(request, "admin")
        self._catalog.retention.set_course(person, row_id(course_id), kept(unit, number))
        return RedirectResponse(f"/courses/{row_id(course_id)}", 303)

    def put_away(self, request: Request, lesson_id: str) -> Response:
        self._catalog.retention.trash(self._gate.require(request), lesson_id)
        return RedirectResponse("/lessons", 303)

    def restore(self, request: Request, lesson_id: str) -> Response:
        self._catalog.retention.restore(self._gate.require(request), lesson_id)
        return RedirectResponse(f"/lessons/{lesson_id}", 303)

    def hold(
        self,
        request: Request,
        lesson_id: str,
        reason: Annotated[str, Form(max_length=2000)] = "",
        end: Annotated[str, Form()] = "",
    ) -> Response:
        person = self._gate.require(request)
        if end:
            self._catalog.retention.release(person, lesson_id)
        else:
            self._catalog.retention.hold(person, lesson_id, reason)
        trashed = self._catalog.retention.state(person, lesson_id).trashed is not None
        return RedirectResponse("/trash" if trashed else f"/lessons/{lesson_id}", 303)


def kept(unit: str, number: str) -> str:
    """How long, as a rule says it, out of the two fields of a form."""
    return f"{number.strip().translate(DIGITS)} {unit}" if unit in ("days", "terms") else unit


def fate(tongue: Tongue, lesson: TrashView) -> str:
    if lesson.goes is None:
        return tongue.gettext("Held: nothing deletes it")
    return tongue.gettext("Deleted for good on %(day)s") % {"day": tongue.day(lesson.goes)}


def rule(tongue: Tongue, found: RetentionView) -> str:
    number, _, unit = found.keep.partition(" ")
    if not number.isdigit():
        return tongue.gettext("Lessons are kept for ever.")
    if unit == "terms":
        sentence = tongue.ngettext(
            "Lessons are kept for %(number)d term more.", "Lessons are kept for %(number)d terms more.", int(number)
        )
    else:
        sentence = tongue.ngettext(
            "Lessons are kept for %(number)d day.", "Lessons are kept for %(number)d days.", int(number)
        )
    return sentence % {"number": int(number)}
