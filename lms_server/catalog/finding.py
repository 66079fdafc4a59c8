"""Lessons found by their words, newest first, among those that a person may come near.

The table ``finding`` has one row a lesson, written by triggers (migration 0011). Its id is the second in which the
lesson began and 30 bits of chance, so the order of ids is the order of lessons, and an id is where the next page
begins. Its words are those of ``lesson.search`` and what else is asked of a lesson:

    #l of every lesson · #p of a published one · #f of a published one of no course · #t3 of term 3 · #r… of a room

Each stands there under the institution and the week of the lesson, ``i7w2926~optics``, and under its course,
``c42~optics``. So a question is put to one week after another, the newest first, until a page is full: a word of very
many old lessons costs no more than the weeks in which the page is found, and a student's few courses are asked at once.
The table ``word_week`` says in which weeks a word is found at all; the others are passed over. The index is FTS5 on
SQLite, GIN on PostgreSQL. It says what to look at; who sees it is decided by ``lessons.open_to``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import TextClause, text
from sqlmodel import Session

from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.text import typed

CHANCE = 30
"""Bits of an id below its second."""
WEEK = 7 * 86400
"""Seconds that are asked at a time."""
_WEEK_IDS = WEEK << CHANCE
LAST = (1 << 63) - 1
_MOST_WEEKS = 256
_TOO_MANY = 3000
"""A beginning of words that stands in so many rows of ``word_week`` is in every week, or nearly."""
_WEEKS = text(f"""
    WITH RECURSIVE newest (id) AS (
        SELECT max(id) FROM finding WHERE id < :below AND id >= :above
        UNION ALL
        SELECT (SELECT max(id) FROM finding WHERE id < newest.id / {_WEEK_IDS} * {_WEEK_IDS} AND id >= :above)
        FROM newest WHERE newest.id IS NOT NULL
    )
    SELECT id / {_WEEK_IDS} FROM newest WHERE id IS NOT NULL LIMIT :most
""")  # noqa: S608  a figure of ours
_WEEKS_WITH = text("SELECT week FROM word_week WHERE word >= :begin AND word < :end LIMIT :most")
_FORGET = text("DELETE FROM word_week WHERE word = :word AND week = :week")
_MERGE = text("INSERT INTO finding_words (finding_words, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")
_NOTHING_LEFT = 2
"""Fewer rows changed than this by a step say that there was nothing to do: FTS5's own documentation."""
_TIDY_PAGES = 500
"""Of 4 KiB, written in one step."""
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
_FEW = 3000
"""Lessons of a room or of a teacher: more than most have in ten years."""
_THROUGH = text("""
    SELECT finding.id FROM json_each(:ids) few JOIN finding ON finding.id = few.value
    WHERE NOT EXISTS (SELECT 1 FROM json_each(:words) word WHERE instr(finding.words, word.value) = 0)
    ORDER BY finding.id DESC LIMIT :most
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
class Limits:
    """Of ids: less than below, not less than above, at most so many."""

    below: int
    above: int
    most: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a lesson must have: all of ``clauses``; and it is of one of ``courses``, or else of one of ``institutions``
    and has all of ``anywhere``. courses: None when they do not count. anywhere: None when nothing but courses does.
    everything: whether there is nothing at all that this person may not come near."""

    institutions: tuple[int, ...]
    everything: bool = False
    clauses: tuple[Clause, ...] = ()
    courses: tuple[int, ...] | None = None
    anywhere: tuple[Clause, ...] | None = ()

    def of_courses(self, courses: Iterable[int]) -> Question:
        """Only of these, as far as they could be found before."""
        asked = set(courses) if self.courses is None else set(courses) & set(self.courses)
        return replace(self, courses=tuple(sorted(asked)), anywhere=None)

    def of_terms(self, terms: Iterable[int]) -> Question:
        """Only of these. A lesson has its term by its course, so what is open to all who are in none is not asked."""
        anywhere = self.anywhere if self.courses is None else None
        return replace(self, anywhere=anywhere).having(tuple(Word(f"#t{term}") for term in terms))

    def of_rooms(self, rooms: Iterable[tuple[str, int]]) -> Question:
        """Only of these. rooms: each with its institution."""
        asked = tuple(rooms)
        homes = {institution for _, institution in asked}
        mine = tuple(each for each in self.institutions if each in homes)
        return replace(self, institutions=mine).having(tuple(Word(f"#r{room.lower()}") for room, _ in asked))

    def having(self, *clauses: Clause) -> Question:
        return replace(self, clauses=(*self.clauses, *clauses))


def within_reach(person: Person, institutions: Iterable[int], theirs: Iterable[int]) -> Question:
    """What this person may come near. institutions: all of the server. theirs: the courses of a student."""
    one = person.institution_id
    mine = tuple(institutions) if one is None else (one,)
    if person.staff:
        return Question(mine, everything=one is None)
    return Question(mine, clauses=((Word("#p"),),), courses=tuple(sorted(theirs)), anywhere=((Word("#f"),),))


def words_of(query: str) -> list[Clause]:
    return [(Word(word, begins=True),) for word in typed(query)]


def teacher_named(name: str) -> list[Clause]:
    return [(Word(f"@{word}", begins=True),) for word in typed(name)]


def since(started: float) -> int:
    """The least id of a lesson that began in this second (Unix) or later."""
    return int(min(max(started, 0.0), (1 << 33) - 1.0)) << CHANCE


def newest(session: Session, question: Question, below: int, above: int, most: int) -> list[int]:
    """Ids of ``finding``, the newest lesson first: at most ``most``, and fewer only when there are no more. below,
    above: ids are less than the one and not less than the other."""
    limits = Limits(below, above, most)
    if () in question.clauses:
        return []
    if question.everything and not question.clauses and question.courses is None:
        return list(session.connection().scalars(_ALL, asdict(limits)))
    among = _weeks_with(session, question.clauses)
    if among is not None and not among:
        return []
    found: list[int] = []
    if question.courses:
        slices = [f"c{course}" for course in question.courses]
        found = _ask(session, [_either(session, slices, question.clauses)], limits)
    if question.anywhere is None:
        return found
    asked = replace(question, clauses=(*question.clauses, *question.anywhere))
    others = _few(session, asked, among, limits) if _on_sqlite(session) else None
    if others is None:
        others = _by_weeks(session, asked, _weeks(session, among, limits), limits)
    return sorted({*found, *others}, reverse=True)[:most]


def _few(session: Session, question: Question, among: set[int] | None, limits: Limits) -> list[int] | None:
    """Where the room or the teacher that was asked for has few lessons, it is looked through these for the words; None
    where they are many, or where neither was asked for.

    FTS5 gathers all that a beginning of a word stands for in each week before it holds it against anything else."""
    words = [clause[0] for clause in question.clauses if _is_typed(clause)]
    rest = tuple(clause for clause in question.clauses if not _is_typed(clause))
    if not words or not any(clause[0].text.startswith(("#r", "@")) for clause in rest):
        return None
    narrow, few = replace(question, clauses=rest), replace(limits, most=_FEW + 1)
    ids = _by_weeks(session, narrow, _weeks(session, among, limits), few)
    if len(ids) > _FEW:
        return None
    asked = {"ids": json.dumps(ids), "words": json.dumps([f"~{word.text}" for word in words]), "most": limits.most}
    return list(session.connection().scalars(_THROUGH, asked))


def _is_typed(clause: Clause) -> bool:
    """Whether it is a word that somebody typed, and no name of a teacher."""
    return len(clause) == 1 and clause[0].begins and not clause[0].text.startswith("@")


def forget(session: Session, words: str, started: float) -> None:
    """A lesson that began then no longer has these words, as ``LessonRow.search`` had them: neither has ``word_week``
    those that no other lesson of that week has. What was changed before is flushed."""
    week = since(started) // _WEEK_IDS
    slices = [f"i{each}w{week}" for each in session.connection().scalars(text("SELECT id FROM institution"))]
    for word in set(words.split()):
        if not slices or not _ask(session, [_either(session, slices, ((Word(word),),))], Limits(LAST, 0, 1)):
            session.connection().execute(_FORGET, {"word": word, "week": week})


def tidy(database: Database) -> None:
    """Bring the pieces of which FTS5 makes its index into one: each word of a question is looked up in every piece, and
    there are ten and more after a month of lessons. In short transactions, between which others write. PostgreSQL's
    index has no pieces."""
    pages = -_TIDY_PAGES  # the first step takes all pieces on, those after it go on with them
    while True:
        with database.write() as session:
            if not _on_sqlite(session):
                return
            before = session.connection().scalar(_CHANGES)
            session.connection().execute(_MERGE, {"pages": pages})
            if session.connection().scalar(_CHANGES) - before < _NOTHING_LEFT:
                return
        pages = _TIDY_PAGES


def _by_weeks(session: Session, question: Question, weeks: Iterator[list[int]], limits: Limits) -> list[int]:
    found: list[int] = []
    for some in weeks:
        together = max(1, len(some) // 16)  # where little was found so far, many weeks are asked by one question
        queries = [
            _either(
                session,
                [f"i{each}w{week}" for week in some[at : at + together] for each in question.institutions],
                question.clauses,
            )
            for at in range(0, len(some), together)
        ]
        found += _ask(session, queries, replace(limits, most=limits.most - len(found)))
        if len(found) >= limits.most:
            break
    return found


def _weeks(session: Session, among: set[int] | None, limits: Limits) -> Iterator[list[int]]:
    """Weeks within the limits, the newest first, more of them each time: those among which it is, None for all that
    there are."""
    at_once = 1
    if among is not None:
        known = sorted(week for week in among if limits.above // _WEEK_IDS <= week <= limits.below // _WEEK_IDS)
    while True:
        if among is not None:
            some = [known.pop() for _ in range(min(at_once, len(known)))]
        else:
            some = list(session.connection().scalars(_WEEKS, {**asdict(limits), "most": at_once}))
        if not some:
            return
        yield some
        limits = replace(limits, below=some[-1] * _WEEK_IDS)
        at_once = min(at_once * 4, _MOST_WEEKS)


def _weeks_with(session: Session, clauses: Sequence[Clause]) -> set[int] | None:
    """The weeks in which each of these words is found, not always in one lesson; None when that narrows nothing."""
    known: set[int] | None = None
    for clause in clauses:
        (word,) = clause if len(clause) == 1 else (None,)
        if word is None or not word.begins:
            continue
        limits = {"begin": word.text, "end": f"{word.text}\U0010ffff", "most": _TOO_MANY}
        weeks = session.connection().scalars(_WEEKS_WITH, limits).all()
        if len(weeks) < _TOO_MANY:
            known = set(weeks) if known is None else known & set(weeks)
    return known


def _ask(session: Session, queries: Sequence[str], limits: Limits) -> list[int]:
    """What answers the first query, then the second, until there are enough."""
    statement: TextClause = _SQLITE if _on_sqlite(session) else _POSTGRESQL
    asked = json.dumps(queries) if _on_sqlite(session) else list(queries)
    return list(session.connection().scalars(statement, {**asdict(limits), "queries": asked}))


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _either(session: Session, slices: Sequence[str], clauses: Sequence[Clause]) -> str:
    """All clauses in one of these slices of the index, in the words of FTS5 or of tsquery; normalised words and ours
    have no quotation mark in them."""
    clauses = clauses or ((Word("#l"),),)
    if _on_sqlite(session):
        both, one, form, begins = " AND ", " OR ", '"{}~{}"', " *"
    else:
        both, one, form, begins = " & ", " | ", "'{}~{}'", ":*"

    def written(part: str, word: Word) -> str:
        return form.format(part, word.text) + (begins if word.begins else "")

    wholes = [
        both.join(f"({one.join(written(part, word) for word in clause)})" for clause in clauses) for part in slices
    ]
    return one.join(f"({whole})" for whole in wholes)
