"""Lessons are found by an index that triggers keep true.

A later migration that makes the table ``lesson`` anew, as a batch does on SQLite, has to make its triggers anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms_server.catalog.text import indexed

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LESSON = sa.table(
    "lesson", sa.column("id", sa.String()), sa.column("teacher", sa.String()), sa.column("search", sa.String())
)
ROWS = """
    SELECT f.id, f.lesson_id, {begin}
        f.place || replace(f.facts, ' ', ' ' || f.place)
        || CASE WHEN f.course_id IS NULL THEN ''
           ELSE ' c' || f.course_id || '~' || replace(f.facts, ' ', ' c' || f.course_id || '~') END
        {end}
    FROM (
        SELECT {second} << 30 | {chance} AS id, {row}.id AS lesson_id, {row}.course_id AS course_id,
            'i' || room.institution_id || 'w' || ({second} / 604800) || '~' AS place,
            trim({row}.search || ' #l #r' || lower({row}.room_id)
                || CASE WHEN course.id IS NULL THEN '' ELSE ' #t' || course.term_id END
                || CASE WHEN {row}.publication <> 'published' THEN ''
                   WHEN course.id IS NULL THEN ' #p #f'
                   ELSE ' #p' END) AS facts
        FROM {tables} LEFT JOIN course ON course.id = {row}.course_id
        WHERE room.id = {row}.room_id
    ) f
"""
"""What stands in the index; the words are those of lms_server.catalog.finding."""
WEEKS = "SELECT DISTINCT {word}, {second} / 604800 FROM {tables} WHERE {word} <> '' ORDER BY 1"
"""In which weeks a word is found; always in one order, so that no two writers wait for each other."""
SQLITE = {
    "second": "CAST(min(max({row}.started, 0), 8589934591) AS INTEGER)",
    "chance": "(random() & 1073741823)",
    "begin": "",
    "end": "",
    "word": "each.value",
    "split": """json_each('["' || replace({row}.search, ' ', '","') || '"]') each""",
}
POSTGRESQL = {
    "second": "floor(least(greatest({row}.started, 0), 8589934591))::bigint",
    "chance": "floor(random() * 1073741824)::bigint",
    "begin": "array_to_tsvector(string_to_array(",
    "end": ", ' '))",
    "word": "each.value",
    "split": "unnest(string_to_array({row}.search, ' ')) AS each(value)",
}
CHANGES = "search, room_id, course_id, publication, started"
AGAIN = """
    DELETE FROM finding WHERE lesson_id = {row}.id;
    INSERT INTO finding (id, lesson_id, words) {rows};
    INSERT INTO word_week (word, week) {weeks} ON CONFLICT DO NOTHING;
"""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    words = sa.Text() if sqlite else sa.dialects.postgresql.TSVECTOR()
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger() if not sqlite else sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("lesson_id", sa.String(), nullable=False),
        sa.Column("words", words, nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("lesson_id"),
    )
    op.create_table(
        "word_week",
        sa.Column("word", sa.String(collation=None if sqlite else "C"), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("word", "week"),
        sqlite_with_rowid=False,
    )
    _write_words()
    form = SQLITE if sqlite else POSTGRESQL
    op.execute(f"INSERT INTO finding (id, lesson_id, words) {_rows(form, 'lesson', 'room CROSS JOIN lesson')}")
    op.execute(f"INSERT INTO word_week (word, week) {_weeks(form, 'lesson', 'lesson, ')}")
    if sqlite:
        _index_sqlite(AGAIN.format(row="new", rows=_rows(form, "new", "room"), weeks=_weeks(form, "new", "")))
    else:
        _index_postgresql(AGAIN.format(row="NEW", rows=_rows(form, "NEW", "room"), weeks=_weeks(form, "NEW", "")))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER lesson_found_changed")
        op.execute("DROP TRIGGER lesson_found_made")
        op.execute("DROP TABLE finding_words")
    else:
        op.execute("DROP TRIGGER lesson_found ON lesson")
        op.execute("DROP FUNCTION lesson_found")
    op.drop_table("word_week")
    op.drop_table("finding")


def _rows(form: dict[str, str], row: str, tables: str) -> str:
    filled = {name: text.format(row=row) for name, text in form.items()}
    return ROWS.format(**filled, row=row, tables=tables)


def _weeks(form: dict[str, str], row: str, tables: str) -> str:
    filled = {name: text.format(row=row) for name, text in form.items()}
    return WEEKS.format(**filled, tables=tables + filled["split"])


def _write_words() -> None:
    """Words without Arabic articles, and whose lesson it is, stand in no search text that was written before."""
    connection = op.get_bind()
    batch = sa.select(LESSON.c.id, LESSON.c.teacher, LESSON.c.search).order_by(LESSON.c.id).limit(10_000)
    change = sa.update(LESSON).where(LESSON.c.id == sa.bindparam("lesson")).values(search=sa.bindparam("words"))
    while found := connection.execute(batch).all():
        words = [" ".join((*indexed(row.search), *(f"@{word}" for word in indexed(row.teacher)))) for row in found]
        connection.execute(change, [{"lesson": row.id, "words": text} for row, text in zip(found, words, strict=True)])
        batch = batch.where(LESSON.c.id > found[-1].id)


def _index_sqlite(again: str) -> None:
    op.execute(
        "CREATE VIRTUAL TABLE finding_words USING fts5(words, content='finding', content_rowid='id', detail=none, "
        "columnsize=0, tokenize=\"ascii tokenchars '~#@'\")"
    )
    op.execute("INSERT INTO finding_words (finding_words) VALUES ('rebuild')")
    op.execute(
        "CREATE TRIGGER finding_made AFTER INSERT ON finding BEGIN "
        "INSERT INTO finding_words (rowid, words) VALUES (new.id, new.words); END"
    )
    op.execute(
        "CREATE TRIGGER finding_gone AFTER DELETE ON finding BEGIN "
        "INSERT INTO finding_words (finding_words, rowid, words) VALUES ('delete', old.id, old.words); END"
    )
    op.execute(f"CREATE TRIGGER lesson_found_made AFTER INSERT ON lesson BEGIN {again} END")
    op.execute(f"CREATE TRIGGER lesson_found_changed AFTER UPDATE OF {CHANGES} ON lesson BEGIN {again} END")


def _index_postgresql(again: str) -> None:
    op.execute("CREATE INDEX ix_finding_words ON finding USING gin (words)")
    op.execute(
        f"CREATE FUNCTION lesson_found() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {again} RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER lesson_found AFTER INSERT OR UPDATE OF {CHANGES} ON lesson "
        "FOR EACH ROW EXECUTE FUNCTION lesson_found()"
    )
