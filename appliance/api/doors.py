"""The panel's doors: the IT screen's and the teachers'. PINs that are guessed make the room wait, longer each time.

How often was guessed wrong is on the disk before the PIN is looked at, so that neither a restart nor a cut helps who
guesses; after a restart the wait begins anew. Each door has its own count: whoever knows a teacher's PIN cannot wipe
out guesses at the other door, and takes back no more than one wrong guess at their own. A card opens at any time, for
its code cannot be guessed. Every attempt is on record in ``audit.log``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import math
import secrets
import time
from collections.abc import Callable

from appliance.errors import DiskFull, MustWait, NoPin, NotSignedIn, RoomError, WrongPin
from appliance.spool import audit, cards, pins
from appliance.spool.cards import BadCards
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.pins import BadPin, Door, Pins

log = logging.getLogger(__name__)

FREE = 3
"""Wrong guesses that cost nothing: fingers slip."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0
"""Seconds; each further wrong guess doubles the wait."""
SESSION = 600.0
"""Seconds after which the IT screen asks for the PIN again."""
MOST_SESSIONS = 3
BETWEEN_CARDS = 1.0
"""Seconds after a card that nobody has, so that no program fills the audit log."""
DOORS: tuple[Door, ...] = ("it", "teacher")


def wait_after(wrong: int) -> float:
    """Seconds until the next guess is listened to."""
    if wrong < FREE:
        return 0.0
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(wrong - FREE, 20))


class Doors:
    """now: monotonic seconds."""

    def __init__(self, spool: Spool, now: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._now = now
        self._file = spool.identity / "panel-guesses.json"
        self._wrong = self._read()
        self._until = {door: now() + wait_after(self._wrong[door]) for door in DOORS}
        self._turn = asyncio.Lock()
        self._cards_from = -math.inf
        self._sessions: dict[str, float] = {}

    # -- the IT screen

    async def enter(self, pin: str) -> str:
        """A session of the IT screen, as a token. Raises NoPin, WrongPin, MustWait, DiskFull."""
        async with self._turn:
            known = await asyncio.to_thread(self._pins)
            if not known.it:
                raise NoPin("No PIN is set for this room; on the room PC, run: appliance pin set")
            await self._count("it")
            right = await asyncio.to_thread(known.opens, pin)
            await self._settle("it", right="it" if right else None)
            now = self._now()
            live = [(token, until) for token, until in self._sessions.items() if until > now]
            self._sessions = dict(live[1 - MOST_SESSIONS :])
            token = secrets.token_urlsafe(32)
            self._sessions[token] = now + SESSION
            return token

    def remaining(self, authorization: str | None) -> float:
        """Seconds that this session still lasts; 0 for none. authorization: the header, ``Bearer …``."""
        kind, _, given = (authorization or "").partition(" ")
        now, left = self._now(), 0.0
        for token, until in self._sessions.items():
            if kind == "Bearer" and hmac.compare_digest(token.encode(), given.encode()):
                left = max(0.0, until - now)
        return left

    def require(self, authorization: str | None) -> float:
        """As ``remaining``. Raises NotSignedIn."""
        left = self.remaining(authorization)
        if not left:
            raise NotSignedIn("Type the PIN of the IT screen first; a session lasts ten minutes.")
        return left

    def leave(self, authorization: str | None) -> None:
        """The session ends now, if it is one."""
        self._sessions.pop((authorization or "").partition(" ")[2], None)

    # -- the teachers

    async def teacher(self, *, pin: str = "", card: str = "") -> str:
        """The name of who this is. Raises NoPin, WrongPin, MustWait, DiskFull."""
        async with self._turn:
            known = await asyncio.to_thread(self._pins)
            if not known.teachers and not cards.file_of(self._spool).exists():
                raise NoPin("This room knows no teachers; on the room PC, run: appliance pin set NAME")
            if card:
                if self._now() < self._cards_from:
                    raise MustWait("Hold the card to the reader again in a second.", seconds=1)
                name = known.holder(card) or await asyncio.to_thread(self._holder, card)
                await self._record("teacher", "right" if name else "unknown-card", name)
                if name is None:
                    self._cards_from = self._now() + BETWEEN_CARDS
                    raise WrongPin("The room does not know this card; record as a guest.", seconds=0)
                return name
            await self._count("teacher")
            name = await asyncio.to_thread(known.teacher, pin)
            await self._settle("teacher", right=name)
            return name or ""

    # -- guesses

    async def _count(self, door: Door) -> None:
        """A guess is about to be looked at; until that has happened it counts as a wrong one."""
        left = math.ceil(self._until[door] - self._now())
        if left > 0:
            raise MustWait(f"Too many wrong PINs; try again in {left} s.", seconds=left)
        self._wrong[door] += 1
        await self._write()

    async def _settle(self, door: Door, right: str | None) -> None:
        """right: who has come in."""
        if right is None:
            seconds = wait_after(self._wrong[door])
            self._until[door] = self._now() + seconds
            await self._record(door, "wrong", None)
            raise WrongPin("That is not the PIN; try again.", seconds=round(seconds))
        if door == "it":
            self._wrong = dict.fromkeys(DOORS, 0)
            self._until = dict.fromkeys(DOORS, self._now())
        else:
            self._wrong[door] = max(0, self._wrong[door] - 2)  # this one, and one before it
        await self._record(door, "right", right if door == "teacher" else None)
        await self._write()

    async def _record(self, door: Door, result: str, name: str | None) -> None:
        line: dict[str, object] = {"at": round(time.time(), 3), "what": "panel-login", "door": door, "result": result}
        await self.note(line if name is None else {**line, "name": name})

    async def note(self, line: dict[str, object]) -> None:
        """Put on record what is done behind a door, before it is done. Raises DiskFull."""
        try:
            await asyncio.to_thread(audit.note, self._spool, line)
        except OSError as error:
            raise DiskFull(
                f"This cannot be put on record ({error.strerror}), so it is not done; free some room."
            ) from error

    async def _write(self) -> None:
        try:
            await asyncio.to_thread(write_atomically, self._file, json.dumps(self._wrong).encode() + b"\n", 0o600)
        except OSError as error:
            raise DiskFull(
                f"A guess cannot be counted ({error.strerror}), so no PIN counts; free some room."
            ) from error

    def _holder(self, card: str) -> str | None:
        """Of a card that the central server made."""
        try:
            return cards.holder(self._spool, card)
        except (BadCards, OSError) as error:
            log.warning("The cards of the central server cannot be read, so none of them counts: %s", error)
            return None

    def _pins(self) -> Pins:
        try:
            return pins.read(self._spool)
        except BadPin as error:
            raise RoomError(str(error)) from error
        except OSError as error:
            raise RoomError(
                f"The room's PINs cannot be read ({error.strerror}); set them anew: appliance pin set"
            ) from error

    def _read(self) -> dict[Door, int]:
        """A file that cannot be read is no way in: then many were wrong."""
        try:
            found = json.loads(self._file.read_bytes())
            return {door: max(0, int(found[door])) for door in DOORS}
        except FileNotFoundError:
            return dict.fromkeys(DOORS, 0)
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("%s cannot be read, so the panel's PINs have to wait first: %s", self._file, error)
            return dict.fromkeys(DOORS, FREE + 3)
