"""Versions of Darsbox are released to rings of rooms, one after the other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ring",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("released", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("room_desk") as table:
        table.add_column(sa.Column("ring", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("room_desk") as table:
        table.drop_column("ring")
    op.drop_table("ring")
