"""Terms and courses, who takes part in them, and the course of a lesson."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.api.revisions import IfMatch, seen_in, tag
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import CourseView, LessonDetail, MemberPart, MembersPage, MemberView, TermView
from lms_server.catalog.scoping import row_id
from lms_sync.wire import API

Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Day = Annotated[str, StringConstraints(max_length=40)]
Words = Annotated[str, StringConstraints(max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewTerm(_Body):
    """Days are ISO dates, both within the term. institution: which, for who is of none."""

    name: Words
    first_day: Day
    last_day: Day
    institution: Words = ""


class ChangedTerm(_Body):
    """What is left out stays as it is."""

    name: Words | None = None
    first_day: Day | None = None
    last_day: Day | None = None


class NewCourse(_Body):
    """code: as the timetables write it."""

    term_id: Number
    code: Words
    title: Words = ""


class ChangedCourse(_Body):
    """What is left out stays as it is."""

    code: Words | None = None
    title: Words | None = None


class NewPart(_Body):
    """part: null for what the person's role says."""

    part: MemberPart | None = None


class CourseOfLesson(_Body):
    """course_id: null takes the lesson out of every course."""

    course_id: Number | None


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=API, tags=["courses"])
    _terms(routes, catalog, gate)
    _courses(routes, catalog, gate)
    _members(routes, catalog, gate)

    @routes.put("/lessons/{lesson_id}/course", summary="Put a lesson into a course; no timetable changes that any more")
    def assign(lesson_id: str, body: CourseOfLesson, request: Request) -> LessonDetail:
        person = gate.require(request, scope="lessons:edit")
        catalog.editing.assign(person, lesson_id, body.course_id)
        return catalog.lessons.get(person, lesson_id)

    return routes


def _terms(routes: APIRouter, catalog: Catalog, gate: Gate) -> None:
    @routes.get("/terms", summary="The terms, the newest first")
    def terms(request: Request) -> list[TermView]:
        return catalog.courses.terms(gate.require(request, scope="lessons:read"))

    @routes.post("/terms", status_code=201, summary="Add a term; one of that name gets these days")
    def add_term(body: NewTerm, request: Request, response: Response) -> TermView:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        made = catalog.courses.add_term(body.institution, body.name, body.first_day, body.last_day, by=by)
        found = catalog.courses.term(by, made)
        tag(response, found.revision, f"{API}/terms/{made}")
        return found

    @routes.get("/terms/{term_id}", summary="One term")
    def term(term_id: str, request: Request, response: Response) -> TermView:
        found = catalog.courses.term(gate.require(request, scope="lessons:read"), row_id(term_id))
        tag(response, found.revision)
        return found

    @routes.patch("/terms/{term_id}", summary="Give a term another name or other days")
    def change_term(
        term_id: str, body: ChangedTerm, request: Request, response: Response, if_match: IfMatch = None
    ) -> TermView:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        catalog.courses.change_term(by, row_id(term_id), **body.model_dump(), seen=seen_in(if_match))
        found = catalog.courses.term(by, row_id(term_id))
        tag(response, found.revision)
        return found

    @routes.delete("/terms/{term_id}", status_code=204, summary="Remove a term that has no courses")
    def remove_term(term_id: str, request: Request, if_match: IfMatch = None) -> Response:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        catalog.courses.remove_term(by, row_id(term_id), seen_in(if_match))
        return Response(status_code=204)


def _courses(routes: APIRouter, catalog: Catalog, gate: Gate) -> None:
    @routes.get("/courses", summary="Courses by their codes: a student's own, for staff every one")
    def courses(
        request: Request, term: Annotated[str, Query(max_length=20, description="A term's id")] = ""
    ) -> list[CourseView]:
        person = gate.require(request, scope="lessons:read")
        return catalog.courses.of_term(person, row_id(term) if term else None)

    @routes.post("/courses", status_code=201, summary="Add a course to a term")
    def add(body: NewCourse, request: Request, response: Response) -> CourseView:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        made = catalog.courses.add_to(by, body.term_id, body.code, body.title)
        found = catalog.courses.get(by, made)
        tag(response, found.revision, f"{API}/courses/{made}")
        return found

    @routes.get("/courses/{course_id}", summary="One course; its lessons are those of /lessons?course=ID")
    def course(course_id: str, request: Request, response: Response) -> CourseView:
        found = catalog.courses.get(gate.require(request, scope="lessons:read"), row_id(course_id))
        tag(response, found.revision)
        return found

    @routes.patch("/courses/{course_id}", summary="Give a course another code or title")
    def change(
        course_id: str, body: ChangedCourse, request: Request, response: Response, if_match: IfMatch = None
    ) -> CourseView:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        catalog.courses.change(by, row_id(course_id), **body.model_dump(), seen=seen_in(if_match))
        found = catalog.courses.get(by, row_id(course_id))
        tag(response, found.revision)
        return found

    @routes.delete("/courses/{course_id}", status_code=204, summary="Remove a course that has no lessons")
    def remove(course_id: str, request: Request, if_match: IfMatch = None) -> Response:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        catalog.courses.remove(by, row_id(course_id), seen_in(if_match))
        return Response(status_code=204)


def _members(routes: APIRouter, catalog: Catalog, gate: Gate) -> None:
    @routes.get("/courses/{course_id}/members", summary="Who takes part in a course, by their logins")
    def members(
        course_id: str,
        request: Request,
        after: Annotated[str, Query(max_length=100, description="`next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> MembersPage:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        return catalog.members.of(by, row_id(course_id), after=after, limit=limit)

    @routes.put("/courses/{course_id}/members/{person_id}", summary="Put a person into a course")
    def put(course_id: str, person_id: str, body: NewPart, request: Request) -> MemberView:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        return catalog.members.put(by, row_id(course_id), row_id(person_id), body.part)

    @routes.delete("/courses/{course_id}/members/{person_id}", status_code=204, summary="Take a person out of a course")
    def take_out(course_id: str, person_id: str, request: Request) -> Response:
        by = gate.require(request, "admin", "service", scope="courses:edit")
        catalog.members.remove(by, row_id(course_id), row_id(person_id))
        return Response(status_code=204)
