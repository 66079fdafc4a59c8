"""Lists and searches over a million lessons, through the API of a real server, on SQLite and on PostgreSQL.

The lessons are written in bulk into a database as it was before lessons had an index, which the migration then fills:
a server of that size that is updated. They are of five years, four institutions of very different sizes, 500 rooms
and 8,000 courses. Words are as uneven as in life, and one of them, ANCIEN, is in most lessons of the first three years
and in none since: what is common, but not where one looks first.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from alembic import command
from alembic.config import Config

from benchmarks.harness import Figure, note
from lms_server.catalog import Catalog, migrate
from lms_server.catalog.database import Database
from lms_server.catalog.text import normalise
from tests.peers.central import Central
from tests.peers.postgresql import postgresql

LESSONS = 1_000_000
ROOMS, COURSES, TERMS, TEACHERS = 500, 8_000, 10, 3_000
SHARES = (0.7, 0.2, 0.09, 0.01)
"""Of the lessons, by institution."""
BEGIN, SPAN = 1_635_000_000, 5 * 365 * 86400
ROUNDS = 8
"""Of all questions by all people, after one that is not counted."""
ANCIEN = 0.6
"""Lessons up to here, of all in the order of time, may have that word."""
# fmt: off
SUBJECTS = (
    "Optique", "Analyse", "Algèbre", "Chimie", "Biologie", "Histoire", "Géographie", "Informatique",
    "Statistique", "Droit", "Économie", "Philosophie", "Électronique", "Thermodynamique", "Mécanique",
    "Génétique", "Linguistique", "Sociologie", "Programmation", "Réseaux", "الإحصاء", "الجبر", "الفيزياء",
    "الكيمياء", "التاريخ", "الجغرافيا", "البرمجة", "القانون", "الاقتصاد", "الفلسفة",
)
# fmt: on
# fmt: off
KINDS = (
    "Cours", "Travaux", "TD", "Introduction", "Révision", "Examen", "Séminaire", "Atelier", "Chapitre",
    "Exercices", "محاضرة", "درس", "تمارين", "مراجعة",
)
# fmt: on
QUESTIONS: dict[str, dict[str, str]] = {
    "newest": {},
    "one room": {"room": "Salle 007"},
    "one course": {"course": "C0123"},
    "one term": {"term": "Term 3"},
    "one teacher": {"teacher": "teacher0042"},
    "two years ago": {"until": "2024-10-01"},
    "common word": {"q": "optique"},
    "common, long ago": {"q": "ancien"},
    "its beginning": {"q": "anc"},
    "one letter": {"q": "a"},
    "two common words": {"q": "ancien optique"},
    "three words": {"q": "ancien chimie salle"},
    "Arabic": {"q": "احصاء"},
    "rare word": {"q": "word77777"},
    "rare beginning": {"q": "word7777"},
    "no such word": {"q": "xylophone"},
    "word and room": {"q": "algebre", "room": "Salle 007"},
    "word and teacher": {"q": "droit", "teacher": "teacher0042"},
}


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def search(folder: Path) -> Iterator[Figure]:
    """Milliseconds in which 99 of 100 answers are there, of lists and of searches."""
    folder.mkdir(parents=True)
    yield from _measure("sqlite", folder / "server" / "darsbox.sqlite", folder / "server", [])
    with postgresql(shared_buffers="128MB") as server:
        address = server.make("million")
        yield from _measure("postgresql", address, folder / "second", ["--database", address])


def _measure(name: str, place: Path | str, data: Path, options: list[str]) -> Iterator[Figure]:
    data.mkdir()
    begun = time.monotonic()
    _furnish(place)
    filled = time.monotonic()
    migrate.migrate(place)
    note(
        f"{name}: {LESSONS:,} lessons written in {filled - begun:.0f} s, migrated in {time.monotonic() - filled:.0f} s"
    )
    tokens = _people(place)
    with Central(data, options=options) as server:
        taken: dict[str, list[float]] = {question: [] for question in QUESTIONS}
        for round_ in range(-1, ROUNDS):
            for question, parameters in QUESTIONS.items():
                for person, token in tokens.items():
                    for seconds in _pages(server, token, parameters):
                        if round_ >= 0:
                            taken[question].append(seconds * 1e3)
                        elif seconds > 0.05:
                            note(f"{name}, asked first: {question} by {person}: {seconds * 1e3:.0f} ms")
    for question, times in taken.items():
        note(f"{name}: {question}: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms")
    for kind, wanted in (("list", False), ("search", True)):
        times = sorted(ms for question, all_ in taken.items() if ("q" in QUESTIONS[question]) is wanted for ms in all_)
        note(f"{name}: {kind}: {len(times)} answers, median {statistics.median(times):.1f} ms")
        yield Figure(f"server.search_1m.{name}.{kind}", times[int(len(times) * 0.99)], "ms, 99 of 100")


def _pages(server: Central, token: str, parameters: dict[str, str]) -> Iterator[float]:
    """Seconds of the first page, and of the second where there is one."""
    page = ""
    for _ in range(2):
        begun = time.perf_counter()
        answer = server.http.get(
            f"{server.url}/api/v1/lessons",
            params={**parameters, **({"page": page} if page else {})},
            headers={"Authorization": f"Bearer {token}"},
        )
        yield time.perf_counter() - begun
        assert answer.status_code == httpx.codes.OK, answer.text
        page = answer.json()["next"]
        if not page:
            return


def _people(place: Path | str) -> dict[str, str]:
    """Their tokens: of the whole server, of the largest institution and of the smallest."""
    with closing(Database(place)) as database:
        catalog = Catalog.over(database, time.time)
        for name, role, institution in (
            ("operator", "admin", ""),
            ("it", "it", "Institution 0"),
            ("small", "it", "Institution 3"),
            ("teacher", "teacher", "Institution 0"),
            ("student", "student", "Institution 0"),
            ("few", "student", "Institution 3"),
        ):
            person = catalog.people.add(name, role, "a-long-enough-one", institution)
            if role == "student":
                first = COURSES - 8 if name == "few" else 1
                with database.engine.begin() as connection:
                    for course in range(first, first + 400, 50) if name == "student" else range(first, first + 8):
                        connection.exec_driver_sql(
                            f"INSERT INTO course_member VALUES ({course}, {person.id}, 'student')"  # noqa: S608  ours
                        )
        names = ("operator", "it", "small", "teacher", "student", "few")
        return {name: catalog.tokens.make_for(name) for name in names}


# -- a million rows
# -------------------------------------------------------------------------------------------------------------------


def _furnish(place: Path | str) -> None:
    with closing(Database(place)) as database, database.engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        connection.commit()
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as file:
            file.execute("PRAGMA synchronous = OFF")
            for table in _tables():
                marks = ", ".join("?" * len(table.columns))
                file.executemany(
                    f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})",  # noqa: S608  ours
                    table.rows,
                )
            file.execute("ANALYZE")
            file.commit()
    else:
        with psycopg.connect(place) as server:
            for table in _tables():
                copied = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN"
                with server.cursor().copy(copied) as copy:  # type: ignore[arg-type]  # of names of ours
                    for row in table.rows:
                        copy.write_row(row)
        with psycopg.connect(place, autocommit=True) as server:
            server.execute("VACUUM ANALYZE")


def _tables() -> Sequence[Table]:
    institutions = range(len(SHARES))
    rooms = [(f"01kaf{number:021d}".upper(), _institution(number / ROOMS)) for number in range(ROOMS)]
    courses = [(number + 1, _institution(number / COURSES)) for number in range(COURSES)]
    return (
        Table("institution", ("id", "name"), ((each + 1, f"Institution {each}") for each in institutions)),
        Table(
            "room",
            ("id", "institution_id", "name", "public_key", "enrolled"),
            ((room, each + 1, f"Salle {number:03d}", "{}", 0.0) for number, (room, each) in enumerate(rooms)),
        ),
        Table(
            "term",
            ("id", "institution_id", "name", "first_day", "last_day"),
            (
                (each * TERMS + term + 1, each + 1, f"Term {term}", "2026-01-01", "2026-06-30")
                for each in institutions
                for term in range(TERMS)
            ),
        ),
        Table(
            "course",
            ("id", "institution_id", "term_id", "code", "title"),
            ((number, each + 1, each * TERMS + number % TERMS + 1, f"C{number:04d}", "") for number, each in courses),
        ),
        Table("lesson", LESSON, _lessons(rooms, courses)),
        Table("asset", ASSET, _assets()),
    )


def _institution(share: float) -> int:
    return next((each for each in range(len(SHARES)) if share < sum(SHARES[: each + 1])), len(SHARES) - 1)


# fmt: off
LESSON = (
    "id", "room_id", "title", "teacher", "description", "edited", "language", "course_id", "course_codes",
    "search", "publication", "publish_at", "parts", "started", "seconds", "gaps", "marks", "sources", "takes",
    "manifest_sha256", "state", "problem", "attempts", "retry_at", "lease_owner", "lease_until", "received",
)
# fmt: on
# fmt: off
ASSET = (
    "id", "lesson_id", "path", "kind", "source", "tier", "bytes", "sha256", "stored", "receipt",
)
# fmt: on


def _lessons(rooms: list[tuple[str, int]], courses: list[tuple[int, int]]) -> Iterator[tuple[Any, ...]]:
    dice = random.Random(20261129)
    words = {word: normalise(word) for word in (*SUBJECTS, *KINDS, "ANCIEN", "programme")}
    by_institution = [[course for course, of in courses if of == each] for each in range(len(SHARES))]
    for number in range(LESSONS):
        room_number = dice.randrange(ROOMS)
        room, each = rooms[room_number]
        said = [dice.choice(KINDS), SUBJECTS[int(dice.random() ** 2 * len(SUBJECTS))]]
        if number < LESSONS * ANCIEN and dice.random() < 0.8:
            said += ["ANCIEN", "programme"]
        rare = f"word{dice.randrange(LESSONS // 3)}"
        teacher = f"teacher{dice.randrange(TEACHERS):04d}"
        found = f"{' '.join(words[word] for word in said)} {rare} salle {room_number:03d} {teacher}"
        publication = "published" if dice.random() < 0.9 else "private"
        state = "ready" if dice.random() < 0.98 else "failed"
        course = dice.choice(by_institution[each]) if dice.random() < 0.9 else None
        started = BEGIN + number * SPAN / LESSONS
        facts = (
            teacher,
            "",
            "[]",
            "fr",
            course,
            "[]",
            found,
            publication,
            0.0,
            "[]",
            started,
            5400.0,
            "[]",
            "[]",
            "[]",
        )
        title = f"{' '.join(said)} {rare}"
        yield (_ulid(number), room, title, *facts, "[]", "", state, "", 0, 0.0, "", 0.0, started)


def _assets() -> Iterator[tuple[Any, ...]]:
    for number in range(LESSONS):
        facts = ("front/take-001.mp4", "take", "front", "master", 2_800_000_000, f"{number:064x}", 0.0, "")
        yield (number + 1, _ulid(number), *facts)


def _ulid(number: int) -> str:
    return f"01KAF{number:021d}"
