"""Institutions: who shares a server without seeing each other."""

from __future__ import annotations

from sqlmodel import Session, col, select

from lms_server.catalog.database import Database, made_once
from lms_server.catalog.rooms import plain_name
from lms_server.catalog.tables import Institution
from lms_server.errors import Conflict, NotFound


class Institutions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str) -> None:
        """Raises BadRequest, and Conflict when there is one of that name."""
        name = plain_name(name)
        with self._database.write() as session:
            fresh = Institution(name=name)
            known = select(Institution).where(col(Institution.name) == name)
            if made_once(session, lambda: session.exec(known).first(), fresh) is not fresh:
                raise Conflict("name-taken", f"There is an institution {name!r} already.")

    def all(self) -> list[str]:
        """Their names."""
        with self._database.read() as session:
            return list(session.exec(select(Institution.name).order_by(col(Institution.name))))


def institution_named(session: Session, name: str) -> int:
    """Its number. Raises NotFound; unlike a room's enrolment, a slip of the pen must make none."""
    found = session.exec(select(Institution.id).where(col(Institution.name) == name.strip())).first()
    if found is None:
        raise NotFound(
            "no-such-institution", f"There is no institution {name!r}; add it by `lms-server institution add`."
        )
    return found
