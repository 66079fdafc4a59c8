"""Logins that were begun and may be ended once, by whichever web process their people come back to."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import col, delete
from starlette.concurrency import run_in_threadpool

from lms_server.catalog.database import Database
from lms_server.catalog.tables import LoginBegun


class Begun:
    """In the form in which Authlib's clients keep what they must know again: get, set and delete by a key."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def get(self, key: str) -> str | None:
        """Good once: it is gone when it was asked for, so that of two who bring the same answer one comes in."""
        return await run_in_threadpool(self._take, key)

    async def set(self, key: str, value: str, expires: float) -> None:
        """expires: in so many seconds."""
        await run_in_threadpool(self._keep, key, value, self._clock() + expires)

    async def delete(self, key: str) -> None:
        """Nothing: whoever may end a login has taken it by ``get``, and nobody else shall spoil it."""

    def _take(self, key: str) -> str | None:
        with self._database.write() as session:
            row = session.get(LoginBegun, key, with_for_update=True)
            if row is None:
                return None
            session.delete(row)
            return row.value if row.expires > self._clock() else None

    def _keep(self, key: str, value: str, expires: float) -> None:
        with self._database.write() as session:
            session.exec(delete(LoginBegun).where(col(LoginBegun.expires) < self._clock()))
            session.merge(LoginBegun(key=key, value=value, expires=expires))
