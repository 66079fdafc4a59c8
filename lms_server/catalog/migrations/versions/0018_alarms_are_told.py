"""Webhooks hear of alarms, too: when one is raised, and when it is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NOTE = """
    INSERT INTO webhook_delivery (webhook_id, lesson_id, alarm_id, kind, made, due, attempts, problem)
    SELECT hook.id, '', {new}.id, {kind}, {now}, 0, 0, '' FROM webhook hook JOIN room ON room.id = {new}.room_id
    WHERE (hook.institution_id IS NULL OR hook.institution_id = room.institution_id)
    AND hook.events LIKE '% ' || {kind} || ' %';
"""
MADE = "CASE WHEN {new}.raised IS NOT NULL THEN 'alarm.raised' END"
CHANGED = """
    CASE WHEN {new}.cleared IS NOT NULL AND {old}.cleared IS NULL THEN 'alarm.cleared'
    WHEN {new}.raised IS NOT NULL AND {old}.raised IS NULL THEN 'alarm.raised'
    END
"""
TRIGGERS = {"alarm_made_told": ("INSERT", MADE), "alarm_told": ("UPDATE OF raised, cleared", CHANGED)}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column("webhook_delivery", sa.Column("alarm_id", sa.Integer(), nullable=True))
    names = {"new": "new", "old": "old"} if sqlite else {"new": "NEW", "old": "OLD"}
    now = "(julianday('now') - 2440587.5) * 86400.0" if sqlite else "extract(epoch FROM clock_timestamp())"
    for name, (when, kind) in TRIGGERS.items():
        note = NOTE.format(**names, now=now, kind=f"({kind.format(**names)})")
        if sqlite:
            op.execute(f"CREATE TRIGGER {name} AFTER {when} ON alarm BEGIN {note} END")
            continue
        body = f"BEGIN {note} RETURN NULL; END"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        op.execute(f"CREATE TRIGGER {name} AFTER {when} ON alarm FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    for name in TRIGGERS:
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON alarm")
            op.execute(f"DROP FUNCTION {name}")
    op.execute("DELETE FROM webhook_delivery WHERE alarm_id IS NOT NULL")
    op.drop_column("webhook_delivery", "alarm_id")
