"""The audit log, for admins and for programs that keep it elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from lms_server.api.gate import Gate
from lms_server.api.lessons import parse_since
from lms_server.catalog import Catalog
from lms_server.catalog.audit import MOST
from lms_server.catalog.schemas import AuditPage
from lms_sync.wire import API


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=API, tags=["audit"])

    @routes.get("/audit", summary="Who saw, fetched, changed and deleted what, the newest first")
    def audit(
        request: Request,
        *,
        about: Annotated[str, Query(max_length=100, description="Id of a lesson, a room or a person")] = "",
        who: Annotated[str, Query(max_length=100, description="A login")] = "",
        action: Annotated[str, Query(max_length=40, description="A code, as `file-fetched`")] = "",
        since: Annotated[str, Query(max_length=40, description="ISO date or time, or Unix seconds")] = "",
        page: Annotated[int | None, Query(ge=1, le=2**62, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> AuditPage:
        person = gate.require(request, "admin", scope="audit:read")
        moment = parse_since(since) if since else None
        return catalog.audit.search(person, about=about, who=who, action=action, since=moment, page=page, limit=limit)

    return routes
