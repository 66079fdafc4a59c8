"""One's own page: who one is to this server, and the tokens one has given to programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.cards import may_have
from lms_server.catalog.personal import zipped
from lms_server.catalog.schemas import Role, Scope, TokenView
from lms_server.catalog.scoping import row_id
from lms_server.catalog.tokens import scopes_of

from .language import Tongue, Tongues


class Account:
    def __init__(
        self, catalog: Catalog, gate: Gate, tongues: Tongues, page: Callable[..., Response], clock: Callable[[], float]
    ) -> None:
        """page: makes a page of a template, as the portal does. clock: Unix seconds."""
        self._catalog, self._gate, self._tongues = catalog, gate, tongues
        self._page, self._clock = page, clock

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/account", self.account, methods=["GET", "HEAD"])
        router.add_api_route("/account/data", self.data, methods=["GET"])
        router.add_api_route("/account/tokens", self.make, methods=["POST"])
        router.add_api_route("/account/tokens/{token_id}/revoke", self.revoke, methods=["POST"])

    def account(self, request: Request) -> Response:
        return self._shown(request, "")

    def data(self, request: Request) -> Response:
        """All that is held about who asks, to take along."""
        person = self._gate.require_login(request)
        found = zipped(self._catalog.personal.export(person.name, person))
        headers = {"Content-Disposition": 'attachment; filename="darsbox-account.zip"', "Cache-Control": "no-store"}
        return Response(found, headers=headers, media_type="application/zip")

    def make(
        self,
        request: Request,
        name: Annotated[str, Form(max_length=200)] = "",
        scopes: Annotated[list[str] | None, Form()] = None,
        days: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        """The token stands on this answer and on no other page."""
        person = self._gate.require_login(request)
        token = self._catalog.tokens.make(person, scopes or [], row_id(days) if days else None, name)
        return self._shown(request, token)

    def revoke(self, request: Request, token_id: str) -> Response:
        self._catalog.tokens.revoke(self._gate.require_login(request), row_id(token_id))
        return RedirectResponse("/account", 303)

    def _shown(self, request: Request, made: str) -> Response:
        person = self._gate.require_login(request)
        return self._page(
            request,
            "account.html",
            person=person,
            made=made,
            tokens=self._catalog.tokens.of(person),
            scopes=scopes_of(person),
            may_have_card=may_have(person.institution, person.role),
            has_card=self._catalog.cards.has(person),
            now=self._clock(),
            role=role,
            purpose=purpose,
            life=life,
            scope_name=scope_name,
            expiry=expiry,
        )


def role(tongue: Tongue, code: Role) -> str:
    return {
        "admin": tongue.gettext("Admin"),
        "it": tongue.gettext("IT"),
        "teacher": tongue.gettext("Teacher (role)"),
        "student": tongue.gettext("Student"),
        "service": tongue.gettext("Program"),
    }[code]


def scope_name(tongue: Tongue, scope: Scope) -> str:
    return {
        "lessons:read": tongue.gettext("See lessons and fetch their files"),
        "lessons:edit": tongue.gettext("Change lessons and who sees them"),
        "lessons:upload": tongue.gettext("Send recordings for a room"),
        "people:edit": tongue.gettext("Add, change and remove teachers and students"),
        "courses:edit": tongue.gettext("Add, change and remove terms and courses"),
        "rooms:read": tongue.gettext("See the rooms and how they are"),
        "rooms:command": tongue.gettext("Tell rooms what to do"),
        "metrics:read": tongue.gettext("Read how the server does"),
        "audit:read": tongue.gettext("Read the audit log"),
    }[scope]


def purpose(tongue: Tongue, scopes: Sequence[Scope] | None) -> str:
    """What a token is for."""
    if scopes is None:
        return tongue.gettext("Everything that you may do")
    return " · ".join(scope_name(tongue, scope) for scope in scopes)


def expiry(tongue: Tongue, days: int) -> str:
    return tongue.ngettext("after %(number)d day", "after %(number)d days", days) % {"number": days}


def life(tongue: Tongue, token: TokenView, now: float) -> str:
    """Until when a token is good, and when somebody used it last."""
    if token.revoked is not None:
        end = tongue.gettext("Revoked on %(day)s") % {"day": tongue.day(token.revoked)}
    elif token.expires is None:
        end = tongue.gettext("Never expires")
    elif token.valid:
        end = tongue.gettext("Expires on %(day)s") % {"day": tongue.day(token.expires)}
    else:
        end = tongue.gettext("Expired on %(day)s") % {"day": tongue.day(token.expires)}
    if token.last_used is None:
        use = tongue.gettext("never used")
    else:
        use = tongue.gettext("last used %(time)s") % {"time": tongue.ago(now - token.last_used)}
    return f"{end} · {use}"
