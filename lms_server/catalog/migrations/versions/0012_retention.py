"""How long lessons are kept, the trash, holds, and what is left of a deleted lesson"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nothing that is here is deleted by this update: without a rule a lesson is kept for ever.
    op.add_column("institution", sa.Column("keep", sa.String(), nullable=False, server_default=""))
    op.add_column("institution", sa.Column("trash_days", sa.Integer(), nullable=False, server_default="30"))
    op.add_column("course", sa.Column("keep", sa.String(), nullable=False, server_default=""))
    for name in ("trashed", "held", "deleted"):
        op.add_column("lesson", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("lesson", sa.Column("hold_reason", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_lesson_trashed", "lesson", ["trashed"])
    op.create_table(
        "doomed",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"]),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("ix_doomed_due", "doomed", ["due"])
    op.create_index("ix_doomed_lesson_id", "doomed", ["lesson_id"])


def downgrade() -> None:
    op.drop_table("doomed")
    op.drop_index("ix_lesson_trashed", "lesson")
    for name in ("hold_reason", "deleted", "held", "trashed"):
        op.drop_column("lesson", name)
    op.drop_column("course", "keep")
    for name in ("trash_days", "keep"):
        op.drop_column("institution", name)
