"""Commands of the server, each done at most once. What was begun is written down first, durably, in the ledger's notes:
an agent that is killed between doing and answering says afterwards what it can find out, and does nothing twice.

    (new) ──► begun ──► done or refused, with its outcome ──► answered
                │ the daemon does not run: as if it had not come
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import structlog

from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import WISH, Ledger
from lms_sync.roomdoor import DaemonAway, DaemonError, DaemonRefused, RoomDoor
from lms_sync.wire_control import OF_A_LESSON, Command, Outcome

COMMAND = "command."
"""Notes that begin so, and end with a command's id."""
REMEMBERED = 200
"""Answered commands that are kept in mind: the server sends none again that was answered."""
DONE = "done"

log = structlog.get_logger("lms_sync.control")


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger keeps of a command. outcome: "" until it is known."""

    verb: str
    outcome: str = ""
    detail: str = ""
    answered: bool = False


class Deeds:
    def __init__(self, spool: Spool, door: RoomDoor) -> None:
        self._spool = spool
        self._door = door

    async def do(self, ledger: Ledger, command: Command, now: float) -> None:
        """Do a command unless it was done. now: Unix seconds by the server's clock. Raises sqlite3.Error."""
        known = remembered(ledger).get(command.id)
        if known is not None and known.outcome:
            return
        memory = Memory(command.verb)
        if known is None:
            _remember(ledger, command.id, memory)
        try:
            outcome = await self._outcome(ledger, command, now, again=known is not None)
        except DaemonAway:
            if known is None:
                ledger.forget(COMMAND + command.id)  # nothing was done; it comes again, until it expires
            return
        log.info("command.settled", verb=command.verb, by=command.by, code=outcome.code)
        _remember(ledger, command.id, replace(memory, outcome=outcome.code, detail=outcome.detail))

    async def _outcome(self, ledger: Ledger, command: Command, now: float, *, again: bool) -> Outcome:
        """Raises DaemonAway."""
        if command.verb in OF_A_LESSON:
            return self._of_a_lesson(ledger, command)
        if again:
            return await self._find_out(command)
        if now > command.expires:
            return Outcome("expired", "It came too late to be done.")
        body: dict[str, object] = {"origin": {"by": command.by, "command": command.id}}
        if command.verb == "start":
            body["title"] = command.title
        try:
            await self._door.order(command.verb, body)
        except DaemonRefused as error:
            return Outcome(error.code, str(error))
        except DaemonAway:
            raise
        except DaemonError:
            return await self._find_out(command)
        return Outcome(DONE)

    async def _find_out(self, command: Command) -> Outcome:
        """A start or stop that was begun: the daemon remembers the last one it obeyed. Raises DaemonAway."""
        try:
            last = (await self._door.status()).get("remote") or {}
        except DaemonRefused as error:
            return Outcome(error.code, str(error))
        except DaemonAway:
            raise
        except DaemonError:
            last = {}
        if last.get("command") == command.id:
            return Outcome(DONE)
        return Outcome("unknown", "The agent was interrupted while it did this; look at what the room does.")

    def _of_a_lesson(self, ledger: Ledger, command: Command) -> Outcome:
        """These may be done twice without harm."""
        if not self._spool.lesson_dir(command.lesson).is_dir():
            return Outcome("no-such-lesson", "The room no longer has this lesson.")
        try:
            if command.verb == "keep":
                keeping.keep(self._spool, command.lesson)
            elif command.verb == "release":
                keeping.release(self._spool, command.lesson)
            else:
                ledger.note(WISH + command.lesson, command.id)
        except OSError as error:
            return Outcome("unwritten", f"The wish cannot be written ({error.strerror}).")
        return Outcome(DONE)


def remembered(ledger: Ledger) -> dict[str, Memory]:
    """By the commands' ids, oldest first."""
    found: dict[str, Memory] = {}
    for key, value in sorted(ledger.notes().items()):
        if key.startswith(COMMAND):
            facts = json.loads(value)
            found[key.removeprefix(COMMAND)] = Memory(**facts)
    return found


def answered(ledger: Ledger, command_id: str) -> None:
    """The server knows the outcome."""
    known = remembered(ledger)
    if command_id in known:
        _remember(ledger, command_id, replace(known[command_id], answered=True))
    settled = [each for each, memory in known.items() if memory.answered]
    for old in settled[:-REMEMBERED]:
        ledger.forget(COMMAND + old)


def fulfilled(ledger: Ledger, spool: Spool) -> None:
    """Let go of wishes for lessons that have arrived."""
    wishes = {key.removeprefix(WISH) for key in ledger.notes() if key.startswith(WISH)}
    for lesson in wishes:
        rows = ledger.assets(lesson)
        gone = not rows and not spool.lesson_dir(lesson).is_dir()
        if gone or (rows and all(row.state == "receipted" for row in rows)):
            ledger.forget(WISH + lesson)


def _remember(ledger: Ledger, command_id: str, memory: Memory) -> None:
    ledger.note(COMMAND + command_id, json.dumps(asdict(memory)))
