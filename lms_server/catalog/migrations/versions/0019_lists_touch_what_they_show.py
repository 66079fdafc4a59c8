"""Lists and searches touch what they show, and little else.

The index of the trash holds what lies there. Over all lessons, "not in the trash" looked to SQLite, which counts
nothing by itself, like a rare thing: it began each list with every lesson there is. The index of words on PostgreSQL
keeps no list of what was added lately, which each search would read to its end. How many lessons a room has, which is
asked every half a minute, is counted in an index of its own, thirty times smaller than the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_lesson_trashed", "lesson")
    there = sa.text("trashed IS NOT NULL")
    op.create_index("ix_lesson_trashed", "lesson", ["trashed"], sqlite_where=there, postgresql_where=there)
    here = sa.text("trashed IS NULL")
    tally = ["room_id", "state", "started"]
    op.create_index("ix_lesson_tally", "lesson", tally, sqlite_where=here, postgresql_where=here)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX ix_finding_words SET (fastupdate = off)")
        op.execute("SELECT gin_clean_pending_list('ix_finding_words')")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX ix_finding_words RESET (fastupdate)")
    op.drop_index("ix_lesson_tally", "lesson")
    op.drop_index("ix_lesson_trashed", "lesson")
    op.create_index("ix_lesson_trashed", "lesson", ["trashed"])
