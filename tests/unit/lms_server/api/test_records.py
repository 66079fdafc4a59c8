"""What the university's own program brings over HTTP, with a token: people, terms, courses, and who is in them; and
what such a token never may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lms_server.catalog.schemas import Scope
from tests.peers.library import Library, library

pytestmark = pytest.mark.anyio
PASSWORD = "a-long-enough-one"
ALL: tuple[Scope, ...] = ("people:edit", "courses:edit", "lessons:read")


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with library(tmp_path_factory.mktemp("records") / "data") as found:
        found.catalog.people.add("records", "service", PASSWORD, "ENS")
        found.catalog.people.add("amina", "admin", PASSWORD, "ENS")
        yield found


class Program:
    """The student information system, or whoever has this token."""

    def __init__(self, shelf: Library, name: str = "records", scopes: tuple[str, ...] | None = ALL) -> None:
        self._app = shelf.server.app
        self._token = shelf.catalog.tokens.make_for(name, scopes and list(scopes))

    async def ask(self, method: str, path: str, json: Any = None, **headers: str) -> httpx.Response:
        headers["Authorization"] = f"Bearer {self._token}"
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
            return await client.request(method, f"/api/v1{path}", json=json, headers=headers)


async def test_a_term_comes_over_night_and_the_second_night_changes_nothing(shelf: Library) -> None:
    program = Program(shelf)
    term = {"name": "Spring 2027", "first_day": "2027-02-15", "last_day": "2027-06-30"}
    for _ in range(2):
        made = await program.ask("POST", "/terms", term)
        assert made.status_code == 201, made.text
    assert made.headers["Location"] == f"/api/v1/terms/{made.json()['id']}"
    assert [each["name"] for each in (await program.ask("GET", "/terms")).json()].count("Spring 2027") == 1
    course = await program.ask("POST", "/courses", {"term_id": made.json()["id"], "code": "CHI 1", "title": "Chimie"})
    assert (course.json()["term"], course.json()["institution"]) == ("Spring 2027", "ENS")
    taken = await program.ask("POST", "/courses", {"term_id": made.json()["id"], "code": "chi-1"})
    assert (taken.status_code, taken.json()["code"]) == (409, "code-taken")

    person = await program.ask("POST", "/people", {"name": "s1234", "role": "student", "full_name": "Sidi"})
    assert (person.status_code, person.json()["institution"], person.json()["password"]) == (201, "ENS", False)
    again = await program.ask("POST", "/people", {"name": "s1234", "role": "student"})
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    (known,) = (await program.ask("GET", "/people?name=s1234")).json()["items"]
    place = f"/courses/{course.json()['id']}/members/{known['id']}"
    for _ in range(2):
        assert (await program.ask("PUT", place, {})).json()["part"] == "student"
    (member,) = (await program.ask("GET", f"/courses/{course.json()['id']}/members")).json()["items"]
    assert (member["name"], member["person_id"]) == ("s1234", known["id"])

    assert (await program.ask("DELETE", place)).status_code == 204
    assert (await program.ask("DELETE", place)).status_code == 404
    assert (await program.ask("DELETE", f"/people/{known['id']}")).status_code == 204
    assert (await program.ask("GET", f"/people/{known['id']}")).status_code == 404
    assert (await program.ask("GET", "/people?q=erased")).json()["items"] == []
    assert (await program.ask("DELETE", f"/terms/{made.json()['id']}")).json()["code"] == "term-has-courses"
    assert (await program.ask("DELETE", f"/courses/{course.json()['id']}")).status_code == 204
    assert (await program.ask("DELETE", f"/terms/{made.json()['id']}")).status_code == 204
    assert (await program.ask("GET", f"/terms/{made.json()['id']}")).status_code == 404


async def test_who_changes_what_another_changed_meanwhile_is_told_and_changes_nothing(shelf: Library) -> None:
    program, term = Program(shelf), (await Program(shelf).ask("GET", "/terms")).json()[0]
    for path, first, second in (
        (f"/people/{shelf.pupil.id}", {"full_name": "Sidi Ould Ahmed"}, {"role": "teacher"}),
        (f"/terms/{term['id']}", {"name": "Autumn"}, {"last_day": "2027-02-28"}),
        (f"/courses/{shelf.course}", {"title": "Optique"}, {"code": "PHY 102"}),
    ):
        read = await program.ask("GET", path)
        assert read.headers["ETag"] == f'"{read.json()["revision"]}"'
        changed = await program.ask("PATCH", path, first, **{"If-Match": read.headers["ETag"]})
        assert changed.status_code == 200, changed.text
        for method, body in (("PATCH", second), ("DELETE", None)):
            late = await program.ask(method, path, body, **{"If-Match": read.headers["ETag"]})
            assert (late.status_code, late.json()["code"]) == (412, "changed-meanwhile")
        now = await program.ask("GET", path)
        assert now.json() == changed.json()
        assert now.headers["ETag"] == changed.headers["ETag"] != read.headers["ETag"]
        for tags in (f'"0", {now.headers["ETag"]}', "*"):
            assert (await program.ask("PATCH", path, second, **{"If-Match": tags})).status_code == 200


async def test_a_course_with_lessons_stays_and_a_new_code_finds_lessons_that_waited(shelf: Library) -> None:
    program, lesson = Program(shelf), shelf.lesson("Optique")
    kept = await program.ask("DELETE", f"/courses/{shelf.course}")
    assert (kept.status_code, kept.json()["code"]) == (409, "course-has-lessons")
    waiting = shelf.lesson("[CHI9] Chimie", course_id=None, course_codes=["CHI9"])
    assert (await program.ask("PATCH", f"/courses/{shelf.course}", {"code": "CHI 9"})).status_code == 200
    amina = Program(shelf, "amina", ("lessons:read",))
    for each in (lesson, waiting):
        assert (await amina.ask("GET", f"/lessons/{each}")).json()["course"] == "CHI 9"


async def test_a_token_makes_and_touches_nobody_who_may_do_more_than_teach(shelf: Library) -> None:
    """A token that was stolen must not open another, larger door."""
    found = {person.name: person for person in shelf.catalog.people.all()}
    for program in (Program(shelf), Program(shelf, "amina"), Program(shelf, "amina", None)):
        for role in ("admin", "it", "service"):
            made = await program.ask("POST", "/people", {"name": f"a-{role}", "role": role, "password": PASSWORD})
            assert (made.status_code, made.json()["code"]) == (403, "needs-login"), role
            raised = await program.ask("PATCH", f"/people/{shelf.pupil.id}", {"role": role})
            assert raised.status_code == 403
        for name in ("amina", "records"):
            for method, body in (("PATCH", {"password": "another-long-one"}), ("DELETE", None)):
                assert (await program.ask(method, f"/people/{found[name].id}", body)).status_code == 403
    assert shelf.catalog.people.all() == list(found.values())


async def test_a_token_that_fetches_recordings_does_not_look_after_people(shelf: Library) -> None:
    """Also one for everything, as programs were given before there was this."""
    for scopes in (None, ("lessons:read",)):
        program = Program(shelf, "records", scopes)
        for method, path, body in (
            ("GET", "/people", None),
            ("POST", "/people", {"name": "x", "role": "student"}),
            ("PATCH", f"/people/{shelf.pupil.id}", {"full_name": "X"}),
            ("DELETE", f"/people/{shelf.pupil.id}", None),
            ("POST", "/terms", {"name": "X", "first_day": "2027-02-15", "last_day": "2027-06-30"}),
            ("DELETE", f"/courses/{shelf.course}", None),
            ("GET", f"/courses/{shelf.course}/members", None),
            ("PUT", f"/courses/{shelf.course}/members/{shelf.pupil.id}", {}),
        ):
            assert (await program.ask(method, path, body)).status_code == 403, (method, path)


async def test_a_program_of_the_whole_server_says_whose_people_it_brings_and_mixes_no_institutions(
    shelf: Library,
) -> None:
    shelf.catalog.institutions.add("FST")
    shelf.catalog.people.add("central", "service", PASSWORD)
    program = Program(shelf, "central")
    lost = await program.ask("POST", "/people", {"name": "x", "role": "student"})
    assert (lost.status_code, lost.json()["code"]) == (400, "bad-institution")
    made = await program.ask("POST", "/people", {"name": "x", "role": "student", "institution": "FST"})
    place = f"/courses/{shelf.course}/members/{made.json()['id']}"
    assert (await program.ask("PUT", place, {})).status_code == 404
    assert (await Program(shelf).ask("PUT", place, {})).status_code == 404


async def test_lists_of_people_come_page_by_page(shelf: Library) -> None:
    program = Program(shelf)
    for number in range(5):
        person = await program.ask("POST", "/people", {"name": f"s{number}", "role": "student"})
        await program.ask("PUT", f"/courses/{shelf.course}/members/{person.json()['id']}", {})
    for path, everybody in (
        ("/people?limit=2", ["amina", "pupil", "records", *(f"s{number}" for number in range(5))]),
        (f"/courses/{shelf.course}/members?limit=2", ["pupil", *(f"s{number}" for number in range(5))]),
    ):
        names, after = [], ""
        while after is not None:
            page = (await program.ask("GET", f"{path}&after={after}")).json()
            names += [each["name"] for each in page["items"]]
            after = page["next"]
        assert names == everybody


async def test_what_makes_no_sense_is_a_problem_in_a_sentence(shelf: Library) -> None:
    program = Program(shelf)
    for method, path, body, status in (
        ("POST", "/terms", {"name": "S", "first_day": "2027-02-30", "last_day": "2027-06-30"}, 400),
        ("PATCH", "/terms/1", {"last_day": "2020-01-01"}, 400),
        ("POST", "/courses", {"term_id": 1, "code": "--"}, 400),
        ("POST", "/courses", {"term_id": 99, "code": "X"}, 404),
        ("POST", "/people", {"name": "x", "role": "student", "password": ""}, 400),
        ("POST", "/people", {"name": "x", "role": "emperor"}, 422),
        ("PATCH", f"/people/{shelf.pupil.id}", {"name": "x"}, 422),
    ):
        answer = await program.ask(method, path, body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        assert answer.json()["detail"].endswith(".")
