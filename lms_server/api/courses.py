"""Terms and courses, and the course of a lesson."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import CourseView, LessonDetail, TermView
from lms_server.catalog.scoping import row_id
from lms_sync.wire import API


class NewCourse(BaseModel):
    """course_id: null takes the lesson out of every course."""

    model_config = ConfigDict(extra="forbid")
    course_id: Annotated[int, Field(ge=1, le=2**31 - 1)] | None


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=API, tags=["courses"])

    @routes.get("/terms", summary="The terms, the newest first")
    def terms(request: Request) -> list[TermView]:
        return catalog.courses.terms(gate.require(request, scope="lessons:read"))

    @routes.get("/courses", summary="Courses by their codes: a student's own, for staff every one")
    def courses(
        request: Request, term: Annotated[str, Query(max_length=20, description="A term's id")] = ""
    ) -> list[CourseView]:
        person = gate.require(request, scope="lessons:read")
        return catalog.courses.of_term(person, row_id(term) if term else None)

    @routes.get("/courses/{course_id}", summary="One course; its lessons are those of /lessons?course=ID")
    def course(course_id: str, request: Request) -> CourseView:
        return catalog.courses.get(gate.require(request, scope="lessons:read"), row_id(course_id))

    @routes.put("/lessons/{lesson_id}/course", summary="Put a lesson into a course; no timetable changes that any more")
    def assign(lesson_id: str, body: NewCourse, request: Request) -> LessonDetail:
        person = gate.require(request, scope="lessons:edit")
        catalog.editing.assign(person, lesson_id, body.course_id)
        return catalog.lessons.get(person, lesson_id)

    return routes
