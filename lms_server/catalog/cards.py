"""The list of teachers' cards of an institution, as its rooms get it, see ``lms_sync.wire_cards``."""

from __future__ import annotations

from sqlmodel import Session, col, select

from lms_server.catalog.database import LOCK
from lms_server.catalog.schemas import Role
from lms_server.catalog.tables import Institution, PersonRow
from lms_sync import wire_cards
from lms_sync.wire_control import etag_of

WITHOUT: tuple[Role, ...] = ("student", "service")
"""Who has no card; one from before opens nothing."""


def may_have(institution: str, role: Role) -> bool:
    """Whether somebody of this institution, "" for the whole server, and of this role may have one."""
    return institution != "" and role not in WITHOUT


def listed(session: Session, institution_id: int) -> str:
    """Of all who teach or look after something."""
    query = (
        select(PersonRow)
        .where(
            col(PersonRow.institution_id) == institution_id,
            col(PersonRow.card) != "",
            col(PersonRow.role).not_in(WITHOUT),
        )
        .order_by(col(PersonRow.id))
    )
    return "".join(wire_cards.line_of(row.card, row.full_name or row.name) for row in session.exec(query))


def refresh(session: Session, *institutions: int | None) -> None:
    """Once something changed that stands in the lists of these: their rooms hear of it with their next heartbeat."""
    session.flush()
    for institution_id in sorted({each for each in institutions if each is not None}):
        row = session.get_one(Institution, institution_id, with_for_update=LOCK)
        row.cards_etag = etag_of(listed(session, institution_id))
