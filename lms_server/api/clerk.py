"""Takes down what rooms say, many at a time: one transaction for all who came while the one before was written.

The more there are, the more share one fsync and one way through the database, so that their number costs less than it
grows. Whoever finds the clerk idle brings the batch through; no task runs beside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import anyio

from lms_server.catalog.desks import Desks, Known
from lms_server.errors import Forbidden, ServerError, Unauthenticated
from lms_server.ingest.callers import Callers
from lms_sync import wire
from lms_sync.wire_control import Heartbeat, Orders

GATHER = 0.01
"""Seconds in which others may join a batch: none of them notices, and a batch of one costs as much as one of ten."""
MOST = 200
"""Visits in one transaction."""


@dataclass(slots=True, eq=False)
class Visit:
    """A room's request. body_sha256: of the body that came. nonsense: what is wrong with it, for a room to hear."""

    authorization: str
    method: str
    target: str
    body_sha256: str
    heartbeat: Heartbeat | None = None
    nonsense: ServerError | None = None
    room_id: str = ""
    wants: Literal["orders", "news"] = "orders"
    answer: Orders | bool | Exception | None = None
    proven: bool = False
    turn: anyio.Event = field(default_factory=anyio.Event)


class Clerk:
    def __init__(self, desks: Desks, callers: Callers) -> None:
        self._desks = desks
        self._callers = callers
        self._queue: list[Visit] = []
        self._busy = False
        self._thread = anyio.CapacityLimiter(1)

    async def orders(self, visit: Visit) -> Orders:
        """What the room shall do, once what it said is kept. A visit that was proven before is asked again no more than
        whether the room may still come. Raises Unauthenticated, Forbidden, and what is wrong with what it said."""
        visit.wants = "orders"
        await self._through(visit)
        assert isinstance(visit.answer, Orders)  # noqa: S101  what it wanted
        return visit.answer

    async def has_news(self, visit: Visit) -> bool:
        """Whether there is a command that the room was not told of. Raises Unauthenticated, Forbidden."""
        visit.wants = "news"
        await self._through(visit)
        return visit.answer is True

    async def _through(self, visit: Visit) -> None:
        if not visit.room_id:
            visit.room_id = _named(visit.authorization)
        visit.answer, visit.turn = None, anyio.Event()
        self._queue.append(visit)
        if self._busy:
            try:
                await visit.turn.wait()
            except anyio.get_cancelled_exc_class():
                self._leave(visit)
                raise
        if visit.answer is None:  # the clerk is idle: the batch is ours to bring through
            self._busy = True
            batch: list[Visit] = []
            try:
                with anyio.CancelScope(shield=True):  # the others count on it
                    await anyio.sleep(GATHER)
                    batch, self._queue = self._queue[:MOST], self._queue[MOST:]
                    await anyio.to_thread.run_sync(self._serve, batch, limiter=self._thread)
            finally:
                self._pass_on(batch)
        if isinstance(visit.answer, Exception):
            raise visit.answer

    def _pass_on(self, served: list[Visit]) -> None:
        """Wake those who were served, and the next one who brings a batch through."""
        self._busy = bool(self._queue)
        for woken in (*served, *self._queue[:1]):
            woken.turn.set()

    def _leave(self, visit: Visit) -> None:
        """Somebody goes before their turn; if it was theirs to bring the next batch through, it is another's."""
        if visit in self._queue:
            self._queue.remove(visit)
            if visit.turn.is_set():
                self._pass_on([])

    def _serve(self, batch: list[Visit]) -> None:
        """Every visit has its answer then."""
        try:
            known = self._desks.known(visit.room_id for visit in batch)
            welcome = [visit for visit in batch if self._let_in(visit, known.get(visit.room_id))]
            if any(visit.wants == "news" for visit in welcome):
                news = self._desks.with_news()
                for visit in welcome:
                    visit.answer = visit.room_id in news if visit.wants == "news" else None
            asking = [visit for visit in welcome if visit.wants == "orders"]
            orders = self._desks.take_down([(known[visit.room_id], visit.heartbeat) for visit in asking])
            for visit, answer in zip(asking, orders, strict=True):
                visit.answer = answer
        except Exception as error:  # noqa: BLE001  each of them is told, and answers as for its own request
            for visit in batch:
                visit.answer = error if visit.answer is None else visit.answer

    def _let_in(self, visit: Visit, known: Known | None) -> bool:
        room = known.room if known is not None else None
        try:
            if not visit.proven:
                asked = {"method": visit.method, "target": visit.target, "body_sha256": visit.body_sha256}
                self._callers.check(room, visit.authorization, **asked)
                visit.proven = True
            elif room is None or room.revoked is not None:
                raise Forbidden("room-revoked", "This room was shut out; ask an admin to enrol it again.")
            if visit.nonsense is not None:
                raise visit.nonsense
        except ServerError as error:
            visit.answer = error
            return False
        return True


def _named(authorization: str) -> str:
    """The room that a proof names. Raises Unauthenticated, and Forbidden for who comes by another way."""
    if authorization.partition(" ")[0].lower() == "bearer":
        raise Forbidden("not-allowed", "Only a room may ask this, with its own signature.")
    try:
        return wire.proof_room(authorization)
    except wire.BadSignature as error:
        raise Unauthenticated(
            "bad-signature" if authorization else "not-signed", str(error), headers={"WWW-Authenticate": wire.SCHEME}
        ) from error
