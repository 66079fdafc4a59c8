"""Two pages of the institution's own login: away to it, and back from it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.errors import Conflict, Forbidden, NotFound, ServerError, Unauthenticated, Unavailable

from .language import Tongue, Tongues
from .other_login import BACK, OtherLogin

_STATUS: dict[type[ServerError], int] = {Unauthenticated: 401, Forbidden: 403, NotFound: 403, Conflict: 409}


class OtherDoor:
    def __init__(
        self,
        other: OtherLogin,
        gate: Gate,
        tongues: Tongues,
        page: Callable[..., Response],
        address: Callable[[Request], str],
    ) -> None:
        """page: makes a page of a template, as the portal does. address: the server's own, for this request."""
        self._other, self._gate, self._tongues = other, gate, tongues
        self._page, self._address = page, address

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/login/other", self.away, methods=["GET"])
        router.add_api_route(BACK, self.back, methods=["GET"])

    async def away(self, request: Request) -> Response:
        target = local(request.query_params.get("next", ""))
        try:
            return await self._other.begin(request, f"{self._address(request)}{BACK}", target)
        except ServerError as error:
            return self._refused(request, error, target)

    async def back(self, request: Request) -> Response:
        try:
            _, target = await self._other.end(request)
        except ServerError as error:
            return self._refused(request, error, local(str(request.session.get("target", ""))))
        return RedirectResponse(local(target), 303)

    def _refused(self, request: Request, error: ServerError, target: str) -> Response:
        """The login page, where a password of this server still opens."""
        sentence = why(self._tongues.of(request), error, self._other.name)
        status = 503 if isinstance(error, Unavailable) else _STATUS.get(type(error), 400)
        return self._page(request, "login.html", status, next=target, error=sentence, name="")


def why(tongue: Tongue, error: ServerError, name: str) -> str:
    """Why the other login opened nothing. name: what it is called."""
    facts = {"name": name}
    return {
        "login-away": tongue.gettext("%(name)s does not answer. Log in with a password, or try again later.") % facts,
        "login-stale": tongue.gettext("This login was begun elsewhere, or was used already. Begin it again."),
        "login-refused": tongue.gettext("%(name)s did not let you in. Try again.") % facts,
        "login-forged": tongue.gettext(
            "What %(name)s answered cannot be believed. Tell whoever looks after this server."
        )
        % facts,
        "no-role": tongue.gettext("%(name)s knows you, but you have no role on this server. Ask its admin for one.")
        % facts,
        "no-institution": tongue.gettext(
            "%(name)s knows you, but not as somebody of an institution of this server. Ask its admin."
        )
        % facts,
        "not-known": tongue.gettext("You are not on this server’s list. Ask its admin to add you."),
        "name-taken": tongue.gettext("Somebody else has your name on this server. Ask its admin."),
    }.get(
        error.code, tongue.gettext("That did not work. Log in with a password, or ask whoever looks after this server.")
    )


def local(target: str) -> str:
    """Where to go after signing in: a path of this server, never another one."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/lessons"
    plain = target.isascii() and target.isprintable() and "\\" not in target
    inside = target.startswith("/") and not target.startswith("//") and not parts.scheme and not parts.netloc
    return target if plain and inside else "/lessons"
