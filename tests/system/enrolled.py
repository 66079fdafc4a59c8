"""The real sync agent of a room that is enrolled at a real server, and what it may cost."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger
from lms_sync import wire
from lms_sync.pace import HEADERS, LARGEST_WHERE_CUT
from lms_sync.stages import asset_of
from tests.peers.program import wait_until
from tests.peers.spool import keep_lesson
from tests.peers.toxic import Toxic
from tests.system.deployment import Server, Service, command

NUMBERS = count(1)
PIECE = LARGEST_WHERE_CUT // wire.MOST_PIECES
"""Bytes of the largest piece of a body, which a cut may lose whole."""
IN_PROXY = 64 * 1024 + 4096
"""Bytes that the bad network had taken and not passed on: what asyncio keeps before it waits, and the next read."""
REQUESTS = 3
"""Requests beside its chunks that an asset takes: creation, receipt, and one for good measure."""


class Agent:
    """`lms-sync` of one enrolled room. within: a command that runs another, say in another network."""

    def __init__(self, folder: Path, server: Server, url: str, within: Sequence[str] = ()) -> None:
        self.spool = Spool(folder / "spool")
        self.server = server
        self.number = next(NUMBERS)
        self.room = f"Room {self.number}"
        self.code = command(["lms-server", "enrol-code", self.room, "--data", str(server.data)]).split()[-1]
        where = ["--spool", str(self.spool.root), "--server", url]
        command(["lms-sync", "enrol", *where, "--code", self.code, "--room", self.room])
        program = ["lms-sync", "run", "--spool", str(self.spool.root)]
        self.service = Service("lms-sync", program, folder / "sync.log", within=within)

    def keep(self, number: int, *sizes: int) -> str:
        """A lesson of this room, with a take of each size; its id."""
        return keep_lesson(self.spool.root, 100 * self.number + number, *sizes, room=self.room).id

    def ledger(self) -> Ledger:
        return Ledger(self.spool.ledger_file)

    def rows(self) -> list[AssetRow]:
        with self.ledger() as ledger:
            return ledger.assets()

    def total(self) -> int:
        """Bytes of all assets."""
        return sum(row.bytes for row in self.rows())

    def sent(self) -> int:
        return sum(row.sent for row in self.rows())

    def notes(self) -> dict[str, str]:
        with self.ledger() as ledger:
            return ledger.notes()

    def delivered(self) -> bool:
        return all(row.state == "receipted" for row in self.rows())

    def wait_delivered(self, seconds: float = 60) -> None:
        wait_until(self.delivered, seconds, f"the receipts ({self.service.words()[-3000:]})")

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.service.words().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def check_arrived(self) -> None:
        """Each asset is stored exactly once, to the byte, and signed for by the key of the enrolment."""
        facts = json.loads((self.spool.identity / "server.json").read_text())
        key = wire.load_key(facts["server_key"])
        listed = command(["lms-server", "receipts", "--json", "--data", str(self.server.data)])
        ours = {row.lesson for row in self.rows()}
        stored = [line for line in map(json.loads, listed.splitlines()) if line["lesson"] in ours]
        rows = self.rows()
        assert sorted((line["lesson"], line["path"]) for line in stored) == sorted(
            (row.lesson, row.path) for row in rows
        )
        for row in rows:
            receipt = self.spool.receipt_file(row.lesson, row.path, row.sha256).read_text()
            wire.check_receipt(receipt, key, room=facts["room_id"], asset=asset_of(row))
            found = [path for path in self.server.data.rglob(row.sha256) if path.is_file()]
            assert len(found) == 1, f"{row.path} is stored {len(found)} times"
            assert hashlib.sha256(found[0].read_bytes()).hexdigest() == row.sha256


def cut_at_random(agent: Agent, link: Toxic, chance: random.Random, most: int) -> int:
    """Cut the link so many times, each time after a random number of bytes, on average a quarter of a megabyte, unless
    all is delivered before. Returns how often it was cut."""
    for cuts in range(most):
        due = link.up + chance.randrange(500_000)
        wait_until(
            lambda due=due: link.up > due or agent.delivered(),  # type: ignore[misc]  # mypy infers no default's type
            120,
            f"bytes on the link ({agent.service.words()[-2000:]})",
        )
        if link.up <= due:
            return cuts
        link.cut()
    return most


def most_bytes(agent: Agent, cuts: int) -> int:
    """What may go up at most: every asset once, what goes around chunks and requests, and for every cut the piece that
    was under way, what the bad network had of it, the question where the server stands and the next request."""
    assets = len(agent.rows())
    return int(agent.total() * 1.01) + assets * REQUESTS * HEADERS + cuts * (PIECE + IN_PROXY + 3 * HEADERS)
