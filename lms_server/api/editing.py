"""What people change of a lesson, for programs: words, publication, shown parts, captions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.api.lessons import parse_since
from lms_server.captions import Captions
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import LessonDetail, Part, Publication
from lms_sync.wire import API


class NewWords(BaseModel):
    """What is left out stays as it is."""

    title: Annotated[str, StringConstraints(max_length=1000)] | None = None
    teacher: Annotated[str, StringConstraints(max_length=1000)] | None = None
    description: Annotated[str, StringConstraints(max_length=20_000)] | None = None


class NewPublication(BaseModel):
    """at: from when on students may see a published lesson, as an ISO time or Unix seconds; left out, at once."""

    state: Publication
    at: Annotated[str, StringConstraints(max_length=40)] | float = 0.0


class NewParts(BaseModel):
    parts: list[Part]


def router(catalog: Catalog, gate: Gate, captions: Captions) -> APIRouter:
    routes = APIRouter(prefix=f"{API}/lessons/{{lesson_id}}", tags=["editing"])

    @routes.patch("", summary="Give a lesson another title, teacher or description")
    def describe(lesson_id: str, body: NewWords, request: Request) -> LessonDetail:
        person = gate.require(request, scope="lessons:edit")
        catalog.editing.describe(
            person, lesson_id, title=body.title, teacher=body.teacher, description=body.description
        )
        return catalog.lessons.get(person, lesson_id)

    @routes.post("/publication", summary="Publish a lesson, now or later; keep it private; withdraw it")
    def publish(lesson_id: str, body: NewPublication, request: Request) -> LessonDetail:
        person = gate.require(request, scope="lessons:edit")
        at = parse_since(body.at) if isinstance(body.at, str) else body.at
        catalog.editing.publish(person, lesson_id, body.state, at)
        return catalog.lessons.get(person, lesson_id)

    @routes.put("/parts", summary="Show only these stretches; no file is changed. None shows everything")
    def show(lesson_id: str, body: NewParts, request: Request) -> LessonDetail:
        person = gate.require(request, scope="lessons:edit")
        catalog.editing.show(person, lesson_id, body.parts)
        return catalog.lessons.get(person, lesson_id)

    @routes.put(
        "/captions/{language}",
        summary="Captions in one language, as WebVTT",
        openapi_extra={"requestBody": {"content": {"text/vtt": {"schema": {"type": "string"}}}, "required": True}},
    )
    async def caption(lesson_id: str, language: str, request: Request) -> LessonDetail:
        text = await request.body()
        person = await run_in_threadpool(lambda: gate.require(request, scope="lessons:edit"))
        await run_in_threadpool(captions.take, person, lesson_id, language, text)
        return await run_in_threadpool(catalog.lessons.get, person, lesson_id)

    @routes.delete("/captions/{language}", status_code=204, summary="Take captions away")
    def uncaption(lesson_id: str, language: str, request: Request) -> Response:
        catalog.editing.uncaption(gate.require(request, scope="lessons:edit"), lesson_id, language)
        return Response(status_code=204)

    return routes
