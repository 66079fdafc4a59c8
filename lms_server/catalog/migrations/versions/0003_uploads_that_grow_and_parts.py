"""Uploads that grow, and parts of uploads"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("upload") as upload:
        upload.alter_column("room_id", existing_type=sa.String(), nullable=True)
        upload.alter_column("lesson_id", existing_type=sa.String(), nullable=True)
        upload.add_column(sa.Column("deferred", sa.Boolean(), nullable=False, server_default=sa.false()))
        upload.add_column(sa.Column("concat", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.execute("DELETE FROM upload WHERE lesson_id IS NULL")
    with op.batch_alter_table("upload") as upload:
        upload.drop_column("concat")
        upload.drop_column("deferred")
        upload.alter_column("lesson_id", existing_type=sa.String(), nullable=False)
        upload.alter_column("room_id", existing_type=sa.String(), nullable=False)
