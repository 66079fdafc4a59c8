"""How the agent comes to the spool: one agent at a time, and a ledger that may be locked, damaged or replaced by the
daemon at any moment.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger

PATIENCE = 0.5
"""Seconds a locked ledger may hold us: it is tried again at the next look, and stopping must not wait for it."""


class AlreadyRunning(Exception):
    """Another process does that on this spool."""


AGENT_RUNS = "A sync agent is running for this spool already; `lms-sync status` shows what it does."
EXPORT_RUNS = "A stick is being written or read for this spool already; wait until that is done."


@contextmanager
def only_one(spool: Spool, lock: str = "sync.lock", busy: str = AGENT_RUNS) -> Iterator[None]:
    """Hold the spool against a second agent, or whatever else takes this lock; the kernel lets go when this process
    ends, however it ends.

    Raises AlreadyRunning, OSError.
    """
    spool.prepare()
    descriptor = os.open(spool.root / lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(busy) from error
        yield
    finally:
        os.close(descriptor)


class LedgerDoor:
    """The ledger as it is now. The daemon puts a damaged one aside and makes a new one; ours is opened anew then."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._ledger: Ledger | None = None
        self._file: tuple[int, int] | None = None

    def open(self) -> Ledger:
        """Raises LedgerUnreadable, FileNotFoundError when the daemon has not made one yet (it is not ours to make)."""
        facts = self._spool.ledger_file.stat()
        file = (facts.st_dev, facts.st_ino)
        if self._ledger is None or file != self._file:
            self.close()
            self._ledger, self._file = Ledger(self._spool.ledger_file, PATIENCE), file
        return self._ledger

    def stamp(self) -> tuple[int, ...]:
        """Differs whenever anyone has written to the ledger."""
        found: list[int] = []
        for name in (self._spool.ledger_file, self._spool.ledger_file.with_name("ledger.sqlite-wal")):
            try:
                facts = name.stat()
            except FileNotFoundError:
                continue
            found += [facts.st_ino, facts.st_size, facts.st_mtime_ns]
        return tuple(found)

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        self._ledger = None
