"""Patience with those who guess: failed sign-ins in a row make the next ones wait, whichever process answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, delete

from lms_server.catalog.database import LOCK, made_once
from lms_server.catalog.tables import SignInFailure
from lms_server.errors import TooManyAttempts

FREE_FAILURES = {"pair": 5, "address": 30}
"""Failures in a row before waiting begins: of one name from one address, and of one address with whatever names."""
MAX_WAIT = 300.0
"""Seconds. A class of students behind one address must not be shut out for an afternoon by one joker."""
FORGET = 3600.0
"""Seconds after which failures no longer count."""


def check(session: Session, keys: Mapping[str, str], now: float) -> None:
    """keys: by their kind, as in FREE_FAILURES. Raises TooManyAttempts with the seconds to wait."""
    for kind, key in keys.items():
        row = session.get(SignInFailure, key)
        if row is None or row.count < FREE_FAILURES[kind]:
            continue
        wait = min(MAX_WAIT, 2.0 ** min(row.count - FREE_FAILURES[kind] + 1, 16)) - (now - row.last)
        if wait > 0:
            seconds = int(wait) + 1
            raise TooManyAttempts(
                "too-many-attempts",
                f"Too many wrong passwords; wait {seconds} seconds and try again.",
                headers={"Retry-After": str(seconds)},
                seconds=seconds,
            )


def count(session: Session, keys: Iterable[str], now: float) -> None:
    """One failure more."""
    session.exec(delete(SignInFailure).where(col(SignInFailure.last) < now - FORGET))
    for key in sorted(keys):  # in one order, for two who guess at the same time
        row = _failure(session, key, now)
        row.count += 1
        row.last = now


def forgive(session: Session, key: str) -> None:
    """It was the right one."""
    session.exec(delete(SignInFailure).where(col(SignInFailure.key) == key))


def _failure(session: Session, key: str, now: float) -> SignInFailure:
    return made_once(
        session,
        lambda: session.get(SignInFailure, key, with_for_update=LOCK),
        SignInFailure(key=key, count=0, last=now),
    )
