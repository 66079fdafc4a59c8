"""A room, its agent and its server in any order of recording, sending, carrying on a stick, breaking, deleting and
shutting out.

If this fails, there is an order of events in which a lesson is deleted that nobody else has, or is signed for without
being there, or arrives twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlmodel import Session, col, update

from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger, open_or_rebuild
from appliance.spool.retention import make_room
from lms_server.carried import take_in
from lms_server.catalog import Catalog
from lms_server.catalog.tables import Room
from lms_server.catalog.uploads import Uploads
from lms_server.main import Server, build, prepare
from lms_server.settings import Settings
from lms_sync import identity, wire
from lms_sync.agent import Agent
from lms_sync.client import Client
from lms_sync.export import Export
from lms_sync.pace import Backoff
from lms_sync.stages import asset_of
from tests.peers.cable import Cable, Fault, Killed
from tests.peers.spool import keep_lesson

URL = "http://server.example"
FAULTS: list[Fault] = ["none", "unreachable", "half", "deaf", "damaged", "error", "portal", "killed"]
ALL = 1.0
"""A share of the disk that is never free: everything that may go must go."""


class AtOnce(random.Random):
    """Waits are over at once."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


class Delivery(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="order-"))
        self.settings = Settings(data=self.folder / "server")
        prepare(self.settings)
        self.server = build(self.settings)
        self.cable = Cable(self.server.app, random.Random(1))
        self.spool = Spool(self.folder / "spool")
        catalog = Catalog.over(self.server.database, time.time)
        code = catalog.rooms.make_code("Amphi A")
        asyncio.run(
            identity.enrol(
                self.spool,
                server=URL,
                code=code,
                room="Amphi A",
                institution="",
                client=Client(URL, transport=self.cable),
            )
        )
        self.who = identity.read(self.spool)
        self.recorded: dict[str, str] = {}
        """lesson/path -> SHA-256 of every take ever kept."""
        self.shut_out = False
        self.stick = self.folder / "stick"

    def teardown(self) -> None:
        self.admit_again()
        self.restart_server()
        self.deliver([])
        self.deliver([])  # an asset refused for its faults has its turn at the second look
        rows = self.rows()
        assert [row.state for row in rows] == ["receipted"] * len(rows)
        listed = [(asset.lesson_id, asset.path) for _, asset in self.uploads().receipts()]
        assert sorted(listed) == sorted((row.lesson, row.path) for row in rows)
        self.nothing_is_signed_for_that_is_not_there()
        self.server.database.close()
        shutil.rmtree(self.folder)

    # -- what happens

    @rule(sizes=st.lists(st.sampled_from([900, 40_000, 300_000]), min_size=1, max_size=2), alike=st.booleans())
    def record(self, sizes: list[int], alike: bool) -> None:
        number = len({name.partition("/")[0] for name in self.recorded}) + 1
        lesson = keep_lesson(self.spool.root, number, *sizes, alike=alike)
        self.recorded |= {f"{lesson.id}/{take.file}": take.sha256 for take in lesson.takes}

    @precondition(lambda self: self.recorded)
    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=12))
    def deliver(self, faults: list[Fault]) -> None:
        self.cable.break_next(faults)
        agent = Agent(
            self.spool,
            connect=lambda who: Client(who.server, who.room, who.key, transport=self.cable),
            backoff=Backoff(AtOnce()),
        )

        async def send() -> None:
            try:
                await agent.once()
            except Killed:
                return

        asyncio.run(send())

    @precondition(lambda self: self.recorded)
    @rule(free=st.sampled_from([60_000, 200_000, 10_000_000]))
    def fill_the_stick(self, free: int) -> None:
        """What came back on it is taken up first."""
        self.stick.mkdir(exist_ok=True)
        brim = free + _bytes_in(self.stick)
        export = Export(self.spool, self.who, self.stick, space=lambda: (max(0, brim - _bytes_in(self.stick)), 4096))
        with Ledger(self.spool.ledger_file) as ledger:
            asyncio.run(export.run(ledger, lambda _: None, lambda *_: None))

    @precondition(lambda self: self.stick.exists())
    @rule()
    def bring_the_stick_to_the_server(self) -> None:
        """A room that is shut out is refused in a sentence."""
        for report in take_in(self.settings, self.server.database, self.stick):
            assert not (self.shut_out and report.stored)

    @precondition(lambda self: self.stick.exists())
    @rule()
    def lose_the_stick(self) -> None:
        shutil.rmtree(self.stick)

    @rule()
    def restart_server(self) -> None:
        """What it had in memory is gone."""
        self.server.database.close()
        self.server: Server = build(self.settings)
        self.server.ingest.recover()
        self.cable.app = self.server.app

    @rule()
    def make_room(self) -> None:
        """The room's disk is full."""
        make_room(self.spool, ALL)

    @rule()
    def lose_the_ledger(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.spool.ledger_file.with_name(f"ledger.sqlite{suffix}").unlink(missing_ok=True)
        ledger, _ = open_or_rebuild(self.spool)
        ledger.close()

    @rule()
    def shut_the_room_out(self) -> None:
        self._revoked(time.time())

    @precondition(lambda self: self.shut_out)
    @rule()
    def admit_again(self) -> None:
        self._revoked(None)

    def _revoked(self, when: float | None) -> None:
        self.shut_out = when is not None
        with self.server.database.write() as session:
            assert isinstance(session, Session)
            session.exec(update(Room).where(col(Room.id) == self.who.room).values(revoked=when))

    # -- what must be true at every moment

    @invariant()
    def nothing_is_signed_for_that_is_not_there(self) -> None:
        for row in self.rows():
            receipt = self.spool.receipt_of(row.lesson, row.path, row.sha256)
            if receipt is not None:
                wire.check_receipt(receipt.read_text(), self.who.server_key, room=self.who.room, asset=asset_of(row))
                assert self._stored(row.sha256) == row.sha256
            elif row.state == "receipted":
                raise AssertionError(f"{row.path} counts as receipted and has no receipt")

    @invariant()
    def nothing_is_deleted_that_the_server_has_not_signed_for(self) -> None:
        for name, sha256 in self.recorded.items():
            if not (self.spool.lessons / name).exists():
                lesson, _, path = name.partition("/")
                assert self.spool.receipt_of(lesson, path, sha256) is not None
                assert self._stored(sha256) == sha256

    @invariant()
    def nothing_is_stored_twice(self) -> None:
        listed = [(asset.lesson_id, asset.path) for _, asset in self.uploads().receipts()]
        assert len(listed) == len(set(listed))

    # -- looking

    def rows(self) -> list[AssetRow]:
        if not self.spool.ledger_file.exists():
            return []
        with Ledger(self.spool.ledger_file) as ledger:
            return ledger.assets()

    def uploads(self) -> Uploads:
        return Uploads(self.server.database, time.time, 86400.0)

    def _stored(self, sha256: str) -> str:
        """The SHA-256 of what the store holds under this one."""
        (found,) = [path for path in self.settings.store.rglob(sha256) if path.is_file()]
        return hashlib.sha256(found.read_bytes()).hexdigest()


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


Delivery.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # orders of events are read, not shrunk: that takes many minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestDelivery = Delivery.TestCase
