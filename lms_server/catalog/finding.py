"""Lessons found by their words, newest first, among those that a person may come near.

The table ``finding`` has one row a lesson, written by triggers (migration 0011). Its id is the second in which the
lesson began and 30 bits of chance, so the order of ids is the order of lessons, and an id is where the next page
begins. Its words are those of ``lesson.search`` and what else is asked of a lesson:

    #i7 of institution 7 · #p7 published there · #f7 published there, and of no course · #t3 of term 3 · #r… of a room

Each stands there under the four weeks of the lesson, ``m731~optics``, and under its course, ``c42~optics``. So a
question is put to four weeks at a time, the newest first, until a page is full: a word of very many old lessons costs
no more than those four weeks in which it is found, and a student's few courses are asked at once. The index is FTS5 on
SQLite, GIN on PostgreSQL. It says what to look at; who sees it is decided by ``lessons.open_to``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import TextClause, text
from sqlmodel import Session

from lms_server.catalog.schemas import Person
from lms_server.catalog.text import typed

CHANCE = 30
"""Bits of an id below its second."""
MONTH = 4 * 7 * 86400
"""Seconds that are asked at a time."""
_MONTH_IDS = MONTH << CHANCE
LAST = (1 << 63) - 1
_MOST_MONTHS = 64
_MONTHS = text(f"""
    WITH RECURSIVE newest (id) AS (
        SELECT max(id) FROM finding WHERE id < :below AND id >= :above
        UNION ALL
        SELECT (SELECT max(id) FROM finding WHERE id < newest.id / {_MONTH_IDS} * {_MONTH_IDS} AND id >= :above)
        FROM newest WHERE newest.id IS NOT NULL
    )
    SELECT id / {_MONTH_IDS} FROM newest WHERE id IS NOT NULL LIMIT :most
""")  # noqa: S608  a figure of ours
_ALL = text("SELECT id FROM finding WHERE id < :below AND id >= :above ORDER BY id DESC LIMIT :most")
_SQLITE = text("""
    SELECT found.value FROM json_each(:queries) query, json_each((
        SELECT json_group_array(id) FROM (
            SELECT rowid AS id FROM finding_words
            WHERE finding_words MATCH query.value AND rowid < :below AND rowid >= :above
            ORDER BY rowid DESC LIMIT :most
        )
    )) found LIMIT :most
""")
# Ids are reckoned with, so that the planner cannot walk along them in hope: a word may be in none of a million.
_POSTGRESQL = text("""
    SELECT found.id FROM unnest(CAST(:queries AS text[])) AS query, LATERAL (
        SELECT id FROM finding
        WHERE words @@ CAST(query AS tsquery) AND id + 0 < :below AND id + 0 >= :above
        ORDER BY id + 0 DESC LIMIT :most
    ) AS found LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Word:
    """begins: whether the words that begin so count too."""

    text: str
    begins: bool = False


Clause = tuple[Word, ...]
"""A lesson has one of these."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a lesson must have: all of ``clauses``; and it is of one of ``courses``, or else has all of ``anywhere``.
    courses: None when they do not count. anywhere: None when nothing but courses does."""

    clauses: tuple[Clause, ...] = ()
    courses: tuple[int, ...] | None = None
    anywhere: tuple[Clause, ...] | None = ()

    def of_courses(self, courses: Iterable[int]) -> Question:
        """Only of these, as far as they could be found before."""
        asked = set(courses) if self.courses is None else set(courses) & set(self.courses)
        return replace(self, courses=tuple(sorted(asked)), anywhere=None)

    def having(self, *clauses: Clause) -> Question:
        return replace(self, clauses=(*self.clauses, *clauses))


def within_reach(person: Person, theirs: Iterable[int]) -> Question:
    """What this person may come near. theirs: the courses of a student."""
    if person.staff:
        return Question() if person.institution_id is None else Question((_of("#i", person.institution_id),))
    return Question((_of("#p", person.institution_id),), tuple(sorted(theirs)), (_of("#f", person.institution_id),))


def words_of(query: str) -> list[Clause]:
    return [(Word(word, begins=True),) for word in typed(query)]


def teacher_named(name: str) -> list[Clause]:
    return [(Word(f"@{word}", begins=True),) for word in typed(name)]


def in_rooms(rooms: Iterable[str]) -> Clause:
    return tuple(Word(f"#r{room.lower()}") for room in rooms)


def in_terms(terms: Iterable[int]) -> Clause:
    return tuple(Word(f"#t{term}") for term in terms)


def since(started: float) -> int:
    """The least id of a lesson that began in this second (Unix) or later."""
    return int(min(max(started, 0.0), (1 << 33) - 1.0)) << CHANCE


def newest(session: Session, question: Question, below: int, above: int, most: int) -> list[int]:
    """Ids of ``finding``, the newest lesson first: at most ``most``, and fewer only when there are no more. below,
    above: ids are less than the one and not less than the other."""
    limits = {"below": below, "above": above}
    if () in question.clauses:
        return []
    found: list[int] = []
    if question.courses:
        everywhere = question.clauses or ((_of("#i", None)),)
        slices = [_and(session, f"c{course}~", everywhere) for course in question.courses]
        found = _ask(session, [_or(session, slices)], limits, most)
    if question.anywhere is None:
        return found
    clauses = (*question.clauses, *question.anywhere)
    if not clauses:
        return list(session.connection().scalars(_ALL, {**limits, "most": most}))
    return sorted({*found, *_by_months(session, clauses, below, above, most)}, reverse=True)[:most]


def _by_months(session: Session, clauses: Sequence[Clause], below: int, above: int, most: int) -> list[int]:
    found: list[int] = []
    at_once, under = 1, below
    while len(found) < most:
        limits = {"below": under, "above": above, "most": at_once}
        months = session.connection().scalars(_MONTHS, limits).all()
        if not months:
            break
        queries = [_and(session, f"m{month}~", clauses) for month in months]
        found += _ask(session, queries, {"below": below, "above": above}, most - len(found))
        under = months[-1] * _MONTH_IDS
        at_once = min(at_once * 4, _MOST_MONTHS)
    return found


def _ask(session: Session, queries: Sequence[str], limits: dict[str, int], most: int) -> list[int]:
    """What answers the first query, then the second, until there are enough."""
    statement: TextClause = _SQLITE if _on_sqlite(session) else _POSTGRESQL
    asked = json.dumps(queries) if _on_sqlite(session) else list(queries)
    return list(session.connection().scalars(statement, {**limits, "queries": asked, "most": most}))


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _of(mark: str, institution: int | None) -> Clause:
    return (Word(mark, begins=True) if institution is None else Word(f"{mark}{institution}"),)


def _and(session: Session, part: str, clauses: Sequence[Clause]) -> str:
    """In the words of FTS5 or of tsquery; normalised words and ours have no quotation mark in them."""
    if _on_sqlite(session):
        written = [[f'"{part}{word.text}"{" *" if word.begins else ""}' for word in clause] for clause in clauses]
        return " AND ".join(f"({' OR '.join(words)})" for words in written)
    written = [[f"'{part}{word.text}'{':*' if word.begins else ''}" for word in clause] for clause in clauses]
    return " & ".join(f"({' | '.join(words)})" for words in written)


def _or(session: Session, queries: Sequence[str]) -> str:
    return (" OR " if _on_sqlite(session) else " | ").join(f"({query})" for query in queries)
