"""The panel, the command line and programs get the answers of the contract, and every refusal as a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.api.books import sync_view
from appliance.api.remote import Remote
from appliance.api.room import Room
from appliance.spool.ledger import AssetRow
from media.lesson import Lesson, Source, Span, Take
from tests.peers.spool import keep_lesson
from tests.unit.appliance.api.obedient_room import ObedientRecorder, client_of, make_room

LESSON = "01JD4R6YJ3M3W9VZB0Q7RZB6C5"


@pytest.fixture
def made(tmp_path: Path) -> tuple[Room, ObedientRecorder]:
    return make_room(tmp_path)


@pytest.mark.anyio
async def test_the_status_has_everything_the_panel_shows(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        body = (await client.get("/api/v1/status")).json()
    assert body["room"] == {
        "name": "Amphi A",
        "institution": "",
        "language": "en",
        "languages": ["en", "fr", "ar", "ur", "zh"],
    }
    assert set(body) == {
        *("room", "version", "now", "state", "lesson", "sources", "disk", "held_seconds", "undo_seconds", "sync"),
        *("health", "last", "making", "selftest", "testing", "fixtures", "scenes", "lamps", "muted", "occupied"),
        *("remote", "timetable", "who", "first_boot"),
    }
    assert body["state"] == "ready"
    assert body["sources"][0]["label"] == "Front camera"
    assert body["sync"]["server"] == "http://127.0.0.1:8500"
    assert body["health"]["code"] == "all-well"


@pytest.mark.anyio
async def test_a_lesson_from_start_to_stop(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        started = await client.post("/api/v1/lesson/start", json={"title": "Analyse II"})
        assert started.json()["lesson"]["title"] == "Analyse II"
        assert (await client.post("/api/v1/lesson/mark", json={"label": "Exercise"})).json()["lesson"]["marks"] == 1
        assert (await client.post("/api/v1/lesson/pause")).json()["state"] == "paused"
        assert (await client.post("/api/v1/lesson/resume")).json()["state"] == "recording"
        assert (await client.post("/api/v1/lesson/stop")).json()["lesson"] is None
    assert made[1].heard == ["Analyse II", "Exercise"]


@pytest.mark.anyio
async def test_a_stop_of_the_panel_can_be_undone_and_no_other(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        await client.post("/api/v1/lesson/start")
        assert (await client.post("/api/v1/lesson/stop", json={"undo": True})).json()["undo_seconds"] == 30
        assert (await client.post("/api/v1/lesson/undo")).json()["state"] == "recording"
        assert (await client.post("/api/v1/lesson/undo")).json()["code"] == "wrong-state"
        assert (await client.post("/api/v1/lesson/stop")).json()["lesson"] is None


@pytest.mark.anyio
async def test_start_needs_no_title(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        assert (await client.post("/api/v1/lesson/start")).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("asked", "body", "status", "code"),
    [
        (("POST", "/api/v1/lesson/stop"), None, 409, "not-recording"),
        (("POST", "/api/v1/lesson/start"), {"title": "x" * 201}, 422, "bad-request"),
        (("POST", "/api/v1/lesson/start"), {"title": 5}, 422, "bad-request"),
        (("POST", "/api/v1/lesson/start"), {"titel": "x"}, 422, "bad-request"),
        (("POST", "/api/v1/lesson/start"), {"title": "a\u0000b"}, 422, "bad-request"),
        (("POST", "/api/v1/lesson/start"), {"title": "\ud800"}, 422, "bad-request"),
        (("POST", "/api/v1/lesson/start"), {"\ud800": "x"}, 422, "bad-request"),
        (("POST", "/api/v1/lesson/start"), [1], 422, "bad-request"),
        (("GET", "/api/v1/lessons/..%2F..%2Fetc"), None, 404, "not-found"),
        (("GET", f"/api/v1/lessons/{LESSON}"), None, 404, "not-found"),
        (("GET", "/api/v1/sources/nobody/snapshot.jpg"), None, 404, "not-found"),
        (("GET", "/api/v1/sources/nobody/preview.mjpeg"), None, 404, "not-found"),
        (("GET", "/api/v1/nothing"), None, 404, "not-found"),
        (("GET", "/../pyproject.toml"), None, 404, "not-found"),
        (("GET", "/%2e%2e/%2e%2e/pyproject.toml"), None, 404, "not-found"),
        (("GET", "/__init__.py"), None, 404, "not-found"),
        (("DELETE", "/api/v1/status"), None, 405, "method-not-allowed"),
        (("GET", "/api/v1/lesson/start"), None, 405, "method-not-allowed"),
    ],
)
async def test_every_refusal_is_problem_json_with_a_sentence(
    made: tuple[Room, ObedientRecorder], asked: tuple[str, str], body: Any, status: int, code: str
) -> None:
    method, path = asked
    content = None if body is None else json.dumps(body)
    headers = {} if body is None else {"Content-Type": "application/json"}
    async with client_of(made[0]) as client:
        answer = await client.request(method, path, content=content, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:darsbox:problem:{code}"
    assert problem["detail"].endswith(".")
    assert "\n" not in problem["detail"]
    assert made[1].heard == []


FURNITURE = """
[[panel]]
id = "display"
driver = "sim"
[[ptz]]
id = "turning"
driver = "sim"
[[scenes.named.dark]]
device = "display"
power = "off"
"""


@pytest.mark.anyio
async def test_panels_cameras_and_scenes_are_told_and_say_what_is_known_of_them(tmp_path: Path) -> None:
    room, _ = make_room(tmp_path, FURNITURE)
    async with client_of(room) as client:
        status = (await client.get("/api/v1/status")).json()
        display, turning = status["fixtures"]
        assert (display["power"], display["volume"]) == (None, None)
        assert "volume" in display["can"]
        assert turning["presets"] == ["board", "lectern", "class"]
        assert status["scenes"] == [{"name": "dark", "playing": False, "done": False, "untold": []}]
        played = (await client.post("/api/v1/scenes/dark")).json()
        assert played["scenes"][0]["playing"] is True
        assert (await client.post("/api/v1/scenes/light")).json()["code"] == "not-found"
        for path, body, code in (
            ("devices/display/order", {"power": "on", "volume": 4}, "bad-request"),
            ("devices/display/order", {}, "bad-request"),
            ("devices/display/order", {"volume": 101}, "bad-request"),
            ("devices/display/preset", {"preset": "board"}, "not-found"),
            ("devices/turning/place", {"preset": "moon"}, "not-found"),
        ):
            assert (await client.post(f"/api/v1/{path}", json=body)).json()["code"] == code
        room.fittings._places.keep("turning", "board", b"picture")
        fresh = (await client.get("/api/v1/status")).json()["fixtures"][1]
        assert list(fresh["pictures"]) == ["board"]
        shown = await client.get("/api/v1/devices/turning/place.jpg", params={"preset": "board"})
        assert (shown.content, shown.headers["content-type"]) == (b"picture", "image/jpeg")


@pytest.mark.anyio
async def test_the_room_is_tried_at_a_touch_but_never_during_a_lesson(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        assert (await client.post("/api/v1/selftest")).json()["testing"] is True
        await client.post("/api/v1/lesson/start")
        assert (await client.post("/api/v1/selftest")).json()["code"] == "wrong-state"


@pytest.mark.anyio
async def test_a_title_too_long_is_said_in_one_sentence(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        answer = await client.post("/api/v1/lesson/start", json={"title": "x" * 201})
    assert answer.json()["detail"] == 'The request cannot be understood: "title" has more than 200 characters.'


@pytest.mark.anyio
async def test_garbage_for_json_is_refused(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        for content in (b"{", b"\xff\xfe", b'{"title": "a"} x'):
            headers = {"Content-Type": "application/json"}
            answer = await client.post("/api/v1/lesson/start", content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")


@pytest.mark.anyio
async def test_a_failure_inside_is_no_traceback_outside(made: tuple[Room, ObedientRecorder]) -> None:
    made[1].now = None  # type: ignore[assignment]  # a planted bug
    async with client_of(made[0]) as client:
        answer = await client.get("/api/v1/status")
    assert (answer.status_code, answer.json()["code"]) == (500, "room-error")
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.anyio
async def test_a_damaged_ledger_does_not_hide_the_room(made: tuple[Room, ObedientRecorder]) -> None:
    made[0].spool.ledger_file.write_bytes(b"no database at all" * 100)
    async with client_of(made[0]) as client:
        body = (await client.get("/api/v1/status")).json()
        lessons = await client.get("/api/v1/lessons")
    assert body["sync"]["problem"] == "ledger-unreadable"
    assert lessons.json() == []


@pytest.mark.anyio
async def test_lessons_are_listed_with_their_assets(
    made: tuple[Room, ObedientRecorder],
) -> None:
    spool = made[0].spool
    damaged = LESSON[:-1] + "6"
    for name in (LESSON, damaged):
        spool.lesson_dir(name).mkdir(parents=True)
    take = Take("front", 1, 0, "front/take-001.mp4", 100, "0" * 64, 5.0, 60.0, "stopped")
    sources = [Source("front", "camera", "video")]
    spans = [Span("boot", 5.0, 1_700_000_000.0, "stopped")]
    spool.write_lesson(Lesson(LESSON, "Analyse", "A", "", "en", "kept", sources, spans, [take]))
    spool.lesson_file(damaged).write_text("{")
    async with client_of(made[0]) as client:
        first, second = (await client.get("/api/v1/lessons")).json()
        one = (await client.get(f"/api/v1/lessons/{LESSON}")).json()
    assert one == first
    assert (first["title"], first["seconds"], first["started"]) == ("Analyse", 60.0, 1_700_000_000.0)
    assert set(first["assets"][0]) == {"kind", "source", "path", "bytes", "sha256", "sent", "receipted", "removed"}
    assert (second["id"], second["state"]) == (damaged, "damaged")


@pytest.mark.anyio
async def test_programs_find_health_figures_and_the_description(made: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(made[0]) as client:
        assert (await client.get("/healthz")).json()["status"] == "ok"
        figures = (await client.get("/metrics")).text
        description = (await client.get("/openapi.json")).json()
    assert "darsbox_disk_free_bytes 5e+011" in figures or "darsbox_disk_free_bytes 5e+11" in figures
    assert "process_resident_memory_bytes" in figures
    assert "StatusView" in description["components"]["schemas"]


def test_progress_counts_only_lessons_that_have_not_arrived_whole() -> None:
    def row(lesson: str, size: int, state: str, sent: int) -> AssetRow:
        return AssetRow(lesson, f"{size}.mp4", "take", "front", "master", size, "0" * 64, state, sent)  # type: ignore[arg-type]  # plain text

    rows = [
        row("A", 100, "receipted", 100),
        row("B", 10, "receipted", 0),
        row("B", 100, "sending", 40),
        row("C", 50, "waiting", 0),
    ]
    view = sync_view(rows, {"sync.last_contact": "12.5", "sync.problem": "", "sync.server": "http://s"}, None)
    assert (view.lessons_waiting, view.bytes_total, view.bytes_sent) == (2, 160, 50)
    assert (view.server, view.last_contact, view.problem) == ("http://s", 12.5, None)


@pytest.mark.anyio
async def test_a_start_from_afar_is_on_record_and_on_the_panel(made: tuple[Room, ObedientRecorder]) -> None:
    """Those in the room must be able to see that somebody else began to record them."""
    room, _ = made
    origin = {"by": "amina", "command": "01JD4R6YJ3M3W9VZB0Q7RZB6C5"}
    async with client_of(room) as client:
        here = (await client.post("/api/v1/lesson/start", json={"title": "Here"})).json()
        assert here["remote"] is None
        await client.post("/api/v1/lesson/stop")
        told = (await client.post("/api/v1/lesson/start", json={"title": "Afar", "origin": origin})).json()
        assert (told["remote"]["by"], told["remote"]["lesson"]) == ("amina", told["lesson"]["id"])
        refused = await client.post("/api/v1/lesson/start", json={"origin": {"by": "x", "command": "../"}})
        assert refused.status_code == 422
    lines = [json.loads(line) for line in (room.spool.root / "audit.log").read_text().splitlines()]
    assert [(line["what"], line["by"]) for line in lines] == [("start", "amina")]
    assert Remote(room.spool).last == room.remote.last


@pytest.mark.anyio
async def test_a_teacher_keeps_a_lesson_here_and_undoes_it(made: tuple[Room, ObedientRecorder]) -> None:
    room, _ = made
    lesson = keep_lesson(room.spool.root, 1, 100)
    async with client_of(room) as client:
        at = f"/api/v1/lessons/{lesson.id}/keep"
        assert (await client.post(at)).json()["kept_here"] is True
        assert (await client.get(f"/api/v1/lessons/{lesson.id}")).json()["kept_here"] is True
        assert (await client.post(at, json={"keep": False})).json()["kept_here"] is False
        assert (await client.post("/api/v1/lessons/none/keep")).status_code == 404
