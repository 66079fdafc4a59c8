"""A room that has no server yet enrols by itself when it finds an enrolment file: on a stick, or where an installer has
put it. A room that has one changes it only when somebody says so (``lms-sync enrol``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from appliance.spool.layout import Spool
from lms_sync import identity
from lms_sync.client import Client
from lms_sync.wire import slip as slips

PLACES = tuple(
    f"{folder}/{slips.NAME}" for folder in ("etc/darsbox", "media/*", "media/*/*", "run/media/*/*", "mnt", "mnt/*")
)
"""From the root of the file system; where desktops and installers mount sticks."""
LOOK = 5.0
"""Seconds between two looks."""

log = structlog.get_logger("lms_sync.joining")


class Joining:
    """root, client: for tests."""

    def __init__(self, spool: Spool, *, root: Path = Path("/"), client: Client | None = None) -> None:
        self._spool = spool
        self._root = root
        self._client = client
        self._refused: set[tuple[Path, int, int]] = set()
        self._away: set[Path] = set()

    async def run(self) -> None:
        """Until the room is enrolled, by this or otherwise."""
        while not self.enrolled():
            await self.look()
            await asyncio.sleep(LOOK)

    def enrolled(self) -> bool:
        return identity.server_file(self._spool).exists()

    async def look(self) -> None:
        """Try each file that was not refused before. One that does not work is said once."""
        for file, stamp in await asyncio.to_thread(lambda: list(self._found())):
            try:
                slip = slips.Slip.read(await asyncio.to_thread(_read, file))
                who, _ = await identity.enrol_by(self._spool, slip, client=self._client)
            except identity.Unreachable as error:
                if file not in self._away:
                    log.warning("joining.waits", file=str(file), detail=str(error))
                self._away.add(file)
            except (identity.IdentityError, slips.BadSlip) as error:
                log.warning("joining.refused", file=str(file), detail=str(error))
                self._refused.add(stamp)
            except OSError as error:
                log.warning("joining.unreadable", file=str(file), detail=str(error))
                self._refused.add(stamp)
            else:
                log.info("joining.enrolled", file=str(file), server=who.server, room=who.room)
                return

    def _found(self) -> Iterator[tuple[Path, tuple[Path, int, int]]]:
        for file in _files(self._root, PLACES):
            try:
                facts = file.stat()
            except OSError:
                continue  # the stick was pulled out
            stamp = (file, facts.st_mtime_ns, facts.st_size)
            if stamp not in self._refused:
                yield file, stamp


def _files(root: Path, places: Sequence[str]) -> Iterator[Path]:
    for place in places:
        try:
            yield from sorted(root.glob(place))
        except OSError:
            continue  # as above


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(slips.LARGEST + 1)
