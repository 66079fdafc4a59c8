"""Rooms are heard, and told"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "room_desk",
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("heartbeat", sa.JSON(), nullable=True),
        sa.Column("received", sa.Float(), nullable=True),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("calendar_etag", sa.String(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.PrimaryKeyConstraint("room_id"),
    )
    op.create_table(
        "command",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.Column("delivered", sa.Float(), nullable=True),
        sa.Column("done", sa.Float(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_command_lesson_id", "command", ["lesson_id"], unique=False)
    op.create_index("ix_command_open", "command", ["done", "expires"], unique=False)
    op.create_index("ix_command_room_id", "command", ["room_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_command_room_id")
    op.drop_index("ix_command_open")
    op.drop_index("ix_command_lesson_id")

    op.drop_table("command")
    op.drop_table("room_desk")
