"""The pages as a browser without JavaScript gets them: who sees what, in which language, and what never happens."""

from __future__ import annotations

import html
import re
import time
from importlib import resources

import httpx
import pytest
from fastapi import FastAPI
from markupsafe import escape

from lms_server.catalog.tables import LessonRow
from tests.unit.lms_server.portal.visiting import ARRIVING, LESSON, NOW, TITLE, known, log_in, text

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/lessons", "/rooms", f"/lessons/{LESSON}?source=x"])
async def test_whoever_is_not_logged_in_is_asked_to_and_comes_back(browser: httpx.AsyncClient, path: str) -> None:
    sent = await browser.get(path)
    assert (sent.status_code, "Analyse" in sent.text) == (303, False)
    form = await browser.get(sent.headers["location"])
    back = html.unescape(re.findall(r'name="next" value="([^"]*)"', form.text)[0])
    assert back == path
    assert (await log_in(browser, next=back)).headers["location"] == path


@pytest.mark.parametrize(
    "target", ["//evil.test", "https://evil.test", "/\\evil.test", "\\evil", "javascript:x", "/a\nb", "//[", "", "x"]
)
async def test_the_login_leads_nowhere_else(browser: httpx.AsyncClient, app: FastAPI, target: str) -> None:
    await known(browser, app)
    assert (await browser.get("/login", params={"next": target})).headers["location"] == "/lessons"


async def test_a_wrong_password_and_an_unknown_name_are_told_the_same(browser: httpx.AsyncClient) -> None:
    answers = [await browser.post("/login", data={"name": name, "password": "x"}) for name in ("amina", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert "The name or the password is wrong; try again." in text(answers[0])
    assert answers[0].text.replace("amina", "nobody") == answers[1].text
    assert "darsbox" not in str(answers[0].headers.get("set-cookie"))


async def test_guessing_is_slowed_down_in_the_readers_language(browser: httpx.AsyncClient) -> None:
    for _ in range(5):
        await browser.post("/login?lang=fr", data={"name": "guess", "password": "x"})
    slow = await browser.post("/login?lang=fr", data={"name": "guess", "password": "x"})
    assert slow.status_code == 429
    assert "Trop d’essais manqués" in text(slow)


async def test_log_out_ends_the_session(browser: httpx.AsyncClient) -> None:
    await log_in(browser)
    assert (await browser.get("/lessons")).status_code == 200
    assert (await browser.get("/logout")).status_code == 405
    assert (await browser.post("/logout")).headers["location"] == "/login"
    assert (await browser.get("/lessons")).status_code == 303


async def test_a_title_is_text_whatever_it_looks_like(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    for path in ("/lessons", f"/lessons/{LESSON}"):
        page = await browser.get(path)
        assert f"<bdi>{escape(TITLE)}</bdi>" in page.text
        assert not re.search(r"<(script>|b>|i>|img src=x)", page.text)
        assert re.findall(r"<script[^>]*>", page.text) == re.findall(
            r'<script type="module" src="/static[^>]*>', page.text
        )
        assert not re.search(r"\son\w+=|\sstyle=|<style", page.text)


async def test_the_policy_allows_nothing_but_our_own(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/login")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"


async def test_search_room_day_and_pages(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    assert "Chimie" in text(await browser.get("/lessons"))
    assert "Chimie" not in text(await browser.get("/lessons?q=evil"))
    assert "Chimie" in text(await browser.get("/lessons?room=Amphi+%3CA%3E"))
    assert "No lesson matches that." in text(await browser.get("/lessons?room=other"))
    assert "Old 0" not in text(await browser.get("/lessons?since=2026-11-21"))
    assert "No lesson matches that." in text(await browser.get("/lessons?since=2027-01-01"))
    first = await browser.get("/lessons?since=2026-01-01")
    older = html.unescape(re.findall(r'href="([^"]*)" rel="next"', first.text)[0])
    assert "since=2026-01-01" in older
    second = await browser.get(older)
    assert "Old 59" in text(second)
    assert "Chimie" not in text(second)
    assert 'rel="next"' not in second.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/lessons/01KAF0000000000000000NOONE", 404, "There is no such lesson, or it is not open to you."),
        ("/lessons?page=garbage", 400, "Start again from its top."),
        ("/lessons?since=31-12-2026", 400, "not a day of the calendar"),
        ("/lessons?since=9999-99-99", 400, "not a day of the calendar"),
    ],
)
async def test_a_bad_address_is_a_page_with_one_sentence(
    browser: httpx.AsyncClient, app: FastAPI, path: str, status: int, sentence: str
) -> None:
    await known(browser, app)
    page = await browser.get(path)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert sentence in text(page)


async def test_a_student_sees_what_is_ready_and_no_rooms(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app, "sidi")
    page = await browser.get("/lessons")
    assert "Chimie" not in text(page)
    assert 'href="/rooms"' not in page.text
    assert (await browser.get(f"/lessons/{ARRIVING}")).status_code == 404
    rooms = await browser.get("/rooms")
    assert rooms.status_code == 403
    assert "for those who look after the rooms" in text(rooms)


async def test_a_lesson_shows_how_to_get_it_and_how_good_it_is(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    page = await browser.get(f"/lessons/{LESSON}?source=board.mp4&t=30")
    file = f"/api/v1/lessons/{LESSON}/files/board.mp4"
    assert f'src="{file}#t=30.0"' in page.text
    assert f'href="{file}?download=1"' in page.text
    for fact in (
        "Download 214 MB",
        "ab" * 32,
        "1 gap, 4.4 s in all.",
        "the device went away",
        "Everybody of the institution",
    ):
        assert fact in text(page)
    assert "&lt;i&gt;Exercice&lt;/i&gt;" in page.text


@pytest.mark.parametrize("place", ["-5", "inf", "nan", "1e9", "x"])
async def test_a_place_outside_the_lesson_is_its_beginning(
    browser: httpx.AsyncClient, app: FastAPI, place: str
) -> None:
    await known(browser, app)
    assert "#t=" not in (await browser.get(f"/lessons/{LESSON}?t={place}")).text


async def test_a_lesson_on_its_way_says_so(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    page = text(await browser.get(f"/lessons/{ARRIVING}"))
    assert "still on its way from the room" in page
    assert "Nothing is missing" not in page


async def test_the_language_follows_the_address_then_the_cookie_then_the_browser(browser: httpx.AsyncClient) -> None:
    arabic = await browser.get("/login", headers={"accept-language": "ar"})
    assert '<html lang="ar" dir="rtl">' in arabic.text
    french = await browser.get("/login?lang=fr&next=%2Frooms", headers={"accept-language": "ar"})
    assert '<html lang="fr" dir="ltr">' in french.text
    assert "/login?next=%2Frooms&amp;lang=ar" in french.text
    assert '<html lang="fr"' in (await browser.get("/login", headers={"accept-language": "ar"})).text
    assert french.headers["content-language"] == "fr"


async def test_style_and_tokens_are_fetched_once_for_ever(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/login")
    sheets = re.findall(r'href="(/static/portal/[^"]+\.css\?v=\w+)"', page.text)
    assert len(sheets) == 2
    for sheet in sheets:
        answer = await browser.get(sheet)
        assert "immutable" in answer.headers["cache-control"]
        again = await browser.get(sheet.split("?")[0], headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    tokens = resources.files("kiosk_ui").joinpath("static", "tokens.css").read_bytes()
    assert (await browser.get("/static/portal/tokens.css")).content == tokens
    assert (await browser.get("/static/portal/..%2Fpages.py")).status_code == 404


async def test_lessons_are_narrowed_to_a_teacher_and_to_a_last_day(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    with app.state.database.write() as session:
        row = session.get_one(LessonRow, ARRIVING)
        row.teacher = "Mariem Sidi"
        row.find_by("Amphi")
    found = text(await browser.get("/lessons?teacher=mariem"))
    assert "Chimie" in found
    assert "Old 1" not in found
    until = time.strftime("%Y-%m-%d", time.gmtime(NOW))
    assert "Chimie" in text(await browser.get(f"/lessons?until={until}"))  # with all of that day
    before = time.strftime("%Y-%m-%d", time.gmtime(NOW - 86400))
    assert "Chimie" not in text(await browser.get(f"/lessons?until={before}"))
    assert (await browser.get("/lessons?until=soon")).status_code == 400
