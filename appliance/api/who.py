"""The teacher who has said who they are. Their lesson carries the name; when it is over, the next one is a guest's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from appliance.recorder.status import RecorderStatus
from appliance.spool import cards, pins
from appliance.spool.layout import Spool
from appliance.spool.pins import BadPin

log = logging.getLogger(__name__)

PATIENCE = 900.0
"""Seconds after which somebody who has not begun a lesson has gone."""

AGAIN = 60.0
"""Seconds in which a Start that was refused may be tried again."""


class Who:
    """now: monotonic seconds."""

    def __init__(self, spool: Spool, now: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._now = now
        self._name = ""
        self._lesson = ""
        self._until = 0.0
        self._stamp: tuple[int, int] | None = None
        self._asked = False

    def name(self, status: RecorderStatus) -> str:
        """Who stands at the panel now, "" for a guest. A stopped lesson is over for its teacher, even while that can
        be undone: somebody else may stand there already."""
        lesson = running(status)
        if self._name and lesson and not self._lesson:
            self._lesson = lesson
        over = bool(self._lesson) and lesson != self._lesson
        gone = not self._lesson and self._now() >= self._until
        if over or gone:
            self.leave()
        return self._name

    def begins(self) -> str:
        """Whose lesson begins now. Whoever has begun one has not long to begin another: somebody else may stand there
        then."""
        if self._lesson or self._now() >= self._until:
            return ""
        self._until = min(self._until, self._now() + AGAIN)
        return self._name

    def came(self, name: str) -> None:
        self._name, self._lesson, self._until = name, "", self._now() + PATIENCE

    def leave(self) -> None:
        self._name, self._lesson = "", ""

    @property
    def asked(self) -> bool:
        """Whether the room knows any teacher. Cheap: the room's own file is read only when it has changed."""
        if cards.file_of(self._spool).exists():
            return True
        try:
            found = pins.file_of(self._spool).stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._stamp, self._asked = stamp, stamp is not None and self._knows_any()
        return self._asked

    def _knows_any(self) -> bool:
        try:
            return bool(pins.read(self._spool).teachers)
        except (BadPin, OSError) as error:
            log.warning("Teachers cannot say who they are: %s", error)
            return False


def running(status: RecorderStatus) -> str:
    """The id of the lesson that is taught now, "" for none."""
    return status.lesson.id if status.lesson is not None and status.state != "stopping" else ""
