"""Who looks at what, for the audit log: many requests of one viewing are one row, and no request waits for it.

A player asks for a thousand ranges of a film. The first of them is noted, by a thread of its own; the others find in
memory that it was. What another web process noted meanwhile is found in the log. A killed process loses what it had not
written yet, which is as long as one write takes; a database that does not answer is tried again at the next visit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy.exc import SQLAlchemyError

from lms_server.catalog.audit import Audit, Event

VISIT = 4 * 3600.0
"""Seconds in which the same person, coming by the same way to the same thing, is one row."""
REMEMBERED = 50_000
WAITING = 10_000
"""Visits that wait for the database, at most; then the oldest are given up, and the log of the program says so."""
BATCH = 200
log = structlog.get_logger(__name__)


class Visits:
    def __init__(self, audit: Audit, clock: Callable[[], float]) -> None:
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], float] = OrderedDict()
        self._waiting: deque[tuple[float, Event]] = deque(maxlen=WAITING)
        self._beside = ThreadPoolExecutor(1, "visits")

    def once(self, event: Event) -> None:
        """Note it unless it was; returns at once."""
        now, key = self._clock(), _key(event)
        with self._lock:
            if abs(now - self._known.get(key, -VISIT)) < VISIT:
                return
            self._known[key] = now
            self._known.move_to_end(key)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            if len(self._waiting) == WAITING:
                log.error("visit given up", action=self._waiting[0][1].action, about=self._waiting[0][1].about)
            self._waiting.append((now, event))
        self._beside.submit(self._write).add_done_callback(lambda done: done.result())

    def settle(self) -> None:
        """Returns when what was noted until now is written, or was tried."""
        self._beside.submit(self._write).result()

    def close(self) -> None:
        self.settle()
        self._beside.shutdown()

    def _write(self) -> None:
        with self._lock:
            some = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if not some:
            return
        try:
            self._audit.note_once(some, VISIT)
        except SQLAlchemyError as error:
            log.error("visits not written", waiting=len(some), problem=str(error))
            with self._lock:
                self._waiting.extendleft(reversed(some))


def _key(event: Event) -> tuple[object, ...]:
    if event.by is None:
        return event.action, event.about, event.via, event.address
    return event.action, event.about, event.by.id, event.by.token, *sorted(event.facts.items())
