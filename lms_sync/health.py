"""What stands in the agent's way: said once in the log when it begins and once when it ends, kept for the panel in
between, and how long to wait for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import structlog

from lms_sync.client import Busy, LinkError, Revoked
from lms_sync.pace import Backoff

log = structlog.get_logger("lms_sync.agent")


class Troubles:
    """subject: ``server`` | ``ledger`` | ``identity``. The first that came is the one the panel is told of."""

    def __init__(self, name: str = "") -> None:
        """name: in the log, in place of the subject's, for a channel beside the transfer's."""
        self._name = name
        self._now: dict[str, tuple[str, str]] = {}

    def begin(self, subject: str, code: str, detail: str) -> None:
        if subject not in self._now:
            log.warning(f"{self._name or subject}.lost", code=code, detail=detail)
        self._now[subject] = (code, detail)

    def end(self, subject: str) -> None:
        if self._now.pop(subject, None) is not None:
            log.info(f"{self._name or subject}.back")

    @property
    def code(self) -> str:
        """ "" when nothing is in the way."""
        return next(iter(self._now.values()), ("", ""))[0]

    @property
    def detail(self) -> str:
        """One sentence, "" when nothing is in the way."""
        return next(iter(self._now.values()), ("", ""))[1]


class Link:
    """The way to the server: back-off, and whether it counts as lost.

    A single broken connection is nothing to speak of: the first new try follows at once. Only progress (bytes the
    server acknowledged, a receipt) brings the link back: a network that lets questions through but no data would
    otherwise have us hammer it.
    """

    def __init__(
        self,
        troubles: Troubles,
        backoff: Backoff,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._troubles = troubles
        self._backoff = backoff
        self._steady = steady
        self._resume_at = 0.0
        self.last: LinkError | None = None
        """The failure that is being waited out, even if it is not worth a word yet."""

    @property
    def failures(self) -> int:
        """In a row."""
        return self._backoff.failures

    @property
    def wait(self) -> float:
        """Seconds until it is worth another try."""
        return max(0.0, self._resume_at - self._steady())

    def failed(self, error: LinkError) -> None:
        wait = self._backoff.fail()
        if isinstance(error, Busy) and error.retry_after is not None:
            wait = max(wait, error.retry_after * random.uniform(1.0, 1.2))  # noqa: S311 - spreads load, keeps no secret
        elif isinstance(error, Revoked):
            wait = Backoff.LONGEST
        self._resume_at = self._steady() + wait
        self.last = error
        if self.failures > 1 or isinstance(error, Revoked):
            self._troubles.begin("server", error.code, error.detail)

    def good(self) -> None:
        """Something moved."""
        self._backoff.reset()
        self._resume_at = 0.0
        self.last = None
        self._troubles.end("server")

    def hurry(self) -> None:
        """There is new reason to try now."""
        self._resume_at = 0.0
