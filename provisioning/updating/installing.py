"""A new version beside the old one, tried, and kept only if the room is well with it.

    build ──► (quiet?) ──► journal: trying ──► switch ──► restart ──► well? ──► journal: settled
                                                                        └─no──► journal: returning ──► switch back ...

Two links name slots: ``current``, what the units start, and ``proven``, the last version that was well, whose programs
do all this: a new version that cannot even start cannot be asked to undo itself. Power may fail at any instant; the
next start finds the journal, and ``settle`` judges what was begun.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.client import ask
from appliance.errors import RoomError
from appliance.spool.layout import make_directory
from provisioning import slots
from provisioning.updating import journal, quiet
from provisioning.updating.bundle import Bundle, order_of
from provisioning.updating.errors import Failed, NotNow, Refused, UpdateError
from provisioning.updating.fetching import LOCK, Wheelhouse
from provisioning.updating.journal import Journal
from provisioning.updating.services import Services

MOST_STARTS = 2
"""Of the machine in which a new version has not proved itself: it may be what brings the machine down."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. answer: within which the new version must be well, including ``steady``, for which it must stay so.
    look: between two looks."""

    answer: float = 60.0
    steady: float = 10.0
    look: float = 0.5


class Installer:
    """root: of the slots. spool: of the room. look: for tests."""

    def __init__(
        self,
        root: Path,
        spool: Path,
        services: Services,
        *,
        patience: Patience | None = None,
        look: Callable[[Path], quiet.Room] = quiet.look,
    ) -> None:
        self._root = root
        self.folder = root / "updates"
        self._spool = spool
        self._services = services
        self._patience = patience or Patience()
        self._look = look

    # -- what is there

    def journal(self) -> Journal:
        return journal.read(self.folder)

    def check(self, version: str, *, again: bool = False) -> str:
        """The version in use, if the other may take its place. again: even if it failed before. Raises UpdateError."""
        old, said = slots.current(self._root), self.journal()
        if old is None:
            raise Refused("No version of Darsbox is in use here; install the package first.")
        try:
            older = order_of(version) < order_of(old)
        except ValueError as error:
            raise Refused(f"{error} Nothing was changed.") from error
        if older:
            raise Refused(f"Version {version} is older than {old}, which is in use; nothing was changed.")
        if version == said.bad and not again:
            raise Refused(
                f"Version {version} was tried and failed: {said.why} It is not tried again; wait for another."
            )
        return old

    def wait_not(self) -> None:
        """Raises NotNow."""
        why = quiet.busy(self._look(self._spool))
        if why:
            raise NotNow(f"{why} The update waits.")

    # -- changing it

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One updater at a time. Raises NotNow, UpdateError."""
        try:
            make_directory(self.folder)
            door = (self.folder / "lock").open("a")
        except OSError as error:
            raise UpdateError(f"{self.folder} cannot be written ({error.strerror}); updates are root's.") from error
        with door:
            try:
                fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise NotNow("Another update is at work.") from error
            yield

    def install(self, bundle: Bundle, wheels: Path, *, again: bool = False) -> str:
        """The bundle's version in use, in one sentence. wheels: the folder that ``Wheelhouse.gather`` made. Raises
        UpdateError, and then the version before is in use."""
        old = self.check(bundle.version, again=again)
        if bundle.version == old:
            return f"Version {old} is in use already."
        self.wait_not()
        try:
            slots.build(self._root, bundle.version, wheels, wheels / LOCK)
        except slots.SlotError as error:
            raise Failed(f"{error} Version {old} goes on.") from error
        self.wait_not()  # building took a while
        could = _records(self._look(self._spool))
        begun = self.journal().trying(old, bundle.version)
        self._write(begun)
        self._switch(bundle.version)
        try:
            self._services.restart()
            problem = self._problem(bundle.version, could)
        except UpdateError as error:
            problem = str(error)
        return self._judged(begun, problem)

    def settle(self) -> str:
        """Judge what was begun and not ended, as at the machine's start, in one sentence. Raises UpdateError."""
        said, current = self.journal(), slots.current(self._root)
        if said.phase == "settled" or current not in (said.old, said.new):
            # Settled, or somebody has put another version in use meanwhile.
            return self._settled(said, f"Version {current} is in use.") if current else "No version is in use here."
        if said.phase == "trying" and current == said.old:
            return self._settled(said, f"Version {said.old} is in use; {said.new} was not begun.")
        if said.phase == "trying" and self._running() == said.old:
            # The updater alone was killed, between the switch and the restart: the new version has not been seen yet.
            self.wait_not()
            self._services.restart()
        said = said.started()
        self._write(said)
        if said.phase == "returning":
            return self._judged(said, said.why)
        problem = (
            f"The machine was started {said.starts} times before it was well."
            if said.starts > MOST_STARTS
            else self._problem(said.new, could=False)
        )
        return self._judged(said, problem)

    def _judged(self, said: Journal, problem: str) -> str:
        """Raises Failed when the way leads back."""
        if not problem:
            return self._settled(said, f"Version {said.new} is in use, after {said.old}.")
        if said.phase != "returning":
            said = said.returning(problem)
            self._write(said)
        self._switch(said.old)
        self._services.restart()
        self._settled(said, f"Version {said.new} failed: {problem} Version {said.old} is in use again.")
        ill = self._problem(said.old, could=False)
        raise Failed(
            f"Version {said.new} was not well: {problem} The room is back on version {said.old}"
            + (f", which is not well either: {ill}" if ill else ".")
        )

    def _settled(self, said: Journal, last: str) -> str:
        """Written only when it is news."""
        current = slots.current(self._root)
        if said.phase != "settled":
            self._write(said.settled(last))
        try:
            if current and slots.proven(self._root) != current:
                slots.prove(self._root, current)
            if said.phase == "trying" and current == said.new:
                self._tidy((said.old, said.new))
        except (OSError, slots.SlotError):
            return f"{last} Old versions could not be tidied away; that is tried with the next."
        return last

    def _tidy(self, kept: tuple[str, str]) -> None:
        """Raises OSError, SlotError."""
        for version in slots.versions(self._root):
            if version not in kept:
                slots.remove(self._root, version)
        Wheelhouse(self.folder).keep_only(kept)

    def _problem(self, version: str, could: bool) -> str:
        """Why the room is not well with this version; "" once it has been for long enough. could: whether it could
        record before."""
        wanted, began, since = self._patience, time.monotonic(), None
        while True:
            now = time.monotonic()
            problem = self._ill(version, could)
            since = None if problem else (now if since is None else since)
            if since is not None and now - since >= wanted.steady:
                return self._services.ailing()
            if falling := self._services.falling():
                return falling
            if now - began >= wanted.answer:
                return problem or "It does not stay up."
            time.sleep(wanted.look)

    def _ill(self, version: str, could: bool) -> str:
        """As it is this moment."""
        running = self._running()
        if running is None:
            return "Its daemon does not answer."
        if running != version:
            return f"The daemon that answers is of version {running}."
        if could and not _records(self._look(self._spool)):
            return "The room could record before, and with it cannot."
        return ""

    def _running(self) -> str | None:
        """The version that the daemon says it is of; None when it does not answer."""
        try:
            found = ask(quiet.address(self._spool), "GET", "/healthz")
        except RoomError:
            return None
        return str(found.get("version"))[:60] if isinstance(found, dict) else None

    def _switch(self, version: str) -> None:
        try:
            slots.switch(self._root, version)
        except slots.SlotError as error:
            raise UpdateError(str(error)) from error

    def _write(self, said: Journal) -> None:
        try:
            journal.write(self.folder, said)
        except OSError as error:
            raise UpdateError(f"{self.folder} cannot be written ({error.strerror}); make space there.") from error


def _records(room: quiet.Room) -> bool:
    return room.status is not None and room.status.get("state") not in (None, "cannot-record")
