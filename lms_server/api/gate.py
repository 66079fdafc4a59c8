"""Who is asking: a login cookie or a bearer token; and whether a page of ours made the browser ask.

The API and the portal's pages share one ``Gate``:

    gate.person(request) -> Person | None
    gate.require(request, *roles, scope=…) -> Person raises Unauthenticated, Forbidden
    gate.require_login(request) -> Person            raises Unauthenticated, Forbidden: no token will do
    gate.sign_in(request, name, password) -> Person  raises Unauthenticated, TooManyAttempts
    gate.sign_out(request) -> None

The cookie is starlette's signed session, HttpOnly and SameSite=Lax. Requests that change something and come from a
page of another origin are refused by ``OwnOrigin`` before any handler sees them; handlers need no CSRF token.
"""

from __future__ import annotations

from starlette.requests import Request

from lms_server.catalog import Catalog
from lms_server.catalog.audit import Event
from lms_server.catalog.schemas import Person, Role, Scope
from lms_server.catalog.tokens import PREFIX, check_scope
from lms_server.errors import Forbidden, TooManyAttempts, Unauthenticated


class Gate:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def person(self, request: Request) -> Person | None:
        """Who asks, or None. A token in the request counts, and a wrong one is never made good by a cookie."""
        token = _bearer(request)
        if token is not None:
            try:
                return self._owner(request, token)
            except Unauthenticated:
                return None
        person_id, stamp = request.session.get("person"), request.session.get("stamp")
        if not isinstance(person_id, int) or not isinstance(stamp, str):
            return None
        person = self._catalog.people.by_id(person_id, stamp)
        return None if person is None else _from(request, person)

    def require(self, request: Request, *roles: Role, scope: Scope | None = None, token: str = "") -> Person:
        """Who asks; anyone signed in when no roles are named. scope: what a token must be for that is not for
        everything; a handler that names none is open to logins and tokens for everything alone. token: one that stands
        in the address, which must be for this scope and nothing else. Raises Unauthenticated, also saying what is wrong
        with a token, and Forbidden."""
        sent = token or _bearer(request)
        person = self._owner(request, sent) if sent is not None else self.person(request)
        if token and person is not None and list(person.scopes or ()) != [scope]:
            raise Forbidden("needs-scope", f"A token that stands in an address is for {scope} and nothing else.")
        if person is None:
            raise Unauthenticated(
                "not-signed-in",
                "Sign in, or send a token as `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": 'Bearer realm="darsbox"'},
            )
        if roles and person.role not in roles:
            raise Forbidden("not-allowed", f"This is not open to the role {person.role}.")
        check_scope(person, scope)
        return person

    def require_login(self, request: Request) -> Person:
        """Who asks by a login: a token that was stolen must not make others."""
        if _bearer(request) is not None:
            raise Forbidden("needs-login", "This takes a login; no token opens it.")
        return self.require(request)

    def sign_in(self, request: Request, name: str, password: str) -> Person:
        """Opens a session. Raises Unauthenticated, TooManyAttempts."""
        try:
            person = self._catalog.people.authenticate(name, password, address_of(request))
        except TooManyAttempts as error:
            self.refused(request, error.code)
            raise
        self.admit(request, person)
        return person

    def refused(self, request: Request, why: str) -> None:
        """Somebody was not let in; who guesses without end makes one row of the audit log. why: a code."""
        event = Event("sign-in-refused", "", None, address=address_of(request), facts={"why": why})
        self._catalog.visits.once(event)

    def admit(self, request: Request, person: Person) -> None:
        """Opens a session for who has proven who they are; nothing of the session before stays."""
        request.session.clear()
        request.session.update(person=person.id, stamp=self._catalog.people.stamp(person))
        event = Event("signed-in", str(person.id), person.institution_id, _from(request, person))
        self._catalog.audit.note(event)

    def sign_out(self, request: Request) -> None:
        person = self.person(request)
        request.session.clear()
        if person is not None:
            self._catalog.audit.note(Event("signed-out", str(person.id), person.institution_id, person))

    def _owner(self, request: Request, token: str) -> Person:
        """Raises Unauthenticated."""
        try:
            return _from(request, self._catalog.tokens.owner(token))
        except Unauthenticated as error:
            if error.code != "bad-token":  # which anybody can make up
                prefix, facts = token[:PREFIX], {"why": error.code}
                event = Event("token-refused", prefix, None, address=address_of(request), facts=facts)
                self._catalog.visits.once(event)
            raise


def address_of(request: Request) -> str:
    """From where a request came; behind a proxy on this machine, what the proxy says of it."""
    return request.client.host if request.client is not None else ""


def _from(request: Request, person: Person) -> Person:
    return person.model_copy(update={"address": address_of(request)})


def _bearer(request: Request) -> str | None:
    """The token that a request carries, however wrong; None when it carries none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
