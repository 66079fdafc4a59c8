"""People, courses, tokens and cards on their pages: who may change what, and what is shown once."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI

from lms_server.catalog import Catalog
from tests.unit.lms_server.portal.visiting import NOW, PASSWORD, known, text

pytestmark = pytest.mark.anyio


async def test_a_token_is_made_on_ones_page_shown_once_and_revoked(browser: httpx.AsyncClient, app: FastAPI) -> None:
    """Or an admin's backup program cannot be given a token, or cannot be shut out again."""
    await known(browser, app)
    told = {"name": "Backup at night", "days": "90"}
    refused = await browser.post("/account/tokens", data=told)
    assert (refused.status_code, "Tick at least one thing" in text(refused)) == (400, True)
    made = await browser.post("/account/tokens", data={**told, "scopes": ["lessons:read"]})
    token = re.findall(r">(darsbox_[^<…]{20,})<", made.text)[0]
    program = {"Authorization": f"Bearer {token}"}
    again = await browser.get("/account")
    assert (token in again.text, "Backup at night" in text(again)) == (False, True)
    assert (await browser.get("/account", headers=program)).status_code == 403  # a token opens no page
    number = re.findall(r'action="/account/tokens/(\d+)/revoke"', again.text)[0]
    assert (await browser.post(f"/account/tokens/{number}/revoke")).headers["location"] == "/account"
    assert "Revoked on" in text(await browser.get("/account"))


async def test_an_admin_adds_a_term_and_a_course_and_says_how_long_it_is_kept(
    browser: httpx.AsyncClient, app: FastAPI
) -> None:
    await known(browser, app)
    days = {"institution": "Uni", "first": "2026-09-15", "last": "2027-01-31"}
    term = await browser.post("/terms", data={"name": "2026-S1", **days})
    number = term.headers["location"].rpartition("=")[2]
    made = await browser.post("/courses", data={"term": number, "code": "PHY101", "title": "Optique"})
    page = made.headers["location"]
    assert "Optique" in text(await browser.get(page))
    twice = await browser.post("/courses", data={"term": number, "code": "phy 101"})
    assert (twice.status_code, "of this code already" in text(twice)) == (409, True)
    backwards = await browser.post("/terms", data={"name": "X", **days, "last": "2026-01-01"})
    assert (backwards.status_code, "ends after it begins" in text(backwards)) == (400, True)
    kept = await browser.post(f"{page}/retention", data={"unit": "terms", "number": "٢"})
    assert kept.headers["location"] == page
    assert (
        'name="number" type="number" min="1" max="36500" inputmode="numeric" value="2"'
        in (await browser.get(page)).text
    )
    rule = {"unit": "days", "number": "400", "trash_days": "14", "institution": "Uni"}
    assert (await browser.post("/retention", data=rule)).status_code == 303
    assert "Lessons are kept for 400 days." in text(await browser.get("/trash"))
    bad = await browser.post("/retention", data={**rule, "number": ""})
    assert (bad.status_code, "1 to 36500 days" in text(bad)) == (400, True)
    log = text(await browser.get("/audit"))
    assert "Set a term" in log
    assert "Added a course" in log


async def test_a_course_is_a_podcast_by_an_address_that_is_shown_once(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    catalog = Catalog.over(app.state.database, lambda: NOW)
    admin = next(person for person in catalog.people.all() if person.name == "amina")
    catalog.courses.add_term("Uni", "2026-P", "2026-09-15", "2027-01-31")
    course = catalog.courses.add("Uni", "2026-P", "CHM1", "Chimie", by=admin)
    made = text(await browser.post(f"/courses/{course}/podcast"))
    token = re.search(rf"http://box\.test/api/v1/courses/{course}/podcast\?token=(\S+)&media=audio", made)
    assert token is not None
    assert catalog.tokens.owner(token[1]).scopes == frozenset({"lessons:read"})
    assert "token=" not in (await browser.get(f"/courses/{course}")).text


async def test_an_admin_adds_somebody_and_changes_their_role(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    somebody = {"name": "mariem", "full_name": "Mariem Sidi", "role": "student", "password": PASSWORD}
    made = await browser.post("/people", data={**somebody, "institution": "Uni"})
    page = made.headers["location"]
    assert "Mariem Sidi" in text(await browser.get("/people?q=mar"))
    assert (await browser.post(f"{page}/role", data={"role": "teacher"})).status_code == 303
    assert "mariem · Teacher · Uni" in text(await browser.get(page))
    twice = await browser.post("/people", data=somebody)
    assert (twice.status_code, "has this login already" in text(twice)) == (409, True)
    short = await browser.post("/people", data={**somebody, "name": "x", "password": "short"})
    assert (short.status_code, "at least 8 signs" in text(short)) == (400, True)
    assert "Nobody is called so." in text(await browser.get("/people?q=zzz"))


async def test_a_teachers_card_is_shown_once_and_taken_away(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    somebody = {"name": "vatma", "full_name": "Vatma Sidi", "role": "teacher", "password": PASSWORD}
    page = (await browser.post("/people", data={**somebody, "institution": "Uni"})).headers["location"]
    made = await browser.post(f"{page}/card")
    digits = re.search(r"(?:\d{4} ){9}\d{4}", text(made))
    assert digits is not None
    assert "<svg" in made.text
    catalog = Catalog.over(app.state.database, lambda: NOW)
    vatma = next(person for person in catalog.people.all() if person.name == "vatma")
    assert catalog.cards.has(vatma)
    again = (await browser.get(page)).text
    assert "Make a new card" in again
    assert digits[0] not in again
    assert (await browser.post(f"{page}/card/remove")).status_code == 303
    assert not catalog.cards.has(vatma)
    whole = await browser.post("/account/card")  # who is of the whole server has no room
    assert (whole.status_code, "of none" in text(whole)) == (409, True)
    await known(browser, app, "vatma")
    assert re.search(r"(?:\d{4} ){9}\d{4}", text(await browser.post("/account/card")))
    assert "Take the card away" in (await browser.get("/account")).text
    assert (await browser.post("/account/card/remove")).status_code == 303
    assert "Took a teacher’s card away" not in (await browser.get("/account")).text
    assert not catalog.cards.has(vatma)


async def test_a_student_finds_no_form_of_an_admin(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app, "sidi")
    assert (await browser.get("/people")).status_code == 403
    for path, data in (
        ("/people", {"name": "x", "role": "admin", "password": PASSWORD}),
        ("/terms", {"name": "x", "first": "2026-01-01", "last": "2026-02-01"}),
        ("/courses", {"term": "1", "code": "X1"}),
        ("/retention", {"unit": "days", "number": "1", "trash_days": "1"}),
    ):
        assert (await browser.post(path, data=data)).status_code == 403, path
