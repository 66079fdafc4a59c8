"""People belong to institutions, and lessons to courses"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "term",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_day", sa.String(), nullable=False),
        sa.Column("last_day", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("institution_id", "name", name="uq_term_institution_name"),
    )
    op.create_table(
        "course",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Integer(), nullable=False),
        sa.Column("term_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"]),
        sa.ForeignKeyConstraint(["term_id"], ["term.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("term_id", "code", name="uq_course_term_code"),
    )
    op.create_index("ix_course_institution_id", "course", ["institution_id"])
    op.create_table(
        "course_member",
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("course_id", "person_id"),
    )
    op.create_index("ix_course_member_person_id", "course_member", ["person_id"])
    op.create_table(
        "planned_lesson",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("begins", sa.Float(), nullable=False),
        sa.Column("ends", sa.Float(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_planned_lesson_room", "planned_lesson", ["room_id", "begins"])
    # With their references, and not in a batch, which would make tables anew that others refer to.
    op.execute("ALTER TABLE person ADD COLUMN institution_id INTEGER REFERENCES institution (id)")
    op.create_index("ix_person_institution_id", "person", ["institution_id"])
    op.add_column("person", sa.Column("full_name", sa.String(), nullable=False, server_default=""))
    op.execute("ALTER TABLE lesson ADD COLUMN course_id INTEGER REFERENCES course (id)")
    op.create_index("ix_lesson_course_id", "lesson", ["course_id"])
    op.add_column("lesson", sa.Column("course_codes", sa.JSON(), nullable=False, server_default="[]"))
    op.execute("ALTER TABLE upload ADD COLUMN institution_id INTEGER REFERENCES institution (id)")
    # Where there is one institution, its teachers and students are of it; who looks after the server still does, and
    # where there are several, nobody but its admin knows whose people these are.
    op.execute(
        "UPDATE person SET institution_id = (SELECT min(id) FROM institution) "
        "WHERE role IN ('teacher', 'student') AND (SELECT count(*) FROM institution) = 1"
    )


def downgrade() -> None:
    op.drop_index("ix_person_institution_id", "person")
    op.drop_index("ix_lesson_course_id", "lesson")
    for table, names in (
        ("upload", ("institution_id",)),
        ("lesson", ("course_codes", "course_id")),
        ("person", ("full_name", "institution_id")),
    ):
        for name in names:
            op.drop_column(table, name)
    for table in ("planned_lesson", "course_member", "course", "term"):
        op.drop_table(table)
