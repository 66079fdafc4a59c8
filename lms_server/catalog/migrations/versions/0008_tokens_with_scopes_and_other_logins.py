"""Tokens with scopes and an end, and people who come by their institution's own login"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Tokens that are here keep what they could do: no scopes are all that the role may do.
    op.add_column("api_token", sa.Column("name", sa.String(), nullable=False, server_default=""))
    op.add_column("api_token", sa.Column("scopes", sa.JSON(), nullable=True))
    op.add_column("api_token", sa.Column("expires", sa.Float(), nullable=True))
    op.add_column("person", sa.Column("subject", sa.String(), nullable=True))
    op.create_index("ix_person_subject", "person", ["subject"], unique=True)
    op.create_table(
        "login_begun",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("login_begun")
    op.drop_index("ix_person_subject", "person")
    op.drop_column("person", "subject")
    for name in ("expires", "scopes", "name"):
        op.drop_column("api_token", name)
