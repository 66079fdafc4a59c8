"""The trash: what was put away, when each lesson is deleted for good, and how long lessons are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import RetentionView, TrashView

from .language import Tongue


class TrashPages:
    def __init__(self, catalog: Catalog, gate: Gate, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._catalog, self._gate, self._page = catalog, gate, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/trash", self.trash, methods=["GET", "HEAD"])
        router.add_api_route("/lessons/{lesson_id}/trash", self.put_away, methods=["POST"])
        router.add_api_route("/lessons/{lesson_id}/restore", self.restore, methods=["POST"])
        router.add_api_route("/lessons/{lesson_id}/hold", self.hold, methods=["POST"])

    def trash(self, request: Request) -> Response:
        person = self._gate.require(request)
        found = self._catalog.retention.trashed(person)
        rules = self._catalog.retention.rules(person) if person.role == "admin" else []
        return self._page(request, "trash.html", person=person, found=found, rules=rules, fate=fate, rule=rule)

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
