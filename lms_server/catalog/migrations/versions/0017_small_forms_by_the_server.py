"""Small forms that the server makes itself, and how far a worker is with what it makes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NOTE = """
    INSERT INTO rendering (lesson_id, kind, due, over, attempts, lease_owner, lease_until, progress, problem)
    SELECT id, '{kind}', -started, false, 0, '', 0, 0, '' FROM lesson WHERE deleted IS NULL AND {calls}
"""
"""Of lessons that are here already, the newest first: the earlier a time, the sooner it is their turn."""
SENT = "EXISTS (SELECT 1 FROM asset WHERE asset.lesson_id = lesson.id AND asset.kind = '{kind}')"


def upgrade() -> None:
    op.add_column("lesson", sa.Column("progress", sa.Float(), nullable=False, server_default="0"))
    op.create_table(
        "rendering",
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lesson_id", "kind"),
    )
    op.create_index("ix_rendering_due", "rendering", ["over", "due"])
    op.execute(NOTE.format(kind="thumbnail", calls=SENT.format(kind="poster")))
    for kind in ("slidecast", "proxy"):
        op.execute(NOTE.format(kind=kind, calls=f"state = 'ready' AND NOT {SENT.format(kind=kind)}"))


def downgrade() -> None:
    op.drop_table("rendering")
    op.drop_column("lesson", "progress")
