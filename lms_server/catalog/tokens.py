"""Tokens: what a program shows in the place of a login, for as much as it needs and as long."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence

from sqlmodel import Session, col, select

from lms_server.catalog import audit
from lms_server.catalog.database import Database
from lms_server.catalog.people import known_person, person_of
from lms_server.catalog.schemas import SCOPES, Person, Scope, TokenView
from lms_server.catalog.tables import ApiToken, PersonRow
from lms_server.errors import BadRequest, Forbidden, NotFound, Unauthenticated

MARK = "darsbox_"
"""A prefix that secret scanners can look for."""
PREFIX = len(MARK) + 4
"""Signs of a token that are kept and shown."""
USE_GRAIN = 60.0
"""Seconds: how exactly a token's last use is kept, so that a thousand range requests are not a thousand writes."""
MOST = 100
"""Valid tokens of one person."""
LONGEST = 5 * 366
"""Days."""
_REFUSED = {"WWW-Authenticate": 'Bearer realm="darsbox", error="invalid_token"'}


class Tokens:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def make_for(self, name: str, scopes: Sequence[str] | None = None, days: int | None = None, label: str = "") -> str:
        """For the person of this login; see ``make``. Raises NotFound too."""
        with self._database.read() as session:
            person = person_of(session, known_person(session, name))
        return self.make(person, scopes, days, label, via=audit.CONSOLE)

    def make(self, person: Person, scopes: Sequence[str] | None, days: int | None, label: str, *, via: str = "") -> str:
        """A token of this person; it is kept hashed, so this is the only time anyone sees it.

        scopes: what it is for; None for all that the role may do. days: until it expires; None for never. label: what
        its owner calls it. via: as of an audit event. Raises BadRequest, and Forbidden for a scope that the role does
        not have.
        """
        label = " ".join(label.split())
        if len(label) > 100 or not (label.isprintable() or not label):
            raise BadRequest("bad-name", "A token's name has at most 100 visible characters.")
        if days is not None and not 1 <= days <= LONGEST:
            raise BadRequest("bad-days", f"A token lives 1 to {LONGEST} days.")
        token, now = MARK + secrets.token_urlsafe(32), self._clock()
        row = ApiToken(
            person_id=person.id,
            prefix=token[:PREFIX],
            token_hash=_hash(token),
            name=label,
            scopes=None if scopes is None else _checked(person, scopes),
            made=now,
            expires=None if days is None else now + days * 86400.0,
        )
        with self._database.write() as session:
            if sum(self._valid(known) for known in _of(session, person.id)) >= MOST:
                raise BadRequest("too-many-tokens", f"You have {MOST} valid tokens; revoke one first.")
            session.add(row)
            facts = {"scopes": row.scopes, "expires": row.expires, "of": person.id}
            event = audit.Event("token-made", row.prefix, person.institution_id, person, via=via, facts=facts)
            audit.append(session, now, event)
        return token

    def owner(self, token: str) -> Person:
        """Whose token it is, and what it is for. Raises Unauthenticated with one sentence for an unknown, an expired
        and a revoked one."""
        now = self._clock()
        with self._database.read() as session:
            found = session.exec(
                select(ApiToken, PersonRow)
                .where(col(ApiToken.person_id) == col(PersonRow.id))
                .where(col(ApiToken.token_hash) == _hash(token))
            ).first()
            if found is None:
                sentence = "The server does not know this token; make a new one."
                raise Unauthenticated("bad-token", sentence, headers=_REFUSED)
            row, person = found[0], person_of(session, found[1])
        if row.revoked is not None:
            raise Unauthenticated("token-revoked", "This token was revoked; make a new one.", headers=_REFUSED)
        if row.expires is not None and row.expires <= now:
            raise Unauthenticated("token-expired", "This token has expired; make a new one.", headers=_REFUSED)
        if row.last_used is None or now - row.last_used > USE_GRAIN:
            with self._database.write() as session:
                used = session.get(ApiToken, row.id)
                if used is not None:
                    used.last_used = now
        scopes = None if row.scopes is None else frozenset(row.scopes)
        return person.model_copy(update={"scopes": scopes, "token": row.prefix})

    def of(self, person: Person) -> list[TokenView]:
        """A person's tokens, the newest first."""
        with self._database.read() as session:
            rows = _of(session, person.id)
        return [TokenView.model_validate({**row.model_dump(), "valid": self._valid(row)}) for row in rows]

    def revoke(self, person: Person, token_id: int) -> None:
        """One of their own. Raises NotFound, also for somebody else's."""
        with self._database.write() as session:
            row = session.get(ApiToken, token_id)
            if row is None or row.person_id != person.id:
                raise NotFound("no-such-token", "There is no such token.")
            row.revoked = row.revoked or self._clock()
            audit.append(
                session, self._clock(), audit.Event("token-revoked", row.prefix, person.institution_id, person)
            )

    def revoke_prefix(self, prefix: str) -> int:
        """Revokes the tokens that begin so, whoever has them; how many there were."""
        with self._database.write() as session:
            rows = session.exec(
                select(ApiToken).where(col(ApiToken.prefix) == prefix).where(col(ApiToken.revoked).is_(None))
            ).all()
            for row in rows:
                row.revoked = self._clock()
                owner = session.get_one(PersonRow, row.person_id).institution_id
                facts = {"of": row.person_id}
                audit.append(
                    session,
                    row.revoked,
                    audit.Event("token-revoked", row.prefix, owner, via=audit.CONSOLE, facts=facts),
                )
            return len(rows)

    def _valid(self, row: ApiToken) -> bool:
        return row.revoked is None and (row.expires is None or row.expires > self._clock())


def scopes_of(person: Person) -> list[Scope]:
    """Those that this person may give to a token."""
    return [scope for scope, roles in SCOPES.items() if person.role in roles]


def check_scope(person: Person, scope: Scope | None) -> None:
    """scope: what is about to be done; None for what no scope covers. Raises Forbidden when the token is not for it."""
    if person.scopes is not None and scope not in person.scopes:
        needed = f"one with the scope {scope}" if scope else "a login, or a token for everything"
        raise Forbidden(
            "needs-scope",
            f"This token is not for that; it takes {needed}.",
            headers={"WWW-Authenticate": f'Bearer realm="darsbox", error="insufficient_scope", scope="{scope or ""}"'},
        )


def _of(session: Session, person_id: int) -> Sequence[ApiToken]:
    query = select(ApiToken).where(col(ApiToken.person_id) == person_id)
    return session.exec(query.order_by(col(ApiToken.made).desc(), col(ApiToken.id).desc())).all()


def _checked(person: Person, scopes: Collection[str]) -> list[str]:
    """Raises BadRequest, Forbidden."""
    if not scopes:
        raise BadRequest("bad-scope", "Say what the token is for; it needs at least one scope.")
    for scope in scopes:
        if scope not in SCOPES:
            raise BadRequest("bad-scope", f"{scope[:60]!r} is no scope; there are {', '.join(SCOPES)}.")
        if scope not in scopes_of(person):
            raise Forbidden("not-allowed", f"The role {person.role} has no right to {scope}, so no token of it has.")
    return sorted(set(scopes))


def _hash(token: str) -> str:
    """Tokens carry 256 random bits: a plain hash is enough, and it can be looked up."""
    return hashlib.sha256(token.encode()).hexdigest()
