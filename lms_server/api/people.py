"""People who may come in, for programs: what the portal's pages do, by the same rules, and removal. A token looks after
teachers and students alone; whoever may do more is looked after by a login.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.api.revisions import IfMatch, seen_in, tag
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import PeoplePage, PersonView, Role
from lms_server.catalog.scoping import row_id
from lms_sync.wire import API

Name = Annotated[str, StringConstraints(max_length=400)]
Password = Annotated[str, StringConstraints(max_length=2000)]
PEOPLE = f"{API}/people"


class NewPerson(BaseModel):
    """name: the login. password: null for who comes in by the institution's own login, or gets one later. institution:
    which, for who is of none."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, StringConstraints(max_length=200)]
    role: Role
    full_name: Name = ""
    password: Password | None = None
    institution: Annotated[str, StringConstraints(max_length=200)] = ""


class ChangedPerson(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")
    full_name: Name | None = None
    role: Role | None = None
    password: Password | None = None


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=PEOPLE, tags=["people"])

    @routes.get("", summary="People by their logins")
    def people(
        request: Request,
        *,
        q: Annotated[str, Query(max_length=100, description="How a login begins, or a part of a full name")] = "",
        name: Annotated[str, Query(max_length=100, description="A whole login")] = "",
        after: Annotated[str, Query(max_length=100, description="`next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> PeoplePage:
        person = gate.require(request, "admin", "service", scope="people:edit")
        return catalog.people.found(person, q=q.strip(), name=name, after=after, limit=limit)

    @routes.post("", status_code=201, summary="Add a person")
    def add(body: NewPerson, request: Request, response: Response) -> PersonView:
        by = gate.require(request, "admin", "service", scope="people:edit")
        made = catalog.people.add(body.name, body.role, body.password, body.institution, body.full_name, by=by)
        found = catalog.people.get(by, made.id)
        tag(response, found.revision, f"{PEOPLE}/{made.id}")
        return found

    @routes.get("/{person_id}", summary="One person")
    def one(person_id: str, request: Request, response: Response) -> PersonView:
        by = gate.require(request, "admin", "service", scope="people:edit")
        found = catalog.people.get(by, row_id(person_id))
        tag(response, found.revision)
        return found

    @routes.patch("/{person_id}", summary="Give a person another full name, role or password")
    def change(
        person_id: str, body: ChangedPerson, request: Request, response: Response, if_match: IfMatch = None
    ) -> PersonView:
        by = gate.require(request, "admin", "service", scope="people:edit")
        changes = body.model_dump()
        catalog.people.change(by, row_id(person_id), **changes, seen=seen_in(if_match))
        found = catalog.people.get(by, row_id(person_id))
        tag(response, found.revision)
        return found

    @routes.delete("/{person_id}", status_code=204, summary="Forget a person: login, tokens, courses and name")
    def remove(person_id: str, request: Request, if_match: IfMatch = None) -> Response:
        by = gate.require(request, "admin", "service", scope="people:edit")
        catalog.personal.remove(by, row_id(person_id), seen_in(if_match))
        return Response(status_code=204)

    return routes
