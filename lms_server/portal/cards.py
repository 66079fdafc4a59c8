"""A teacher's card for the panels of the rooms: one's own, or that of somebody whom an admin looks after."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Person
from lms_server.catalog.scoping import row_id
from lms_server.portal.card_sheet import pictured


class CardPages:
    def __init__(self, catalog: Catalog, gate: Gate, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._catalog, self._gate, self._page = catalog, gate, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/account/card", self.own, methods=["POST"])
        router.add_api_route("/account/card/remove", self.remove_own, methods=["POST"])
        router.add_api_route("/people/{person_id}/card", self.make, methods=["POST"])
        router.add_api_route("/people/{person_id}/card/remove", self.remove, methods=["POST"])

    def own(self, request: Request) -> Response:
        person = self._gate.require_login(request)
        return self._shown(request, person, person.id, person.full_name or person.name, "/account")

    def make(self, request: Request, person_id: str) -> Response:
        by = self._gate.require_login(request)
        whose = self._catalog.people.get(by, row_id(person_id))
        return self._shown(request, by, whose.id, whose.full_name or whose.name, f"/people/{whose.id}")

    def remove_own(self, request: Request) -> Response:
        person = self._gate.require_login(request)
        self._catalog.cards.take(person, person.id)
        return RedirectResponse("/account", 303)

    def remove(self, request: Request, person_id: str) -> Response:
        self._catalog.cards.take(self._gate.require_login(request), row_id(person_id))
        return RedirectResponse(f"/people/{row_id(person_id)}", 303)

    def _shown(self, request: Request, by: Person, person_id: int, name: str, back: str) -> Response:
        """The card stands on this answer and on no other page."""
        code = self._catalog.cards.make(by, person_id)
        return self._page(
            request,
            "card.html",
            person=by,
            name=name,
            back=back,
            groups=[code[at : at + 4] for at in range(0, len(code), 4)],
            picture=pictured(code),
        )
