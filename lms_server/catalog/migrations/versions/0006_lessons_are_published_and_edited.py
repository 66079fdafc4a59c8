"""Lessons are published and edited"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms_server.catalog.text import normalise

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROOM = sa.table("room", sa.column("id", sa.String()), sa.column("name", sa.String()))
LESSON = sa.table(
    "lesson",
    sa.column("id", sa.String()),
    sa.column("room_id", sa.String()),
    sa.column("title", sa.String()),
    sa.column("title_edited", sa.Boolean()),
    sa.column("edited", sa.JSON()),
    sa.column("teacher", sa.String()),
    sa.column("marks", sa.JSON()),
    sa.column("search", sa.String()),
)
MOST = 20_000
"""Signs of what a lesson is found by, as when this was written."""


def upgrade() -> None:
    # Column by column and not in a batch, which would make the table anew: other tables refer to it.
    op.add_column("lesson", sa.Column("description", sa.String(), nullable=False, server_default=""))
    op.add_column("lesson", sa.Column("edited", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("lesson", sa.Column("publication", sa.String(), nullable=False, server_default="published"))
    op.add_column("lesson", sa.Column("publish_at", sa.Float(), nullable=False, server_default="0"))
    op.add_column("lesson", sa.Column("parts", sa.JSON(), nullable=False, server_default="[]"))
    op.execute(sa.update(LESSON).where(LESSON.c.title_edited).values(edited=["title"]))
    op.drop_column("lesson", "title_edited")
    op.create_table(
        "caption",
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"]),
        sa.PrimaryKeyConstraint("lesson_id", "language"),
    )
    _find_by_marks()


def _find_by_marks() -> None:
    """Lessons that came before are found by what teachers marked in them, too."""
    connection = op.get_bind()
    query = sa.select(LESSON.c.id, LESSON.c.title, ROOM.c.name, LESSON.c.teacher, LESSON.c.marks)
    marked = query.join_from(LESSON, ROOM, LESSON.c.room_id == ROOM.c.id)
    for row in connection.execute(marked).all():
        if row.marks:
            labels = (str(mark.get("label", "")) for mark in row.marks)
            text = normalise(" ".join((row.title, row.name, row.teacher, *labels)))[:MOST]
            connection.execute(sa.update(LESSON).where(LESSON.c.id == row.id).values(search=text))


def downgrade() -> None:
    op.drop_table("caption")
    op.add_column("lesson", sa.Column("title_edited", sa.Boolean(), nullable=False, server_default=sa.false()))
    edited = sa.cast(LESSON.c.edited, sa.String()).like('%"title"%')
    op.execute(sa.update(LESSON).where(edited).values(title_edited=True))
    for name in ("parts", "publish_at", "publication", "edited", "description"):
        op.drop_column("lesson", name)
