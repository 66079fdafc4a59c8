"""Two who change one thing: each view carries the revision that it shows, and who gives it back changes that one or
nothing. Who gives none writes over whatever there is, as the portal's forms do."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlmodel import SQLModel

from lms_server.errors import ChangedMeanwhile

Seen = Collection[str] | None
"""The revisions of which one must still be there; None does not ask."""


def revision_of(row: SQLModel) -> str:
    """16 hex digits, others with every change of the row. It says nothing of what the row keeps secret."""
    return hashlib.sha256(row.model_dump_json().encode()).hexdigest()[:16]


def check_seen(row: SQLModel, seen: Seen) -> None:
    """Raises ChangedMeanwhile. The row is locked, so that it holds until the end of the transaction."""
    if seen is not None and revision_of(row) not in seen:
        raise ChangedMeanwhile("changed-meanwhile", "Somebody changed it meanwhile; read it again, then change it.")
