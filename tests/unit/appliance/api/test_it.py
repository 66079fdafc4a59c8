"""The IT screen's API: nothing of it without the PIN, and nothing of a lesson with it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from appliance.api.app import build
from appliance.api.room import Room
from appliance.spool import pins
from appliance.spool.pins import Pins
from media.lesson import Lesson
from tests.unit.appliance.api.obedient_room import ObedientRecorder, client_of, make_room

PIN, TEACHER = "271828", "314159"
ORDERS = {"/api/v1/it/export": {"stick": "/"}, "/api/v1/it/doctor": None, "/api/v1/it/restart": {"confirmed": 2}}


@pytest.fixture(scope="module")
def known() -> Pins:
    """Made once, for hashing takes its time on purpose."""
    known = Pins()
    known.set_it(PIN)
    known.set_teacher("Dr Sidi", TEACHER)
    return known


@pytest.fixture
def room(tmp_path: Path, known: Pins) -> tuple[Room, ObedientRecorder]:
    made = make_room(tmp_path)
    pins.write(made[0].spool, known)
    return made


@pytest.fixture
async def panel(room: tuple[Room, ObedientRecorder]) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(room[0]) as client:
        yield client


async def session(panel: httpx.AsyncClient) -> dict[str, str]:
    answer = await panel.post("/api/v1/it/enter", json={"pin": PIN})
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.mark.anyio
async def test_every_route_of_the_screen_wants_a_session(
    room: tuple[Room, ObedientRecorder], panel: httpx.AsyncClient
) -> None:
    found = {
        (method.upper(), path)
        for path, methods in build(room[0]).openapi()["paths"].items()
        for method in methods
        if path.startswith("/api/v1/it") and not path.endswith(("/enter", "/leave"))
    }
    assert found == {("GET", "/api/v1/it")} | {("POST", path) for path in ORDERS}
    for method, path in found:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}, {"Cookie": "token=x"}):
            answer = await panel.request(method, path, json=ORDERS.get(path), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in"), path
    assert room[1].restarts == []


@pytest.mark.anyio
async def test_a_lesson_is_recorded_whoever_stands_there(panel: httpx.AsyncClient) -> None:
    for order in ("start", "mark", "pause", "resume", "stop"):
        answer = await panel.post(f"/api/v1/lesson/{order}")
        assert answer.status_code == 200, order


@pytest.mark.anyio
async def test_a_wrong_pin_is_a_sentence_and_then_a_wait(panel: httpx.AsyncClient) -> None:
    answers = [await panel.post("/api/v1/it/enter", json={"pin": "999111"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]
    assert [answer.json()["seconds"] for answer in answers] == [0, 0, 5, 5]
    assert (await panel.post("/api/v1/it/enter", json={"pin": "9" * 65})).status_code == 422


@pytest.mark.anyio
async def test_it_shows_the_log_without_what_is_secret(
    room: tuple[Room, ObedientRecorder], panel: httpx.AsyncClient
) -> None:
    log = logging.getLogger("appliance.test-it")
    log.setLevel(logging.INFO)
    log.addHandler(room[0].desk.recent)
    log.info("Camera at rtsp://admin:hunter2@10.0.0.9/live?password=hunter2&x=1 is away.")
    shown = (await panel.get("/api/v1/it", headers=await session(panel))).json()
    assert shown["log"][-1]["text"] == "Camera at rtsp://***@10.0.0.9/live?password=***&x=1 is away."
    assert 0 < shown["seconds"] <= 600
    assert shown["export"] is None


@pytest.mark.anyio
async def test_only_a_listed_stick_is_written_to(
    room: tuple[Room, ObedientRecorder], panel: httpx.AsyncClient, tmp_path: Path
) -> None:
    signed = await session(panel)
    for path in ("/", str(tmp_path), "--help", "/dev/sda"):
        answer = await panel.post("/api/v1/it/export", json={"stick": path}, headers=signed)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert room[0].desk.errands.export is None


@pytest.mark.anyio
async def test_a_restart_during_a_lesson_is_confirmed_twice(
    room: tuple[Room, ObedientRecorder], panel: httpx.AsyncClient
) -> None:
    signed = await session(panel)
    await panel.post("/api/v1/lesson/start")
    for confirmed in (0, 1):
        answer = await panel.post("/api/v1/it/restart", json={"confirmed": confirmed}, headers=signed)
        assert (answer.status_code, answer.json()["code"]) == (409, "lesson-on")
    assert room[1].restarts == []
    assert (await panel.post("/api/v1/it/restart", json={"confirmed": 2}, headers=signed)).status_code == 200
    await panel.post("/api/v1/lesson/stop")
    assert (await panel.post("/api/v1/it/restart", headers=signed)).status_code == 200
    assert room[1].restarts == [True, True]
    told = [json.loads(line) for line in (room[0].spool.root / "audit.log").read_text().splitlines()]
    assert [line["what"] for line in told] == ["panel-login", "restart", "restart"]


# -- who teaches


@pytest.mark.anyio
async def test_a_lesson_carries_the_name_of_who_said_it_and_the_next_one_does_not(panel: httpx.AsyncClient) -> None:
    status = (await panel.get("/api/v1/status")).json()
    assert status["who"] == {"name": ""}
    status = (await panel.post("/api/v1/who", json={"pin": TEACHER})).json()
    assert status["who"] == {"name": "Dr Sidi"}
    status = (await panel.post("/api/v1/lesson/start", json={"title": "Optics"})).json()
    assert status["lesson"]["teacher"] == "Dr Sidi"
    status = (await panel.post("/api/v1/lesson/stop")).json()
    assert status["who"] == {"name": ""}
    status = (await panel.post("/api/v1/lesson/start")).json()
    assert status["lesson"]["teacher"] == ""
    status = (await panel.post("/api/v1/who", json={"pin": TEACHER})).json()
    assert status["lesson"]["teacher"] == "Dr Sidi"
    status = (await panel.post("/api/v1/who/leave")).json()
    assert (status["who"], status["lesson"]["teacher"]) == ({"name": ""}, "Dr Sidi")


@pytest.mark.anyio
async def test_who_comes_while_a_stop_can_be_undone_does_not_take_that_lesson(
    room: tuple[Room, ObedientRecorder], panel: httpx.AsyncClient
) -> None:
    await panel.post("/api/v1/lesson/start")
    await panel.post("/api/v1/lesson/stop", json={"undo": True})
    status = (await panel.post("/api/v1/who", json={"pin": TEACHER})).json()
    assert (status["who"], status["lesson"]["teacher"]) == ({"name": "Dr Sidi"}, "")
    await panel.post("/api/v1/lesson/stop")
    status = (await panel.post("/api/v1/lesson/start")).json()
    assert status["lesson"]["teacher"] == "Dr Sidi"


@pytest.mark.anyio
@pytest.mark.parametrize("said", [{}, {"pin": ""}, {"pin": "1", "card": "2"}, {"name": "Dr Sidi"}])
async def test_who_says_nothing_is_not_understood(panel: httpx.AsyncClient, said: dict[str, str]) -> None:
    answer = await panel.post("/api/v1/who", json=said)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")


@pytest.mark.anyio
async def test_where_no_teacher_is_known_nobody_is_asked(tmp_path: Path) -> None:
    room, _ = make_room(tmp_path)
    async with client_of(room) as panel:
        assert (await panel.get("/api/v1/status")).json()["who"] is None
        answer = await panel.post("/api/v1/who", json={"pin": TEACHER})
        assert (answer.status_code, answer.json()["code"]) == (409, "no-pin")


@pytest.mark.anyio
async def test_a_teacher_sees_no_lesson_of_another_and_it_sees_all(
    room: tuple[Room, ObedientRecorder], panel: httpx.AsyncClient
) -> None:
    names = {
        "01JD4R6YJ3M3W9VZB0Q7RZB6C5": "Dr Sidi",
        "01JD4R6YJ3M3W9VZB0Q7RZB6C6": "",
        "01JD4R6YJ3M3W9VZB0Q7RZB6C7": "Dr Ba",
    }
    _spread(room[0], names)

    async def seen(headers: dict[str, str] | None = None) -> set[str]:
        told = (await panel.get("/api/v1/deliveries", headers=headers)).json()
        assert told["older"] == 0
        return {names[lesson["id"]] for lesson in told["lessons"]}

    assert await seen() == {""}
    await panel.post("/api/v1/who", json={"pin": TEACHER})
    assert await seen() == {"", "Dr Sidi"}
    assert await seen(await session(panel)) == {"", "Dr Sidi", "Dr Ba"}


def _spread(room: Room, names: dict[str, str]) -> None:
    from appliance.spool.ledger import Ledger, assets_of

    with Ledger(room.spool.ledger_file) as ledger:
        for id_, name in names.items():
            lesson = Lesson(id_, name, "Amphi A", "", "en", "kept", teacher=name)
            room.spool.lesson_dir(id_).mkdir()
            room.spool.write_lesson(lesson)
            ledger.add_assets(assets_of(room.spool, lesson))
