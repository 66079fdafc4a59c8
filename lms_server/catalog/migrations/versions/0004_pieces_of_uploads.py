"""Pieces of uploads, for stores where nothing can be appended to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_piece",
        sa.Column("upload_id", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "offset"),
    )
    op.create_index("ix_upload_piece_key", "upload_piece", ["key"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_upload_piece_key")

    op.drop_table("upload_piece")
