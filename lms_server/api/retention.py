"""How long lessons are kept; the trash; holds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.api.revisions import IfMatch, seen_in
from lms_server.catalog import Catalog
from lms_server.catalog.retention import MOST_TRASH_DAYS
from lms_server.catalog.schemas import RetentionView, TrashView
from lms_server.catalog.scoping import row_id
from lms_sync.wire import API

Words = Annotated[str, StringConstraints(max_length=40)]


class NewRule(BaseModel):
    """keep: `for ever`, some `400 days` or some `2 terms`. institution: which, for who is of none."""

    model_config = ConfigDict(extra="forbid")
    keep: Words
    trash_days: Annotated[int, Field(ge=1, le=MOST_TRASH_DAYS)] | None = None
    institution: Annotated[str, StringConstraints(max_length=200)] = ""


class NewCourseRule(BaseModel):
    """keep: as of an institution; empty leaves it to that."""

    model_config = ConfigDict(extra="forbid")
    keep: Words


class NewHold(BaseModel):
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=API, tags=["retention"])
    retention = catalog.retention

    @routes.get("/trash", summary="Lessons in the trash, and when each is deleted for good")
    def trashed(request: Request) -> list[TrashView]:
        return retention.trashed(gate.require(request, scope="lessons:edit"))

    @routes.post("/lessons/{lesson_id}/trash", summary="Put a lesson into the trash")
    def trash(lesson_id: str, request: Request) -> TrashView:
        person = gate.require(request, scope="lessons:edit")
        retention.trash(person, lesson_id)
        return retention.state(person, lesson_id)

    @routes.post("/lessons/{lesson_id}/restore", summary="Take a lesson out of the trash")
    def restore(lesson_id: str, request: Request) -> TrashView:
        person = gate.require(request, scope="lessons:edit")
        retention.restore(person, lesson_id)
        return retention.state(person, lesson_id)

    @routes.put("/lessons/{lesson_id}/hold", summary="Hold a lesson: nothing deletes it")
    def hold(lesson_id: str, body: NewHold, request: Request) -> TrashView:
        person = gate.require(request, "admin", scope="lessons:edit")
        retention.hold(person, lesson_id, body.reason)
        return retention.state(person, lesson_id)

    @routes.delete("/lessons/{lesson_id}/hold", status_code=204, summary="End a hold")
    def release(lesson_id: str, request: Request) -> Response:
        retention.release(gate.require(request, "admin", scope="lessons:edit"), lesson_id)
        return Response(status_code=204)

    @routes.get("/retention", summary="How long lessons are kept")
    def rules(request: Request) -> list[RetentionView]:
        return retention.rules(gate.require(request, "admin", scope="lessons:edit"))

    @routes.put("/retention", status_code=204, summary="Say how long an institution's lessons are kept")
    def set_rule(body: NewRule, request: Request) -> Response:
        person = gate.require(request, "admin", scope="lessons:edit")
        retention.set_institution(person, body.keep, body.trash_days, body.institution)
        return Response(status_code=204)

    @routes.put("/courses/{course_id}/retention", status_code=204, summary="Say how long a course's lessons are kept")
    def set_course_rule(course_id: str, body: NewCourseRule, request: Request, if_match: IfMatch = None) -> Response:
        person = gate.require(request, "admin", scope="lessons:edit")
        retention.set_course(person, row_id(course_id), body.keep, seen_in(if_match))
        return Response(status_code=204)

    return routes
