"""The pages as a browser without JavaScript gets them: who sees what, in which language, and what never happens."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC
from importlib import resources
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI
from markupsafe import escape
from sqlmodel import select
from starlette.middleware.sessions import SessionMiddleware

from lms_server.api.gate import Gate
from lms_server.captions import Captions
from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.tables import AlarmRow, LessonRow, OutputRow, Room
from lms_server.portal.pages import portal_router
from lms_server.store.folder import FolderStore
from lms_sync import wire
from lms_sync.wire.slip import Slip

pytestmark = pytest.mark.anyio
NOW = 1_795_255_320.0
PASSWORD = "a-long-enough-one"
LESSON = "01KAF00000000000000000ABCD"
ARRIVING = "01KAF00000000000000000WXYZ"
TITLE = "<script>alert('x')</script> \u202eevil & <b>co</b>"


def furnish(database: Database) -> Catalog:
    catalog = Catalog.over(database, lambda: NOW)
    for name, role in (("amina", "admin"), ("sidi", "student")):
        catalog.people.add(name, role, PASSWORD)  # type: ignore[arg-type]  # the loop's literals are roles
    key = wire.dump_key(wire.new_key(), private=False)
    room = catalog.rooms.enrol(catalog.rooms.make_code("Amphi <A>"), "Amphi <A>", "Uni", key)
    sources: list[dict[str, object]] = [{"id": "board", "kind": "camera", "media": "video", "label": '"><img src=x>'}]
    marks: list[dict[str, object]] = [{"at": 30.0, "label": "<i>Exercice</i>"}]
    gaps: list[dict[str, object]] = [{"source": "board", "at": 10.0, "seconds": 4.4, "why": "lost"}]
    with database.write() as session:
        row = session.get(Room, room)
        assert row is not None
        row.last_seen = NOW
        session.add(
            LessonRow(
                id=LESSON,
                room_id=room,
                title=TITLE,
                started=NOW - 60,
                seconds=60.0,
                state="ready",
                search="alert evil co",
                received=NOW,
                sources=sources,
                marks=marks,
                gaps=gaps,
            )
        )
        session.add(LessonRow(id=ARRIVING, room_id=room, title="Chimie", started=NOW, received=NOW, search="chimie"))
        for number in range(60):
            lesson = f"01KAF0000000000000000{number:05d}"
            started = NOW - 86400 - number
            session.add(LessonRow(id=lesson, room_id=room, title=f"Old {number}", started=started, received=NOW))
    with database.write() as session:
        output: dict[str, Any] = {"source": "board", "bytes": 214_000_000, "sha256": "ab" * 32, "seconds": 60.0}
        output |= {"kind": "programme", "content_type": "video/mp4", "made": NOW}
        session.add(OutputRow(lesson_id=LESSON, name="board.mp4", **output))
    return catalog


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    file = tmp_path_factory.mktemp("portal") / "darsbox.sqlite"
    migrate(file)
    database = Database(file)
    catalog = furnish(database)
    app = FastAPI()
    store = FolderStore(file.parent / "store")
    captions = Captions(catalog.editing, store, file.parent / "uploads")
    app.include_router(portal_router(catalog, Gate(catalog), captions, zone=UTC, clock=lambda: NOW))
    app.add_middleware(SessionMiddleware, secret_key="secret", same_site="lax")
    app.state.kept = {}
    app.state.database = database
    yield app
    database.close()


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps cookies, follows nothing by itself."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box.test") as browser:
        yield browser


async def log_in(browser: httpx.AsyncClient, name: str = "amina", **more: str) -> httpx.Response:
    return await browser.post("/login", data={"name": name, "password": PASSWORD, **more})


async def known(browser: httpx.AsyncClient, app: FastAPI, name: str = "amina") -> None:
    """Logged in, by the session of the first test that asked: proving a password is slow, and meant to be."""
    kept: dict[str, httpx.Cookies] = app.state.kept
    if name not in kept:
        await log_in(browser, name)
        kept[name] = httpx.Cookies(browser.cookies)
    browser.cookies.update(kept[name])


def text(response: httpx.Response) -> str:
    """What stands on the page, without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


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


async def test_an_admin_asks_for_a_lesson_and_sees_how_far_the_wish_is(app: FastAPI) -> None:
    """Who waits for a lesson must see that the wish was taken, and nobody else may make it."""
    transport = httpx.ASGITransport(app)
    for name, status in (("sidi", 403), ("amina", 303)):
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as browser:
            await browser.post("/login", data={"name": name, "password": PASSWORD})
            answer = await browser.post(f"/lessons/{ARRIVING}/send-now")
            assert answer.status_code == status
            if status == 303:
                page = (await browser.get(answer.headers["location"], params={"lang": "en"})).text
                assert "The room has not heard it yet." in page
                assert "Send this lesson first" not in page


def calendar(*entries: tuple[str, str]) -> dict[str, tuple[str, bytes]]:
    """A form's file with a lesson for each time and title, each an hour long."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x"]
    for at, title in entries:
        lines += ["BEGIN:VEVENT", f"UID:{title}", f"DTSTART:{at}", "DURATION:PT1H", f"SUMMARY:{title}", "END:VEVENT"]
    return {"calendar": ("room.ics", "\r\n".join([*lines, "END:VCALENDAR", ""]).encode())}


async def room_page(browser: httpx.AsyncClient) -> str:
    at = re.search(r'href="(/rooms/[^"?]+)"', (await browser.get("/rooms?lang=en")).text)
    assert at is not None
    return at[1]


async def test_an_admin_gives_a_room_its_timetable_and_takes_it_away(browser: httpx.AsyncClient, app: FastAPI) -> None:
    """A timetable that cannot be followed must be refused here, where somebody reads why, not in the room."""
    await known(browser, app)
    room = await room_page(browser)
    at = f"{room}/timetable"
    day = time.strftime("%Y%m%d", time.gmtime(NOW + 86400))
    twice = calendar((f"{day}T100000Z", "Algebra"), (f"{day}T103000Z", "Physics"))
    refused = await browser.post(at, files=twice)
    assert refused.status_code == 400
    assert "“Physics” begins on " in text(refused)
    assert "before “Algebra” has ended" in text(refused)
    for wrong in (b"", b"Monday at ten", b"\xff"):
        assert (await browser.post(at, files={"calendar": ("a.ics", wrong)})).status_code == 400
    assert (await browser.post(at, files=calendar((f"{day}T100000Z", "Algebra")))).status_code == 303
    assert "It has a timetable." in text(await browser.get(room))
    assert (await browser.post(f"{at}/remove")).status_code == 303
    assert "It has a timetable." not in text(await browser.get(room))

    await known(browser, app, "sidi")
    assert (await browser.post(at, files=calendar((f"{day}T100000Z", "Algebra")))).status_code == 403


async def test_a_room_is_started_from_its_page_and_says_what_became_of_it(
    browser: httpx.AsyncClient, app: FastAPI
) -> None:
    await known(browser, app)
    room = await room_page(browser)
    assert (await browser.post(f"{room}/orders", data={"verb": "start", "title": "Optics"})).status_code == 303
    assert "Start a lesson: the room has not heard it yet" in text(await browser.get(room))
    assert (await browser.post(f"{room}/orders", data={"verb": "format"})).status_code == 400
    await known(browser, app, "sidi")
    assert (await browser.post(f"{room}/orders", data={"verb": "stop"})).status_code == 403
    assert (await browser.get(room)).status_code == 403


async def test_a_code_for_another_pc_is_shown_once_with_its_qr_code_and_file(
    browser: httpx.AsyncClient, app: FastAPI
) -> None:
    await known(browser, app)
    room = await room_page(browser)
    page = (await browser.post(f"{room}/code")).text
    href = re.search(r'href="data:application/json;charset=utf-8,([^"]+)"', page)
    assert href is not None
    slip = Slip.read(unquote(href[1]).encode())
    assert (slip.room, slip.institution) == ("Amphi <A>", "Uni")
    assert slip.code in page
    assert "<svg" in page
    assert slip.code not in (await browser.get(room)).text
    await known(browser, app, "sidi")
    assert (await browser.post(f"{room}/code")).status_code == 403


async def test_a_stolen_pc_is_shut_out_and_another_may_be_let_in(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app, "sidi")
    assert (await browser.post("/rooms/x/revoke")).status_code == 403
    await known(browser, app)
    room = await room_page(browser)
    assert (await browser.post(f"{room}/revoke")).status_code == 303
    page = (await browser.get(room)).text
    assert "/revoke" not in page
    assert "/orders" not in page
    page = (await browser.post(f"{room}/code")).text
    slip = Slip.read(unquote(page.partition("charset=utf-8,")[2].partition('"')[0]).encode())
    key = wire.dump_key(wire.new_key(), private=False)
    Catalog.over(app.state.database, lambda: NOW).rooms.enrol(slip.code, slip.room, slip.institution, key)
    assert "/orders" in (await browser.get(room)).text


async def test_a_rooms_link_is_set_on_its_page_and_given_back(browser: httpx.AsyncClient, app: FastAPI) -> None:
    """What a form leaves empty is the room's own again: nobody must know which figures the room has."""
    await known(browser, app)
    room = await room_page(browser)
    form = {"max_kbit": "512", "metered": "yes", "while_recording": "no", "long_poll": "yes"}
    form |= {"from-0": "22:00", "to-0": "00:00", "rate-0": "4000", "days-0": ["sat", "sun"]}
    assert (await browser.post(f"{room}/policy", data=form)).status_code == 303
    api = f"/api/v1{room}/policy"
    page = (await browser.get(room)).text
    assert 'name="max_kbit" inputmode="numeric" maxlength="9" dir="ltr" value="512"' in page
    assert 'name="rate-0" inputmode="numeric" maxlength="9" dir="ltr" value="4000"' in page
    assert page.count('value="sat" checked') == 2  # of this row, and of the empty one
    assert page.count('value="mon" checked') == 1, api
    refused = await browser.post(f"{room}/policy", data={"max_kbit": "3"})
    assert refused.status_code == 400
    assert "from 8 to" in text(refused)
    assert (await browser.post(f"{room}/policy", data={"long_poll": "yes"})).status_code == 303
    assert 'value="512"' not in (await browser.get(room)).text


async def test_what_the_server_works_on_is_seen_by_those_who_look_after_it(
    browser: httpx.AsyncClient, app: FastAPI
) -> None:
    await known(browser, app)
    with app.state.database.write() as session:
        row = session.get_one(LessonRow, ARRIVING)
        row.state, row.problem = "failed", "Nothing of it can be played."
    page = text(await browser.get("/jobs"))
    assert "Putting the files together: given up; everything that arrived is kept" in page
    assert "Nothing of it can be played." in page
    with app.state.database.write() as session:
        row = session.get_one(LessonRow, ARRIVING)
        row.state, row.problem = "receiving", ""
    assert "Nothing waits" in text(await browser.get("/jobs"))
    await known(browser, app, "sidi")
    assert (await browser.get("/jobs")).status_code == 403


async def test_an_alarm_is_taken_on_from_the_list(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app)
    with app.state.database.write() as session:
        room = session.exec(select(Room)).first()
        trouble: dict[str, object] = {"code": "disk-filling", "need": "visit", "seconds": 3600.0}
        session.add(AlarmRow(room_id=room.id, kind="disk-filling", since=NOW, raised=NOW - 7200, trouble=trouble))
    page = await browser.get("/rooms")
    assert "Of 1 room, 1 needs a visit." in text(page)
    assert "The disk has room for only 1 h 00 min of lessons." in text(page)
    at = re.search(r'action="(/alarms/[^"]+)"', page.text)
    assert at is not None
    taken = await browser.post(at[1], headers={"referer": "http://box.test/rooms?q=a"})
    assert (taken.status_code, taken.headers["location"]) == (303, "/rooms")
    for path in ("/rooms", "/alarms", await room_page(browser)):
        assert "amina sees to it" in text(await browser.get(path)), path
    with app.state.database.write() as session:
        session.delete(session.exec(select(AlarmRow)).one())


@pytest.mark.parametrize(
    ("form", "given", "sentence"),
    [
        ("publication", {"state": "later", "at": "soon"}, "not a day of the calendar"),
        ("publication", {"state": "sold"}, "That did not work"),
        ("about", {"title": ""}, "A lesson needs a title"),
        ("parts", {"begins": "0:20", "ends": "0:10", "titles": ""}, "A place looks like 4:07"),
        ("parts", {"begins": "x", "ends": "", "titles": ""}, "A place looks like 4:07"),
        ("captions", {"language": "fr"}, "The file is no WebVTT"),
    ],
)
async def test_a_form_that_makes_no_sense_is_a_page_with_one_sentence(
    browser: httpx.AsyncClient, app: FastAPI, form: str, given: dict[str, str], sentence: str
) -> None:
    await known(browser, app)
    answer = await browser.post(f"/lessons/{LESSON}/{form}", data=given)
    assert answer.status_code == 400
    assert sentence in text(answer)


async def test_students_find_no_forms_and_cannot_send_them(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await known(browser, app, "sidi")
    page = await browser.get(f"/lessons/{LESSON}")
    assert page.status_code == 200
    assert f"/lessons/{LESSON}/" not in re.sub(r"/api/v1\S+", "", page.text)
    for form, given in (
        ("publication", {"state": "withdrawn"}),
        ("about", {"title": "Mine"}),
        ("parts", {"begins": "0:01", "ends": "0:02", "titles": ""}),
        ("captions", {"language": "fr", "remove": "1"}),
    ):
        assert (await browser.post(f"/lessons/{LESSON}/{form}", data=given)).status_code == 403, form


async def test_saving_a_form_unchanged_leaves_the_rooms_words_the_rooms(
    browser: httpx.AsyncClient, app: FastAPI
) -> None:
    await known(browser, app)
    given = {"title": TITLE, "teacher": "", "description": "Acides\r\net bases"}
    assert (await browser.post(f"/lessons/{LESSON}/about", data=given)).status_code == 303
    with app.state.database.read() as session:
        assert session.get_one(LessonRow, LESSON).edited == ["description"]
    assert "Acides et bases" in text(await browser.get(f"/lessons/{LESSON}"))


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
    known_as = Catalog.over(app.state.database, lambda: NOW).people
    vatma = next(person for person in known_as.all() if person.name == "vatma")
    assert known_as.has_card(vatma)
    again = (await browser.get(page)).text
    assert "Make a new card" in again
    assert digits[0] not in again
    assert (await browser.post(f"{page}/card/remove")).status_code == 303
    assert not known_as.has_card(vatma)
    whole = await browser.post("/account/card")  # who is of the whole server has no room
    assert (whole.status_code, "of none" in text(whole)) == (409, True)
    await known(browser, app, "vatma")
    assert re.search(r"(?:\d{4} ){9}\d{4}", text(await browser.post("/account/card")))
    assert "Take the card away" in (await browser.get("/account")).text
    assert (await browser.post("/account/card/remove")).status_code == 303
    assert "Took a teacher’s card away" not in (await browser.get("/account")).text
    assert not known_as.has_card(vatma)


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
