"""If these fail, a pupil sets a room up anew, or who installs one has to begin again after a power cut."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from appliance import config, roomfile
from appliance.api.app import build
from appliance.api.room import Room
from appliance.spool import draft, pins
from appliance.spool.draft import Device, Draft
from appliance.spool.pins import Pins
from drivers.protocols import Found
from provisioning.first_room import first_room
from tests.unit.appliance.api.obedient_room import ObedientRecorder, client_of, make_room

PIN = "271828"
MICROPHONE = Device("ba9876543210", "microphone", "portaudio", "USB Audio", {"device": "USB Audio"})
BODIES: dict[str, object] = {
    "choose": {"language": "ar"},
    "look": None,
    "camera": {"address": "10.0.0.9"},
    "join": {"server": "lessons.example.org", "code": "7QK2M-9XDR4"},
    "pin": {"pin": PIN},
    "write": None,
    "leave": None,
}

Panel = httpx.AsyncClient


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "room.toml"
    file.write_text(first_room([], "amphi-a"))
    return file


@pytest.fixture
def room(tmp_path: Path, file: Path) -> tuple[Room, ObedientRecorder]:
    return make_room(tmp_path / "spool", file=file)


@pytest.fixture
async def panel(room: tuple[Room, ObedientRecorder]) -> AsyncIterator[Panel]:
    async with client_of(room[0]) as client:
        yield client


async def post(panel: Panel, path: str, body: object = None, session: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    return await panel.post(f"/api/v1/setup/{path}", json=body, headers=headers)


def write(file: Path, text: str) -> None:
    file.write_text(text)


async def all_refused(panel: Panel, room: Room) -> None:
    found = {path for path in build(room).openapi()["paths"] if path.startswith("/api/v1/setup")}
    assert found == {"/api/v1/setup", *(f"/api/v1/setup/{name}" for name in BODIES)}
    answers = [await panel.get("/api/v1/setup"), *[await post(panel, name, body) for name, body in BODIES.items()]]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "not-signed-in")}


@pytest.mark.anyio
async def test_a_room_that_a_person_set_up_wants_the_pin_for_every_route(tmp_path: Path) -> None:
    room, _ = make_room(tmp_path)
    async with client_of(room) as panel:
        assert (await panel.get("/api/v1/status")).json()["first_boot"] is False
        await all_refused(panel, room)


@pytest.mark.anyio
@pytest.mark.parametrize("closing", ["pin", "hand", "damaged"])
async def test_the_first_boot_is_over_at_once(
    room: tuple[Room, ObedientRecorder], panel: Panel, file: Path, closing: str
) -> None:
    """Whoever sets a PIN on the command line or changes the file need not start the room anew to close that door."""
    assert (await panel.get("/api/v1/status")).json()["first_boot"] is True
    assert (await panel.get("/api/v1/setup")).status_code == 200
    spool, known = room[0].spool, Pins()
    if closing == "pin":
        known.set_it(PIN)
        pins.write(spool, known)
    elif closing == "hand":
        write(file, roomfile.read(file) + "# mine now\n")
    else:
        write(pins.file_of(spool), "{")
    assert (await panel.get("/api/v1/status")).json()["first_boot"] is False
    await all_refused(panel, room[0])


@pytest.mark.anyio
async def test_the_whole_way_and_a_power_cut_before_every_step(
    room: tuple[Room, ObedientRecorder], tmp_path: Path, file: Path
) -> None:
    session = ""
    for step in ("language", "name", "devices", "later", "pin", "write"):
        anew, recorder = make_room(tmp_path / "spool", file=file)  # as after a power cut
        async with client_of(anew) as panel:
            if session:  # it ended with the daemon
                entered = await panel.post("/api/v1/it/enter", json={"pin": PIN})
                session = entered.json()["token"]
            match step:
                case "language" | "name" | "later":
                    value = {"language": "ar", "name": " Amphi  A ", "later": True}[step]
                    assert (await post(panel, "choose", {step: value})).status_code == 200
                case "devices":
                    anew.desk.setup.candidates._seen = {MICROPHONE.key: _candidate()}
                    assert (await post(panel, "choose", {"devices": [MICROPHONE.key]})).status_code == 200
                case "pin":
                    session = (await post(panel, "pin", {"pin": PIN})).json()["token"]
                case _:
                    shown = await panel.get("/api/v1/setup", headers={"Authorization": f"Bearer {session}"})
                    assert (shown.json()["name"], shown.json()["language"], shown.json()["pin"]) == (
                        "Amphi A",
                        "ar",
                        True,
                    )
                    assert (await post(panel, "write", None, session)).status_code == 200
                    assert recorder.restarts == [True]
        await anew.desk.close()
    loaded = config.load(file)
    assert (loaded.room.name, loaded.room.language) == ("Amphi A", "ar")
    assert [(device.kind, device.driver) for device in loaded.devices] == [("microphone", "portaudio")]
    assert roomfile.writer_of(roomfile.read(file)) == "panel"
    assert draft.read(room[0].spool) == Draft()
    told = [json.loads(line) for line in roomfile.read(room[0].spool.root / "audit.log").splitlines()]
    assert [line["what"] for line in told if line["what"].startswith("setup")] == ["setup-pin", "setup-write"]


def _candidate() -> object:
    from appliance.api.candidates import Candidate

    return Candidate(MICROPHONE, "new:ba9876543210")


@pytest.mark.anyio
async def test_nothing_is_written_while_a_lesson_is_on_or_without_a_device_or_a_pin(
    room: tuple[Room, ObedientRecorder], panel: Panel, file: Path
) -> None:
    before = roomfile.read(file)
    assert (await post(panel, "write")).json()["code"] == "nothing-chosen"
    draft.write(room[0].spool, Draft(devices=(MICROPHONE,)))
    assert (await post(panel, "write")).json()["code"] == "no-pin"
    assert (await post(panel, "pin", {"pin": "123456"})).json()["code"] == "unfit-pin"
    session = (await post(panel, "pin", {"pin": PIN})).json()["token"]
    assert (await panel.post("/api/v1/lesson/start")).status_code == 200
    for path in ("write", "look", "camera"):
        answer = await post(panel, path, BODIES[path], session)
        assert (answer.status_code, answer.json()["code"]) == (409, "lesson-on")
    assert (roomfile.read(file), room[1].restarts) == (before, [])


@pytest.mark.anyio
@pytest.mark.parametrize("body", [{"language": "de"}, {"name": " "}, {"devices": ["nowhere"]}, {"colour": "red"}])
async def test_what_cannot_be_chosen_is_refused(panel: Panel, body: dict[str, object]) -> None:
    answer = await post(panel, "choose", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")
    shown = (await panel.get("/api/v1/setup")).json()
    assert (shown["language"], shown["name"], shown["devices"], shown["suggested"]) == (None, None, None, "amphi-a")


@pytest.mark.anyio
async def test_a_camera_that_is_not_there_is_a_sentence(panel: Panel) -> None:
    away = await post(panel, "camera", {"address": "rtsp://127.0.0.1:1/live", "password": "x"})
    assert (away.status_code, away.json()["code"], away.json()["problem"]) == (
        503,
        "device-trouble",
        "camera-unreachable",
    )
    for address in ("", "rtsp://", "ftp://10.0.0.9", "rtsp://10.0.0.9:99999/"):
        answer = await post(panel, "camera", {"address": address})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-request"), address


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_a_sentence(panel: Panel) -> None:
    invitation = {"server": "http://127.0.0.1:1", "code": "7QK2M-9XDR4"}
    assert (await post(panel, "join", invitation)).json()["code"] == "bad-request"  # it has no name yet
    await post(panel, "choose", {"name": "Amphi A"})
    answer = await post(panel, "join", invitation)
    assert (answer.status_code, answer.json()["problem"]) == (409, "unreachable")
    answer = await post(panel, "join", {"server": "no address", "code": "--help"})
    assert (answer.status_code, answer.json()["problem"]) == (409, "bad-address")


@pytest.mark.anyio
async def test_a_password_is_shown_to_nobody_and_kept_for_the_rooms_user(
    room: tuple[Room, ObedientRecorder], panel: Panel
) -> None:
    camera = Device("0123456789ab", "camera", "onvif", "10.0.0.9", {"host": "10.0.0.9", "password": "hunter2"})
    draft.write(room[0].spool, Draft(devices=(camera,), typed=(camera,)))
    assert "hunter2" not in (await panel.get("/api/v1/setup")).text
    assert draft.file_of(room[0].spool).stat().st_mode & 0o777 == 0o600
    assert draft.read(room[0].spool).devices == (camera,)


@pytest.mark.anyio
async def test_of_a_room_that_was_just_installed_no_simulated_device_is_offered(
    room: tuple[Room, ObedientRecorder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is what the installer found offered twice; a room of a person keeps what that person wrote."""

    async def found(_: object) -> list[Found]:
        return [Found("camera", "v4l2", "Webcam", {"device": "/dev/nothing"}), Found("ptz", "sim", "Turns", {})]

    monkeypatch.setattr("appliance.api.candidates.discover", found)
    monkeypatch.setattr("appliance.api.candidates.registry.discoverers", lambda: [None])
    seen = await room[0].desk.setup.look()
    assert [(each.device.driver, each.problem and each.problem.code) for each in seen] == [("v4l2", "camera-missing")]
    theirs, _ = make_room(
        tmp_path / "theirs", more='[[camera]]\nid = "usb"\ndriver = "v4l2"\ndevice = "/dev/nothing"\n'
    )
    seen = await theirs.desk.setup.look()
    assert [(each.device.id, each.device.driver) for each in seen] == [("front", "sim"), ("usb", "v4l2")]
    for each in (room[0], theirs):
        each.desk.setup.candidates.leave()
