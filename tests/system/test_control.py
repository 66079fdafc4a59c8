"""Real rooms and a real server: an admin far away hears how a room is, and what they order is done once or never."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from lms_sync import wire, wire_control
from lms_sync.wire_control import Heartbeat
from tests.peers.central import Central
from tests.peers.http import HTTP
from tests.peers.program import wait_until
from tests.system.deployment import Room, Server, closing_all, command, manifest

CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
DEVICES = """
[[camera]]
id = "front"
driver = "sim"
"""


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with Central(tmp_path_factory.mktemp("central") / "server") as running:
        yield running


def admin(central: Central, method: str, path: str, token: dict[str, str], **more: Any) -> httpx.Response:
    return central.http.request(method, f"{central.url}{wire.API}{path}", headers=token, **more)


def planned(title: str) -> bytes:
    """A timetable with one lesson, tomorrow."""
    begin = time.strftime("DTSTART:%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 86400))
    lesson = ["BEGIN:VEVENT", "UID:a", f"SUMMARY:{title}", begin, "DURATION:PT1H", "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *lesson]).encode()


def beat(**facts: Any) -> bytes:
    return json.dumps({**Heartbeat("1", "ready").as_json(), **facts}).encode()


def test_a_room_says_how_it_is_and_is_told_what_to_do(central: Central) -> None:
    token = central.token("it-heartbeat", "it")
    room = central.room("Heartbeats")
    assert room.ask("POST", wire_control.HEARTBEATS, body=beat(disk_hours=41.0)).json()["commands"] == []
    listed = {each["id"]: each for each in admin(central, "GET", "/rooms", token).json()}
    assert listed[room.id]["health"]["disk_hours"] == 41.0
    made = admin(central, "POST", f"/rooms/{room.id}/commands", token, json={"verb": "start", "title": "Analyse"})
    assert made.status_code == 201, made.text
    for _ in range(2):  # until it is answered, it is given again
        told = room.ask("POST", wire_control.HEARTBEATS, body=beat()).json()["commands"]
        assert [(each["id"], each["title"], each["by"]) for each in told] == [
            (made.json()["id"], "Analyse", "it-heartbeat")
        ]
    done = room.ask("POST", f"{wire_control.COMMANDS}/{made.json()['id']}/outcome", body=b'{"code": "done"}')
    assert done.status_code == 204, done.text
    assert room.ask("GET", wire_control.COMMANDS).json()["commands"] == []
    assert admin(central, "GET", f"/rooms/{room.id}/commands", token).json()[0]["state"] == "done"


def test_nonsense_and_strangers_are_refused_in_a_sentence(central: Central) -> None:
    room, other = central.room("Sense"), central.room("Nonsense")
    service, student = central.token("pupil-service", "service"), central.token("pupil", "student")
    order = admin(central, "POST", f"/rooms/{room.id}/commands", central.token("it-sense", "it"), json={"verb": "stop"})
    answers = [
        (room.ask("POST", wire_control.HEARTBEATS, body=b"{"), 400),
        (room.ask("POST", wire_control.HEARTBEATS, body=beat(state="?")), 400),
        (room.ask("POST", wire_control.HEARTBEATS, body=beat(), signed=b"{}"), 401),
        (room.ask("POST", wire_control.HEARTBEATS, body=beat(version="x" * 70_000)), 413),
        (room.ask("GET", f"{wire_control.COMMANDS}?wait=600"), 400),
        (other.ask("POST", f"{wire_control.COMMANDS}/{order.json()['id']}/outcome", body=b'{"code": "done"}'), 404),
        (central.http.get(central.url + wire_control.COMMANDS), 401),
        (admin(central, "GET", "/rooms/me/commands", service), 403),
        (admin(central, "POST", f"/rooms/{room.id}/commands", student, json={"verb": "start"}), 403),
        (admin(central, "POST", "/lessons/01KAF00000000000000000ABCD/send-now", student), 403),
    ]
    for answer, status in answers:
        assert answer.status_code == status, answer.text
        assert answer.json()["detail"].endswith(".")


def test_a_room_that_listens_hears_of_a_command_given_meanwhile(central: Central) -> None:
    token = central.token("it-listens", "it")
    room = central.room("Listens")
    with ThreadPoolExecutor(1) as aside:
        heard = aside.submit(room.ask, "GET", f"{wire_control.COMMANDS}?wait=25")
        admin(central, "POST", f"/rooms/{room.id}/commands", token, json={"verb": "stop"})
        assert [each["verb"] for each in heard.result(60).json()["commands"]] == ["stop"]


def test_a_timetable_goes_to_its_room_and_only_if_it_is_one(central: Central) -> None:
    token = central.token("it-timetable", "it")
    room = central.room("Timetable")
    assert room.ask("GET", wire_control.TIMETABLE).status_code == 404
    at = f"/rooms/{room.id}/timetable"
    for wrong, status in ((b"Monday 8:00", 400), (b"\xff\xfe", 400), (b"x" * 1_100_000, 413)):
        assert admin(central, "PUT", at, token, content=wrong).status_code == status
    large = CALENDAR.replace("VERSION:2.0", "VERSION:2.0\r\nX-A:" + "a" * 500_000)
    for calendar in (large, CALENDAR):
        assert admin(central, "PUT", at, token, content=calendar.encode()).status_code == 204
    told = room.ask("POST", wire_control.HEARTBEATS, body=beat()).json()["timetable_etag"]
    found = room.ask("GET", wire_control.TIMETABLE)
    assert found.text == CALENDAR
    assert found.headers["ETag"] == f'"{told}"'
    assert room.ask("GET", wire_control.TIMETABLE, If_None_Match=f'"{told}"').status_code == 304


def test_a_rooms_policy_is_told_with_its_orders_and_a_mistake_is_said(central: Central) -> None:
    token = central.token("it-policy", "it")
    room = central.room("Policy")
    at = f"/rooms/{room.id}/policy"
    wanted = {"long_poll": True, "daily_mb": 50, "metered": "yes"}
    assert admin(central, "PUT", at, token, json=wanted).status_code == 204
    assert admin(central, "GET", at, token).json() == wanted
    assert room.ask("POST", wire_control.HEARTBEATS, body=beat()).json()["policy"] == wanted
    for wrong, said in (({"daily_mb": -1}, "daily_mb must be"), ({"daily": 5}, "has no member 'daily'")):
        answer = admin(central, "PUT", at, token, json=wrong)
        assert answer.status_code == 400
        assert said in answer.json()["detail"]
    assert admin(central, "GET", at, token).json() == wanted


def test_an_order_given_while_the_link_is_down_is_done_once_though_the_agent_is_killed(tmp_path: Path) -> None:
    room, server = Room(tmp_path, DEVICES), Server(tmp_path)
    token = {"Authorization": f"Bearer {server.token}"}

    def ask(method: str, path: str, **more: Any) -> Any:
        answer = HTTP.request(method, f"{server.url}{wire.API}{path}", headers=token, timeout=30, **more)
        answer.raise_for_status()
        return answer.json()

    def command() -> dict[str, Any]:
        return dict(ask("GET", f"/rooms/{room_id}/commands")[0])

    with closing_all(room, server):
        server.start_web()
        room.start()
        server.enrol(room)
        room_id = ask("GET", "/rooms")[0]["id"]
        at = f"{server.url}{wire.API}/rooms/{room_id}/timetable"
        httpx.put(at, content=planned("Algebra II"), headers=token).raise_for_status()
        room.agent.start()
        wait_until(lambda: ask("GET", "/rooms")[0]["health"], 60, "the first heartbeat")
        wait_until(lambda: ask("GET", "/rooms")[0]["health"]["next_title"] == "Algebra II", 60, "the timetable's way")
        assert room.status()["timetable"]["next"]["title"] == "Algebra II"
        assert ask("GET", "/rooms")[0]["health"]["state"] == "ready"

        room.agent.kill()  # the room is cut off: whatever is ordered now waits at the server
        order = ask("POST", f"/rooms/{room_id}/commands", json={"verb": "start", "title": "From afar"})
        assert room.status()["state"] == "ready"
        # The daemon obeys an agent that is killed before it can write that down: only the beginning is in the ledger.
        origin = {"by": "admin", "command": order["id"]}
        room.http.post("/lesson/start", json={"title": "From afar", "origin": origin}).raise_for_status()
        _note_begun(room, order["id"])
        room.agent.start()
        wait_until(lambda: command()["state"] == "done", 60, "the outcome")

        room.wait_recording("front")
        status = room.status()
        assert status["lesson"]["title"] == "From afar"
        assert status["remote"]["lesson"] == status["lesson"]["id"]
        assert status["remote"]["by"] == "admin"
        ask("POST", f"/rooms/{room_id}/commands", json={"verb": "stop"})
        wait_until(lambda: command()["state"] == "done", 60, "the stop")
        room.wait_state("ready")
        assert len(room.lessons()) == 1
        audit = [json.loads(line) for line in (room.spool / "audit.log").read_text().splitlines()]
        assert [(line["what"], line["by"]) for line in audit] == [("start", "admin"), ("stop", "admin")]


def test_a_card_made_on_the_portal_opens_at_the_panel_until_it_is_taken_away(tmp_path: Path) -> None:
    """With the real daemon, agent and server: a teacher who changes rooms is a guest in none of them."""
    room, server = Room(tmp_path, DEVICES), Server(tmp_path)
    with closing_all(room, server), httpx.Client(base_url=server.url, timeout=30) as portal:
        server.start_web()
        room.start()
        server.enrol(room)
        add = ["lms-server", "user", "add", "fatou", "--data", str(server.data), "--role", "teacher"]
        command([*add, "--institution", "Test", "--full-name", "Fatou Ndiaye", "--password-stdin"], stdin="pass phrase")
        assert portal.post("/login", data={"name": "fatou", "password": "pass phrase"}).status_code == 303
        digits = re.search(r"(?:[0-9]{4} ){9}[0-9]{4}", portal.post("/account/card").text)
        assert digits is not None
        card = {"card": digits[0].replace(" ", "")}
        assert room.http.post("/who", json=card).json()["code"] == "no-pin"
        room.agent.start()
        wait_until(lambda: room.http.post("/who", json=card).status_code == 200, 60, "the card's way")
        lesson = room.touch("start", title="Optics")["lesson"]["id"]
        room.wait_elapsed(1.0)
        room.touch("stop")
        assert manifest(room, lesson)["teacher"] == "Fatou Ndiaye"
        assert portal.post("/account/card/remove").status_code == 303
        stop = {"Authorization": f"Bearer {server.token}"}  # whatever the room is told, it hears of this too
        rooms = server.get("/rooms")
        portal.post(
            f"{wire.API}/rooms/{rooms[0]['id']}/commands", json={"verb": "stop"}, headers=stop
        ).raise_for_status()
        wait_until(lambda: room.http.post("/who", json=card).json().get("code") == "no-pin", 120, "the card's end")


def _note_begun(room: Room, command_id: str) -> None:
    from appliance.spool.ledger import Ledger
    from lms_sync.deeds import COMMAND

    with Ledger(room.spool / "ledger.sqlite") as ledger:
        ledger.note(COMMAND + command_id, '{"verb": "start"}')
