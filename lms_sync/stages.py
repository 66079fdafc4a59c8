"""The stages of an asset's way, and what moves it from one to the next, as data.

    waiting ─BEGIN─► sending ─SENT─► verifying ─SIGNED─► receipted
       ▲ ▲                               │
       │ └──────────────LOST─────────────┘
       └──AGAIN── refused ◄─DENIED─ (any but receipted)

Each stage can be entered again after a kill: what it does begins by asking the server. A lease says which process is
at work on an asset. The ledger holds it all and has the last word on what is legal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, auto

from appliance.spool.ledger import AssetRow, AssetState, IllegalMove, Ledger
from lms_sync import wire

ORDER: tuple[AssetState, ...] = ("waiting", "sending", "verifying", "receipted")
LEASE = 60.0
"""Seconds a killed agent's claim stands in the way of another's; a living one renews it as it goes."""


class Event(Enum):
    BEGIN = auto()
    """The asset's turn has come."""
    LATER = auto()
    """It could not go on now; what the server has is kept."""
    SENT = auto()
    """The server has every byte."""
    LOST = auto()
    """The server does not have what it should; it is offered again."""
    SIGNED = auto()
    """The receipt is checked, and on the disk."""
    DENIED = auto()
    """It will not be taken as it is."""
    AGAIN = auto()
    """Long enough refused: one more try."""


NEXT: dict[tuple[AssetState, Event], AssetState] = {
    ("waiting", Event.BEGIN): "sending",
    ("waiting", Event.DENIED): "refused",
    ("sending", Event.LATER): "sending",
    ("sending", Event.SENT): "verifying",
    ("sending", Event.DENIED): "refused",
    ("verifying", Event.LATER): "verifying",
    ("verifying", Event.LOST): "waiting",
    ("verifying", Event.SIGNED): "receipted",
    ("verifying", Event.DENIED): "refused",
    ("refused", Event.AGAIN): "waiting",
}

_FAILURES = frozenset({Event.LOST, Event.DENIED})


def asset_of(row: AssetRow) -> wire.Asset:
    """The row as the server is told of it."""
    return wire.Asset(
        lesson=row.lesson,
        kind=row.kind,
        source=row.source,
        path=row.path,
        tier=row.tier,
        bytes=row.bytes,
        sha256=row.sha256,
    )


class Passage:
    """One asset on its way, written to the ledger as it goes. Also the transfer's ``Record``.

    moved: told how many bytes the server has, and whether that is more than ever before. barred: asked before each
    chunk why it may not go; urgent: at most once a second, whether something worth more waits.
    """

    def __init__(
        self,
        ledger: Ledger,
        row: AssetRow,
        owner: str,
        *,
        moved: Callable[[AssetRow, int, bool], None],
        urgent: Callable[[AssetRow], bool],
        barred: Callable[[AssetRow], str] = lambda _: "",
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.row = row
        self.state: AssetState = row.state
        self.url = row.upload_url or ""
        self.sent = row.sent
        self.attempts = row.attempts
        self._ledger = ledger
        self._owner = owner
        self._moved = moved
        self._urgent = urgent
        self._barred = barred
        self._wall = wall
        self._steady = steady
        self._best = self._written = row.sent
        self._written_at = self._asked_at = steady()

    def claim(self) -> bool:
        """False while another process is at work on this asset."""
        return self._ledger.claim(self.row.lesson, self.row.path, self._owner, self._wall(), LEASE)

    def release(self) -> None:
        """Leave it to others, with its progress written."""
        if self.state == "sending" and self.sent != self._written:
            self._write("sending")
        self._ledger.release(self.row.lesson, self.row.path, self._owner)

    def step(self, event: Event, *, problem: str | None = None, wait: float = 0.0, forget: bool = False) -> None:
        """What happened. wait: seconds until its next turn; one that waits has failed once more. forget: the upload at
        the server is not to be used again.

        Raises IllegalMove when that cannot happen in this stage, KeyError when the ledger lost the asset.
        """
        following = NEXT.get((self.state, event))
        if following is None:
            raise IllegalMove(f"{self.row.lesson}/{self.row.path}: {event.name} cannot happen while {self.state}.")
        if forget:
            self.url, self.sent = "", 0
        if event is Event.SIGNED:
            self.attempts = 0
        elif wait or event in _FAILURES:
            self.attempts += 1
        self._write(following, problem=problem, retry_at=self._wall() + wait if wait else 0.0)
        self.state = following

    # -- the transfer's record
    # ----------------------------------------------------------------------------------------

    def created(self, url: str) -> None:
        """Written at once: a kill after it need not begin another upload."""
        self.url = url
        self._write("sending")

    def reached(self, offset: int) -> None:
        """Written at most once a second: the server knows it better anyway."""
        self.sent = offset
        self._moved(self.row, offset, offset > self._best)
        self._best = max(self._best, offset)
        if self._steady() - self._written_at >= 1.0:
            self._write("sending")
            self.claim()

    def go_on(self) -> bool:
        if self._barred(self.row):
            return False
        now = self._steady()
        if now - self._asked_at < 1.0:
            return True
        self._asked_at = now
        return not self._urgent(self.row)

    def _write(self, state: AssetState, *, problem: str | None = None, retry_at: float = 0.0) -> None:
        self._ledger.move(
            self.row.lesson,
            self.row.path,
            state,
            sent=self.sent,
            upload_url=self.url,
            problem=problem,
            retry_at=retry_at,
            attempts=self.attempts,
        )
        self._written, self._written_at = self.sent, self._steady()
