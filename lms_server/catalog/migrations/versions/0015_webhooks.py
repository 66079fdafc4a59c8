"""Programs of others are told what becomes of lessons; triggers write down what is to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KIND = """
    CASE WHEN {new}.deleted IS NOT NULL AND {old}.deleted IS NULL THEN 'lesson.deleted'
    WHEN {new}.state = 'ready' AND {old}.state <> 'ready' THEN 'lesson.ready'
    WHEN {new}.state = 'failed' AND {old}.state <> 'failed' THEN 'lesson.failed'
    WHEN {new}.publication = 'published' AND {old}.publication <> 'published' THEN 'lesson.published'
    WHEN {new}.publication <> 'published' AND {old}.publication = 'published' THEN 'lesson.withdrawn'
    END
"""
NOTE = """
    INSERT INTO webhook_delivery (webhook_id, lesson_id, kind, made, due, attempts, problem)
    SELECT hook.id, {new}.id, {kind}, {now}, 0, 0, '' FROM webhook hook JOIN room ON room.id = {new}.room_id
    WHERE (hook.institution_id IS NULL OR hook.institution_id = room.institution_id)
    AND hook.events LIKE '% ' || {kind} || ' %';
"""
CHANGES = "state, publication, deleted"


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Integer(), nullable=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("events", sa.String(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", ["due"])
    op.create_index("ix_webhook_delivery_webhook_id", "webhook_delivery", ["webhook_id"])
    new, old = ("new", "old") if sqlite else ("NEW", "OLD")
    now = "(julianday('now') - 2440587.5) * 86400.0" if sqlite else "extract(epoch FROM clock_timestamp())"
    note = NOTE.format(new=new, now=now, kind=f"({KIND.format(new=new, old=old)})")
    if sqlite:
        op.execute(f"CREATE TRIGGER lesson_told AFTER UPDATE OF {CHANGES} ON lesson BEGIN {note} END")
        return
    op.execute(f"CREATE FUNCTION lesson_told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note} RETURN NULL; END $$")
    op.execute(
        f"CREATE TRIGGER lesson_told AFTER UPDATE OF {CHANGES} ON lesson FOR EACH ROW EXECUTE FUNCTION lesson_told()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER lesson_told")
    else:
        op.execute("DROP TRIGGER lesson_told ON lesson")
        op.execute("DROP FUNCTION lesson_told")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
