"""Pages of the people who may come in: who is here, somebody new, another role, another password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.cards import may_have
from lms_server.catalog.people import MIN_PASSWORD
from lms_server.catalog.schemas import ROLES, Person, Role
from lms_server.catalog.scoping import row_id

from .account import role


class PeoplePages:
    def __init__(self, catalog: Catalog, gate: Gate, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._catalog, self._gate, self._page = catalog, gate, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/people", self.people, methods=["GET", "HEAD"])
        router.add_api_route("/people", self.add, methods=["POST"])
        router.add_api_route("/people/{person_id}", self.one, methods=["GET", "HEAD"])
        router.add_api_route("/people/{person_id}/role", self.set_role, methods=["POST"])
        router.add_api_route("/people/{person_id}/password", self.give_password, methods=["POST"])
        router.add_api_route("/people/{person_id}/remove", self.remove, methods=["POST"])

    def people(self, request: Request, q: str = "", after: str = "") -> Response:
        person = self._gate.require_login(request)
        asked = q.strip()[:100]
        found = self._catalog.people.found(person, q=asked, after=after[:100])
        return self._page(
            request,
            "people.html",
            person=person,
            asked=asked,
            found=found,
            more="/people?" + urlencode({key: text for key, text in (("q", asked), ("after", found.next)) if text}),
            institutions=institutions_for(self._catalog, person),
            roles=ROLES,
            role=role,
            shortest=MIN_PASSWORD,
        )

    def add(
        self,
        request: Request,
        *,
        name: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=2000)],
        chosen: Annotated[Role, Form(alias="role")],
        full_name: Annotated[str, Form(max_length=400)] = "",
        institution: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        by = self._gate.require_login(request)
        made = self._catalog.people.add(name, chosen, password, institution, full_name, by=by)
        return RedirectResponse(f"/people/{made.id}", 303)

    def one(self, request: Request, person_id: str) -> Response:
        person = self._gate.require_login(request)
        found = self._catalog.people.get(person, row_id(person_id))
        return self._page(
            request,
            "one_person.html",
            person=person,
            found=found,
            may_have_card=may_have(found.institution, found.role),
            roles=ROLES,
            role=role,
            shortest=MIN_PASSWORD,
        )

    def set_role(self, request: Request, person_id: str, chosen: Annotated[Role, Form(alias="role")]) -> Response:
        self._catalog.people.change(self._gate.require_login(request), row_id(person_id), role=chosen)
        return RedirectResponse(f"/people/{row_id(person_id)}", 303)

    def give_password(
        self, request: Request, person_id: str, password: Annotated[str, Form(max_length=2000)]
    ) -> Response:
        self._catalog.people.change(self._gate.require_login(request), row_id(person_id), password=password)
        return RedirectResponse(f"/people/{row_id(person_id)}", 303)

    def remove(self, request: Request, person_id: str) -> Response:
        self._catalog.personal.remove(self._gate.require_login(request), row_id(person_id))
        return RedirectResponse("/people", 303)


def institutions_for(catalog: Catalog, person: Person) -> list[str]:
    """Those among which this person chooses; none for who is of one."""
    return catalog.institutions.all() if person.institution_id is None else []
