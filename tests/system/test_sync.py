"""The real agent against the real server over a bad link. If these fail, a lesson stays in the room, arrives damaged,
or costs the school its line."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from appliance.spool import policy
from appliance.spool.ledger import AssetRow, Ledger
from lms_sync import forecast
from tests.peers import zygote
from tests.peers.program import wait_until
from tests.peers.spool import lesson_id
from tests.peers.toxic import Toxic, toxic
from tests.system.deployment import Server, command
from tests.system.enrolled import Agent, cut_at_random, most_bytes

PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nlogin\n"
ERROR_500 = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
BUSY_429 = b"HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"
GARBAGE = b"\x16\x03\x01\x00garbage\r\n\r\n"


@pytest.fixture
def link(server: Server) -> Iterator[Toxic]:
    with toxic(server.port) as network:
        yield network


@pytest.fixture
def agent(tmp_path: Path, server: Server, link: Toxic) -> Iterator[Agent]:
    found = Agent(tmp_path, server, link.url)
    try:
        yield found
    finally:
        found.service.stop()


def failing(*argv: str) -> tuple[int, str]:
    done = zygote.run(argv, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def _beyond(agent: Agent, sent: int) -> bool:
    return agent.sent() > sent


def test_a_killed_agent_goes_on_where_the_server_stands(agent: Agent, link: Toxic) -> None:
    agent.keep(1, 6_000_000, 500_000)
    chance = random.Random(4)
    link.rate = 1_500_000
    for _ in range(4):
        before = agent.sent()
        agent.service.start()
        wait_until(partial(_beyond, agent, before), 30, "progress")
        time.sleep(chance.uniform(0.0, 0.5))  # not for anything to happen: a random instant to be killed at
        agent.service.kill()
    link.rate = 0
    agent.service.start()
    agent.wait_delivered()
    agent.check_arrived()
    # Each kill costs at most the chunk that was under way.
    assert link.up < agent.total() * 1.05 + 4 * 2_000_000


@pytest.mark.timeout(600)  # a busy machine starts server and room slowly
def test_a_hundred_cuts_at_random_instants_cost_little(agent: Agent, link: Toxic) -> None:
    """A poor line breaks all day; what it carried must not be carried twice."""
    agent.keep(1, *[40_000] * 20, 1_500_000, 36_000_000)
    link.rate = 4_000_000
    agent.service.start()
    cuts = cut_at_random(agent, link, random.Random(5), most=100)
    link.rate = 0
    agent.wait_delivered()
    agent.check_arrived()
    assert cuts >= 50
    assert link.up <= most_bytes(agent, cuts), f"{link.up} bytes for {agent.total()} with {cuts} cuts"


def test_damaged_bytes_never_become_a_recording(agent: Agent, link: Toxic) -> None:
    agent.keep(1, 2_000_000)
    link.corrupt = 2e-6
    link.corrupt_bodies_only = False
    agent.service.start()
    agent.wait_delivered(120)
    link.corrupt = 0.0
    agent.check_arrived()


def test_a_server_that_is_down_is_waited_for_and_said_once(agent: Agent, server: Server, link: Toxic) -> None:
    agent.keep(1, 6_000_000)
    link.rate = 300_000
    agent.service.start()
    wait_until(lambda: agent.sent() > 100_000, 30, "the first chunk")
    server.web.kill()
    wait_until(lambda: agent.notes().get("sync.problem") == "server-unreachable", 30, "the problem on the panel")
    agent.keep(2, 100_000)
    server.start_web()
    link.rate = 0
    agent.wait_delivered()
    agent.check_arrived()
    wait_until(lambda: agent.notes()["sync.problem"] == "", 10, "the end of the problem")
    assert len(agent.events("server.lost")) == len(agent.events("server.back")) == 1


@pytest.mark.parametrize(
    "answer", [PORTAL, ERROR_500, BUSY_429, REDIRECT, GARBAGE], ids=["html", "500", "429", "redirect", "garbage"]
)
def test_strange_answers_are_waited_out(agent: Agent, link: Toxic, answer: bytes) -> None:
    agent.keep(1, 100_000)
    link.answer = answer
    agent.service.start()
    wait_until(lambda: link.connections >= 2, 30, "some tries")
    assert not any(row.state in {"receipted", "refused"} for row in agent.rows())
    link.answer = b""
    agent.wait_delivered()
    agent.check_arrived()


def test_it_stops_in_the_middle_of_a_chunk(agent: Agent, link: Toxic) -> None:
    agent.keep(1, 6_000_000)
    link.rate = 300_000
    agent.service.start()
    wait_until(lambda: agent.sent() > 100_000, 30, "the first chunk")
    link.blackhole = True
    began = time.monotonic()
    assert agent.service.stop() == 0
    assert time.monotonic() - began < 10  # it waits for no time-out of the link, which would be 30 s
    link.blackhole, link.rate = False, 0
    link.cut()
    command(["lms-sync", "once", "--spool", str(agent.spool.root)])
    agent.check_arrived()


def test_the_card_of_a_new_lesson_overtakes_an_old_master(agent: Agent, link: Toxic) -> None:
    agent.keep(1, 20_000_000)
    link.rate = 400_000
    agent.service.start()
    wait_until(lambda: agent.sent() > 300_000, 30, "the first chunks of the old lesson")
    new = agent.keep(2, 50_000)

    def card() -> AssetRow:
        return next(row for row in agent.rows() if row.lesson == new and row.path == "lesson.json")

    wait_until(lambda: card().state == "receipted", 30, "the new lesson's card")
    assert not agent.delivered()


def test_a_locked_ledger_is_waited_out(agent: Agent) -> None:
    agent.keep(1, 100_000)
    holder = sqlite3.connect(agent.spool.ledger_file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    agent.service.start()
    wait_until(lambda: agent.events("ledger.lost"), 20, "word of the lock")
    holder.execute("ROLLBACK")
    holder.close()
    agent.wait_delivered()
    assert len(agent.events("ledger.lost")) == 1


def test_a_ledger_the_daemon_rebuilt_is_taken_up(agent: Agent, server: Server) -> None:
    agent.keep(1, 100_000)
    agent.service.start()
    agent.wait_delivered()
    for suffix in ("", "-wal", "-shm"):
        agent.spool.ledger_file.with_name(f"ledger.sqlite{suffix}").unlink(missing_ok=True)
    agent.keep(2, 100_000)
    agent.wait_delivered()
    agent.check_arrived()


def test_an_idle_agent_costs_next_to_nothing(agent: Agent) -> None:
    agent.keep(1, 10)
    with Ledger(agent.spool.ledger_file) as ledger:
        rows = [
            AssetRow(
                lesson_id(number), f"front/take-{take:03d}.mp4", "take", "front", "master", 1, "0" * 64, "receipted"
            )
            for number in range(2, 500)  # finished long ago
            for take in (1, 2)
        ]
        ledger.add_assets(rows)
    agent.service.start()
    agent.wait_delivered()
    process = psutil.Process(agent.service.pid)
    before, began = process.cpu_times(), time.monotonic()
    while time.monotonic() - began < 8:
        time.sleep(0.5)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    assert used / 8 <= 0.01, f"{used / 8:.1%} of a core with nothing to do"
    assert process.nice() == 10


def test_a_room_that_was_shut_out_is_told_so(agent: Agent, server: Server) -> None:
    agent.keep(1, 100_000)
    database = sqlite3.connect(server.data / "darsbox.sqlite")
    with database:
        database.execute("UPDATE room SET revoked = 1.0 WHERE name = ?", (agent.room,))
    database.close()
    code, said = failing("lms-sync", "once", "--spool", str(agent.spool.root))
    assert code == 1
    assert "shut out" in said.splitlines()[-1]
    assert agent.notes()["sync.problem"] == "room-revoked"


def test_once_and_status_say_what_is_left(agent: Agent, link: Toxic) -> None:
    agent.keep(1, 100_000)
    where = ("--spool", str(agent.spool.root))
    link.down = True
    code, said = failing("lms-sync", "once", *where)
    assert code == 1
    assert said.splitlines()[-1].startswith("2 files could not be sent yet. The server")
    found = json.loads(command(["lms-sync", "status", "--json", *where]))
    assert found["problem"] == "server-unreachable"
    assert [asset["state"] for asset in found["lessons"][0]["assets"]] == ["waiting", "sending"]
    link.down = False
    assert failing("lms-sync", "once", *where)[0] == 0
    found = json.loads(command(["lms-sync", "status", "--json", *where]))
    assert found["lessons"][0]["state"] == "receipted"
    assert found["lessons"][0]["sent"] == found["lessons"][0]["bytes"]
    assert "safe on the server" in command(["lms-sync", "status", *where])


def test_a_second_agent_is_turned_away(agent: Agent) -> None:
    agent.keep(1, 10)
    agent.service.start()
    agent.wait_delivered()
    code, said = failing("lms-sync", "once", "--spool", str(agent.spool.root))
    assert (code, said) == (1, "A sync agent is running for this spool already; `lms-sync status` shows what it does.")
    assert agent.service.stop() == 0


class _Elsewhere(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Welcome to the printer.</html>")

    def log_message(self, format: str, *args: object) -> None:
        return


def test_enrolment_goes_wrong_in_one_sentence_each(agent: Agent, server: Server, tmp_path: Path) -> None:
    def enrol(url: str, code: str, spool: Path = tmp_path / "other") -> tuple[int, str]:
        return failing(
            "lms-sync", "enrol", "--spool", str(spool), "--server", url, "--code", code, "--room", agent.room
        )

    # Again, with the code that was used for it: harmless.
    before = (agent.spool.identity / "server.json").read_bytes()
    facts = json.loads(before)
    assert enrol(facts["server"], agent.code, agent.spool.root) == (0, "")
    assert (agent.spool.identity / "server.json").read_bytes() == before

    code, said = enrol(server.url, agent.code)
    assert (code, "used already" in said, said.count("\n")) == (1, True, 0)
    code, said = enrol(server.url, "AAAAA-BBBBB")
    assert (code, "does not know this enrolment code" in said) == (1, True)
    code, said = enrol("http://127.0.0.1:1", "AAAAA-BBBBB")
    assert (code, "cannot be reached" in said, said.count("\n")) == (1, True, 0)
    printer = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    Thread(target=printer.serve_forever, daemon=True).start()
    code, said = enrol(f"http://127.0.0.1:{printer.server_address[1]}", "AAAAA-BBBBB")
    printer.shutdown()
    printer.server_close()
    assert (code, "Darsbox server" in said, said.count("\n")) == (1, True, 0)
    key = tmp_path / "other" / "identity" / "device.jwk"
    assert key.stat().st_mode & 0o777 == 0o600


def test_sigint_is_an_end_in_order_too(agent: Agent) -> None:
    agent.keep(1, 10)
    agent.service.start()
    agent.wait_delivered()
    assert agent.service.stop(by=signal.SIGINT) == 0
    assert "Traceback" not in agent.service.words()


# -- [sync] of room.toml
# ---------------------------------------------------------------------------------------------------


def _status(agent: Agent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command(["lms-sync", "status", "--json", "--spool", str(agent.spool.root)]))
    return found


def test_a_pause_stops_everything_and_says_so(agent: Agent) -> None:
    """Or the school pays for what it had forbidden."""
    agent.keep(1, 100_000)
    policy.write(agent.spool, {"hours": [{"max_kbit": 0}]})
    once = ["lms-sync", "once", "--spool", str(agent.spool.root)]
    code, said = failing(*once)
    assert code == 1
    assert "The hours that are set for this room pause sending now." in said
    assert agent.sent() == 0
    assert [lesson["waiting_for"] for lesson in _status(agent)["lessons"]] == ["paused-by-hours"]
    policy.write(agent.spool, {})
    command(once)
    agent.check_arrived()


def test_a_budget_outlives_kills_and_a_larger_one_holds_at_once(agent: Agent) -> None:
    """Or a month's credit is gone after some power cuts."""
    lesson = agent.keep(1, 3_000_000)
    policy.write(agent.spool, {"daily_mb": 1})

    def held_back() -> bool:
        _, barred = forecast.of_text(agent.notes().get("sync.forecast"))
        return barred.get("master") == "daily-budget"

    for _ in range(3):
        agent.service.start()
        wait_until(held_back, 120, "the end of the budget")
        agent.service.kill()
    assert [found["waiting_for"] for found in _status(agent)["lessons"]] == ["daily-budget"]
    assert agent.sent() <= 1_100_000
    assert [row.state for row in agent.rows() if row.tier == "card"] == ["receipted"]
    agent.service.start()
    policy.write(agent.spool, {"daily_mb": 100, "max_kbit": 100_000})
    agent.wait_delivered(120)
    agent.check_arrived()
    (found,) = _status(agent)["lessons"]
    assert (found["id"], found["waiting_for"], found["done_by"]) == (lesson, None, None)
