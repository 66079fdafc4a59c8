"""Teachers have cards that count in every room of their institution."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("card", sa.String(), nullable=False, server_default=""))
    op.add_column("institution", sa.Column("cards_etag", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("institution", "cards_etag")
    op.drop_column("person", "card")
