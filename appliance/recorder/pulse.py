"""Whether the daemon still sees what is recorded: what it tells the service manager's watchdog.

That its loop turns is not enough. A daemon that no longer hears its keepers shows what is not true, and the one that is
started in its place hears them. Where no bytes reach the disk, on the other hand, a new daemon would mend nothing: that
is shown, and keepers see to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 1.0
"""Seconds that a look at the disk may take. A disk that hangs would hang for another daemon too."""
DEAF = 2
"""So many looks in a row must find the daemon deaf: one may fall between a fragment and the word of it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """A lesson that is being recorded. last: of each source, when its last fragment became durable, as the daemon was
    told."""

    folder: Path
    last: Mapping[str, float | None]


class Pulse:
    """Compares what reached the disk from one look to the next with what was heard of it."""

    def __init__(self, heard: Callable[[], Heard | None]) -> None:
        """heard: None while nothing is recorded."""
        self._heard = heard
        self._before: tuple[Heard, dict[str, int]] | None = None
        self._looking: asyncio.Future[dict[str, int]] | None = None
        self._deaf = 0

    async def beats(self) -> bool:
        """False once the daemon is deaf to a source whose bytes reach the disk. Answers within PATIENCE."""
        heard = self._heard()
        if heard is None:
            self._before, self._deaf = None, 0
            return True
        if self._looking is None:
            self._looking = asyncio.ensure_future(asyncio.to_thread(_written, heard))
        await asyncio.wait({self._looking}, timeout=PATIENCE)
        if not self._looking.done():
            return True
        written, self._looking = self._looking.result(), None
        missed = self._missed(heard, written)
        self._before = heard, written
        self._deaf = self._deaf + 1 if missed else 0
        if self._deaf == DEAF:
            log.critical("Recordings of %s grow, but their keepers are no longer heard.", ", ".join(missed))
        return self._deaf < DEAF

    def _missed(self, heard: Heard, written: Mapping[str, int]) -> list[str]:
        if self._before is None or self._before[0].folder != heard.folder:
            return []
        before, wrote = self._before
        return [
            source
            for source, last in heard.last.items()
            if written.get(source, 0) > wrote.get(source, 0) and last == before.last.get(source)
        ]


def _written(heard: Heard) -> dict[str, int]:
    """The bytes of each source's journals, which have a line for every durable fragment; none when the disk does not
    say."""
    try:
        return {
            source: sum(journal.stat().st_size for journal in (heard.folder / source).glob("take-*.journal"))
            for source in heard.last
        }
    except OSError:
        return {}
