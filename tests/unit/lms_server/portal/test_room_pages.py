"""What is asked of rooms and of the server's work on its pages; who may, and what a form that makes no sense says."""

from __future__ import annotations

import re
import time
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from lms_server.catalog import Catalog
from lms_server.catalog.tables import AlarmRow, LessonRow, Room
from lms_sync import wire
from lms_sync.wire.slip import Slip
from tests.unit.lms_server.portal.visiting import ARRIVING, LESSON, NOW, PASSWORD, TITLE, known, text

pytestmark = pytest.mark.anyio


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
