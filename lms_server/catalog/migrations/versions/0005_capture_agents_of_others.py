"""Capture agents of others, and what they deliver"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("ha1", sa.String(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("revoked", sa.Float(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("heard", sa.Float(), nullable=True),
        sa.Column("capabilities", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name="fk_agent_room_id_room"),
        sa.PrimaryKeyConstraint("name", name="pk_agent"),
    )
    op.create_index("ix_agent_room_id", "agent", ["room_id"])
    op.create_table(
        "agent_recording",
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("heard", sa.Float(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("teacher", sa.String(), nullable=False),
        sa.Column("starts", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agent.name"], name="fk_agent_recording_agent_agent"),
        sa.PrimaryKeyConstraint("agent", "uid", name="pk_agent_recording"),
    )
    op.create_table(
        "media_package",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("teacher", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("started", sa.Float(), nullable=True),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("touched", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agent.name"], name="fk_media_package_agent_agent"),
        sa.PrimaryKeyConstraint("id", name="pk_media_package"),
    )
    op.create_index("ix_media_package_event", "media_package", ["agent", "event"])
    op.create_table(
        "media_package_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("package_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("flavor", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("staged", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"],
            ["media_package.id"],
            name="fk_media_package_file_package_id_media_package",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_media_package_file"),
    )
    op.create_index("ix_media_package_file_package_id", "media_package_file", ["package_id"])


def downgrade() -> None:
    for table in ("media_package_file", "media_package", "agent_recording", "agent"):
        op.drop_table(table)
