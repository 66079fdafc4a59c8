"""Pages of courses: those of a term, and one with its lessons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request, Response

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import TermView
from lms_server.catalog.scoping import row_id

from . import words
from .language import Tongue, Tongues

PAGE = 50
"""Lessons on one page of a course."""


class CoursePages:
    def __init__(self, catalog: Catalog, gate: Gate, tongues: Tongues, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._catalog, self._gate, self._tongues, self._page = catalog, gate, tongues, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/courses", self.courses, methods=["GET", "HEAD"])
        router.add_api_route("/courses/{course_id}", self.course, methods=["GET", "HEAD"])

    def courses(self, request: Request, term: str = "") -> Response:
        person = self._gate.require(request)
        terms = self._catalog.courses.terms(person)
        chosen = chosen_term(terms, term)
        return self._page(
            request,
            "courses.html",
            person=person,
            terms=terms,
            chosen=chosen,
            courses=self._catalog.courses.of_term(person, chosen) if chosen is not None else [],
            lessons_of=lessons_of,
        )

    def course(self, request: Request, course_id: str, page: str = "") -> Response:
        person = self._gate.require(request)
        course = self._catalog.courses.get(person, row_id(course_id))
        return self._page(
            request,
            "course.html",
            person=person,
            course=course,
            found=self._catalog.lessons.search(person, course=str(course.id), page=page or None, limit=PAGE),
            students_of=students_of,
            state=words.state,
            hidden=words.hidden,
        )


def chosen_term(terms: Sequence[TermView], asked: str) -> int | None:
    """The one that was asked for by its id or name, else the one of today, else the newest; None when there is none."""
    by = [term for term in terms if asked in (str(term.id), term.name)] if asked else []
    current = [term for term in terms if term.current]
    return next((term.id for term in (*by, *current, *terms)), None)


def lessons_of(tongue: Tongue, count: int) -> str:
    return tongue.ngettext("%(number)d lesson", "%(number)d lessons", count) % {"number": count}


def students_of(tongue: Tongue, count: int) -> str:
    return tongue.ngettext("%(number)d student", "%(number)d students", count) % {"number": count}
