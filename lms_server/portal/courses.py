"""Pages of courses: those of a term, and one with its lessons and its podcast; and of terms, for admins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Person, TermView
from lms_server.catalog.scoping import row_id
from lms_sync.wire import API

from . import words
from .language import Tongue, Tongues
from .people import institutions_for

PAGE = 50
"""Lessons on one page of a course."""
MEDIA = ("audio", "video")
PODCAST_DAYS = 365
"""For which a podcast's address is good: longer than a course."""


class CoursePages:
    def __init__(
        self,
        catalog: Catalog,
        gate: Gate,
        tongues: Tongues,
        page: Callable[..., Response],
        address: Callable[[Request], str],
    ) -> None:
        """page: makes a page of a template, as the portal does. address: the server's own."""
        self._catalog, self._gate, self._tongues, self._page = catalog, gate, tongues, page
        self._address = address

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/courses", self.courses, methods=["GET", "HEAD"])
        router.add_api_route("/courses", self.add, methods=["POST"])
        router.add_api_route("/terms", self.add_term, methods=["POST"])
        router.add_api_route("/terms/{term_id}/remove", self.remove_term, methods=["POST"])
        router.add_api_route("/courses/{course_id}", self.course, methods=["GET", "HEAD"])
        router.add_api_route("/courses/{course_id}/remove", self.remove, methods=["POST"])
        router.add_api_route("/courses/{course_id}/podcast", self.podcast, methods=["POST"])

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
            institutions=institutions_for(self._catalog, person),
        )

    def add_term(
        self,
        request: Request,
        name: Annotated[str, Form(max_length=400)],
        first: Annotated[str, Form(max_length=40)],
        last: Annotated[str, Form(max_length=40)],
        institution: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        """One of that name gets these days."""
        person = self._gate.require(request, "admin")
        term = self._catalog.courses.add_term(institution, name, first, last, by=person)
        return RedirectResponse(f"/courses?term={term}", 303)

    def add(
        self,
        request: Request,
        term: Annotated[str, Form(max_length=20)],
        code: Annotated[str, Form(max_length=400)],
        title: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:
        person = self._gate.require(request, "admin")
        course = self._catalog.courses.add_to(person, row_id(term), code, title)
        return RedirectResponse(f"/courses/{course}", 303)

    def remove_term(self, request: Request, term_id: str) -> Response:
        self._catalog.courses.remove_term(self._gate.require(request, "admin"), row_id(term_id))
        return RedirectResponse("/courses", 303)

    def remove(self, request: Request, course_id: str) -> Response:
        person = self._gate.require(request, "admin")
        term = self._catalog.courses.get(person, row_id(course_id)).term_id
        self._catalog.courses.remove(person, row_id(course_id))
        return RedirectResponse(f"/courses?term={term}", 303)

    def course(self, request: Request, course_id: str, page: str = "") -> Response:
        return self._shown(request, self._gate.require(request), row_id(course_id), page=page)

    def podcast(self, request: Request, course_id: str) -> Response:
        """An address for podcast programs, with a token in it that stands on this answer and on no other page."""
        person = self._gate.require_login(request)
        course = self._catalog.courses.get(person, row_id(course_id))
        token = self._catalog.tokens.make(person, ["lessons:read"], PODCAST_DAYS, f"Podcast {course.code}")
        return self._shown(request, person, course.id, token=token)

    def _shown(self, request: Request, person: Person, course_id: int, *, page: str = "", token: str = "") -> Response:
        course = self._catalog.courses.get(person, course_id)
        feed = f"{self._address(request)}{API}/courses/{course.id}/podcast"
        rules = self._catalog.retention.rules(person) if person.role == "admin" else []
        return self._page(
            request,
            "course.html",
            person=person,
            course=course,
            found=self._catalog.lessons.search(person, course=str(course.id), page=page or None, limit=PAGE),
            students_of=students_of,
            feeds=[(media, f"{feed}?{urlencode({'token': token, 'media': media})}") for media in MEDIA if token],
            keep=next((rule.keep for rule in rules if rule.course_id == course.id), ""),
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
