"""Alarms of rooms, what their backlog was, and the workers' chores"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backlog_low",
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("least", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("room_id", "day"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lasts", sa.Boolean(), nullable=True),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("raised", sa.Float(), nullable=True),
        sa.Column("calm", sa.Float(), nullable=True),
        sa.Column("cleared", sa.Float(), nullable=True),
        sa.Column("acknowledged", sa.Float(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=False),
        sa.Column("trouble", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("room_id", "kind", "lasts", name="uq_alarm_room_kind_lasts"),
    )
    op.create_index("ix_alarm_raised", "alarm", ["raised"])
    op.create_table(
        "chore",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    for name in ("chore", "alarm", "backlog_low"):
        op.drop_table(name)
