"""Catalogues of others learn what changed among the open lessons; triggers write it down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPEN = "{row}.publication = 'published' AND {row}.course_id IS NULL AND {row}.trashed IS NULL AND {row}.deleted IS NULL"
CHANGES = (
    "title, teacher, description, language, started, seconds, state, publication, publish_at, course_id, "
    "trashed, deleted"
)
NOTE = """
    INSERT INTO harvest (lesson_id, number, changed, open)
        SELECT {row}.id, {number}, {later}({now}, {row}.publish_at), {yes} WHERE {open}
        ON CONFLICT (lesson_id) DO UPDATE SET number = excluded.number, changed = excluded.changed, open = {yes};
    UPDATE harvest SET number = {number}, changed = {now}, open = {no}
        WHERE lesson_id = {row}.id AND open = {yes} AND NOT ({open});
"""
SQLITE = {
    "number": "(SELECT coalesce(max(number), 0) + 1 FROM harvest)",
    "now": "((julianday('now') - 2440587.5) * 86400.0)",
    "later": "max",
    "yes": "1",
    "no": "0",
}
POSTGRESQL = {
    "number": "nextval('harvest_number')",
    "now": "extract(epoch FROM clock_timestamp())",
    "later": "greatest",
    "yes": "true",
    "no": "false",
}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "harvest",
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id"),
    )
    op.create_index("ix_harvest_number", "harvest", ["number"], unique=True)
    form = SQLITE if sqlite else POSTGRESQL
    row = "new" if sqlite else "NEW"
    note = NOTE.format(**form, row=row, open=OPEN.format(row=row))
    are_open = OPEN.format(row="lesson")
    op.execute(
        "INSERT INTO harvest (lesson_id, number, changed, open) SELECT id, row_number() OVER (ORDER BY started, id), "  # noqa: S608  words of ours
        f"{form['later']}({form['now']}, publish_at), {form['yes']} FROM lesson WHERE {are_open}"
    )
    if sqlite:
        op.execute(f"CREATE TRIGGER lesson_harvested_made AFTER INSERT ON lesson BEGIN {note} END")
        op.execute(f"CREATE TRIGGER lesson_harvested_changed AFTER UPDATE OF {CHANGES} ON lesson BEGIN {note} END")
        return
    op.execute("CREATE SEQUENCE harvest_number")
    op.execute("SELECT setval('harvest_number', (SELECT coalesce(max(number), 0) + 1 FROM harvest))")
    op.execute(
        f"CREATE FUNCTION lesson_harvested() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note} RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER lesson_harvested AFTER INSERT OR UPDATE OF {CHANGES} ON lesson "
        "FOR EACH ROW EXECUTE FUNCTION lesson_harvested()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER lesson_harvested_changed")
        op.execute("DROP TRIGGER lesson_harvested_made")
    else:
        op.execute("DROP TRIGGER lesson_harvested ON lesson")
        op.execute("DROP FUNCTION lesson_harvested")
        op.execute("DROP SEQUENCE harvest_number")
    op.drop_table("harvest")
