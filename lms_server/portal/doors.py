"""The ways in: the login page, and the institution's own login beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from lms_server.api.gate import Gate
from lms_server.api.problems import STATUS
from lms_server.errors import ServerError, TooManyAttempts, Unauthenticated, Unavailable

from .language import Tongue, Tongues
from .other_login import BACK, OtherLogin


class Door:
    def __init__(self, gate: Gate, tongues: Tongues, page: Callable[..., Response]) -> None:
        """page: makes a page of a template, as the portal does."""
        self._gate, self._tongues, self._page = gate, tongues, page

    def routes(self, router: APIRouter) -> None:
        router.add_api_route("/login", self.login, methods=["GET", "HEAD"])
        router.add_api_route("/login", self.sign_in, methods=["POST"])
        router.add_api_route("/logout", self.sign_out, methods=["POST"])

    def login(self, request: Request) -> Response:
        target = local(request.query_params.get("next", ""))
        if self._gate.person(request) is not None:
            return RedirectResponse(target, 303)
        return self._page(request, "login.html", next=target, error="", name="")

    def sign_in(
        self,
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "",
    ) -> Response:
        tongue, status = self._tongues.of(request), 401
        try:
            self._gate.sign_in(request, name, password)
        except TooManyAttempts as error:
            seconds, status = int(error.facts.get("seconds", 60)), 429
            sentence = tongue.ngettext(
                "Too many wrong tries; wait %(number)d second, then try again.",
                "Too many wrong tries; wait %(number)d seconds, then try again.",
                seconds,
            ) % {"number": seconds}
        except Unauthenticated:
            sentence = tongue.gettext("The name or the password is wrong; try again.")
        else:
            return RedirectResponse(local(next), 303)
        return self._page(request, "login.html", status, next=local(next), error=sentence, name=name[:100])

    def sign_out(self, request: Request) -> Response:
        self._gate.sign_out(request)
        return RedirectResponse("/login", 303)


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
        if not isinstance(error, Unavailable):
            self._gate.refused(request, error.code)
        sentence = why(self._tongues.of(request), error, self._other.name)
        return self._page(request, "login.html", STATUS[type(error)], next=target, error=sentence, name="")


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
