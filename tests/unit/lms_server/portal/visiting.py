"""A server's pages with something on them, and who visits them."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
from fastapi import FastAPI

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.tables import LessonRow, OutputRow, Room
from lms_sync import wire

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
