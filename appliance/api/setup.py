"""Setting the room up on the panel: language, name, devices, server, PIN, and then room.toml.

Behind the PIN of the IT screen, but on the first boot: while room.toml is still the installer's and nobody has set a
PIN, whoever stands at the panel sets the room up (docs/decisions has why). Each step is on the disk when it is done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from appliance import roomfile
from appliance.api.candidates import Candidate, Candidates
from appliance.api.doors import Doors
from appliance.config import Config, Language
from appliance.enrolling import join, joined
from appliance.errors import BadRequest, CannotWrite, ConfigError, DiskFull, LessonOn, NoPin, NothingChosen, UnfitPin
from appliance.recorder.preview import Preview
from appliance.recorder.status import RecorderStatus
from appliance.roomfile import Settings
from appliance.spool import draft as drafts
from appliance.spool import pins
from appliance.spool.draft import Draft
from appliance.spool.layout import Spool
from appliance.spool.pins import BadPin

log = logging.getLogger(__name__)


class Setup:
    """restart: ends the daemon in a moment; the one that comes next reads the new file."""

    def __init__(
        self,
        config: Config,
        spool: Spool,
        doors: Doors,
        preview: Preview,
        *,
        status: Callable[[], RecorderStatus],
        restart: Callable[[], None],
    ) -> None:
        self._config = config
        self._spool = spool
        self._doors = doors
        self._status = status
        self._restart = restart
        self._turn = asyncio.Lock()
        self._stamp: tuple[tuple[int, ...], ...] | None = None
        self._new = False
        self._pin = True
        self.candidates = Candidates(config, preview)

    @property
    def first_boot(self) -> bool:
        """Whether nobody has set this room up: room.toml is as the installer wrote it, and there is no PIN."""
        self._look()
        return self._new and not self._pin

    @property
    def new(self) -> bool:
        """Whether room.toml is as the installer wrote it."""
        self._look()
        return self._new

    @property
    def pin(self) -> bool:
        """Whether the IT screen has one; also where that cannot be read, so that a damaged file opens no door."""
        self._look()
        return self._pin

    def _look(self) -> None:
        """Asked often; the files are read only when they have changed."""
        file, pin_file = self._config.file, pins.file_of(self._spool)
        stamp = (_stamp(file) if file is not None else (), _stamp(pin_file))
        if stamp != self._stamp:
            self._stamp = stamp
            self._new, self._pin = file is not None and _is_installers(file), _has_pin(self._spool)

    @property
    def draft(self) -> Draft:
        return drafts.read(self._spool)

    @property
    def server(self) -> str | None:
        """The one that was joined."""
        return joined(self._spool.root)

    async def choose(
        self,
        *,
        language: Language | None = None,
        name: str | None = None,
        keys: list[str] | None = None,
        later: bool | None = None,
    ) -> None:
        """Keep what is not None. Raises BadRequest for a device that was not seen, or a name that cannot be one."""
        async with self._turn:
            draft = self.draft
            if language is not None:
                draft = replace(draft, language=language)
            if name is not None:
                draft = replace(draft, name=_plain(name))
            if keys is not None:
                draft = replace(draft, devices=tuple(self.candidates.of(keys)))
            if later is not None:
                draft = replace(draft, later=later)
            await self._keep(draft)

    async def look(self) -> list[Candidate]:
        """Raises LessonOn: a device that is recorded is left in peace."""
        self._idle("Devices are looked for only while no lesson is on; wait until it is over.")
        return await self.candidates.look(self.draft.typed, simulated=not self.new)

    async def add_camera(self, address: str, user: str, password: str) -> str:
        """Its key; ``look`` shows it from now on. Raises BadRequest, DeviceTrouble, LessonOn."""
        self._idle("Cameras are tried only while no lesson is on; wait until it is over.")
        camera = await self.candidates.try_camera(address, user, password)
        async with self._turn:
            before = self.draft
            others = [each for each in before.typed if each.key != camera.key]
            await self._keep(replace(before, typed=(*others, camera)))
        return camera.key

    async def join(self, server: str, code: str) -> None:
        """Raises JoinRefused, BadRequest before the room has a name."""
        name = self.draft.name
        if name is None:
            raise BadRequest("The room has no name yet; write it first.")
        address = server.strip()
        address = address if "://" in address else f"https://{address}"
        async with self._turn:
            await self._doors.note(self._told("setup-join", server=address))
            await join(self._spool.root, address, code.strip(), name, self._config.room.institution)

    async def set_pin(self, pin: str) -> str:
        """The PIN of the IT screen from now on; a session behind it. Raises UnfitPin, DiskFull."""
        async with self._turn:
            try:
                known = await asyncio.to_thread(pins.read, self._spool)
                await asyncio.to_thread(known.set_it, pin)
            except BadPin as error:
                raise UnfitPin(str(error)) from error
            await self._doors.note(self._told("setup-pin"))
            with self._disk():
                await asyncio.to_thread(pins.write, self._spool, known)
        return await self._doors.enter(pin)

    async def write(self) -> None:
        """room.toml as it was chosen; then the daemon starts anew. Raises NothingChosen, NoPin, LessonOn, CannotWrite,
        BadRequest, DiskFull."""
        file = self._config.file
        if file is None:
            raise CannotWrite("The daemon does not know its room.toml; write it by hand.")
        async with self._turn:
            self._idle("A lesson is being recorded; the room is set up when it is over.")
            chosen = self.draft
            if not chosen.devices:
                raise NothingChosen("Choose a camera or a microphone; a room without any records nothing.")
            if not self.pin:
                raise NoPin("Nobody could come to the IT screen any more; set its PIN first.")
            language = next(
                (each for each in get_args(Language) if each == chosen.language), self._config.room.language
            )
            name = chosen.name or self._config.room.name
            await self._doors.note(self._told("setup-write", file=str(file)))
            try:
                settings = Settings(name, language, chosen.devices, self.server)
                before = await asyncio.to_thread(roomfile.write, file, settings)
            except ConfigError as error:
                raise BadRequest(f"The new file does not fit together: {error.detail}") from error
            with self._disk():
                await asyncio.to_thread(drafts.remove, self._spool)
        log.warning("room.toml was written on the panel; the one before is %s. The room starts anew.", before)
        self.candidates.leave()
        self._restart()

    def _idle(self, otherwise: str) -> None:
        if self._status().lesson is not None:
            raise LessonOn(otherwise)

    def _told(self, what: str, **more: str) -> dict[str, object]:
        why = "first-boot" if self.first_boot else "it-screen"
        return {"at": round(time.time(), 3), "what": what, "why": why, **more}

    async def _keep(self, draft: Draft) -> None:
        with self._disk():
            await asyncio.to_thread(drafts.write, self._spool, draft)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DiskFull(f"What was chosen cannot be kept ({error.strerror}); free some room.") from error


def _plain(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise BadRequest("A room has a name of 1 to 100 characters that can be shown.")
    return name


def _is_installers(file: Path) -> bool:
    try:
        return roomfile.writer_of(roomfile.read(file)) == "installer"
    except (OSError, UnicodeDecodeError):
        return False


def _has_pin(spool: Spool) -> bool:
    try:
        return bool(pins.read(spool).it)
    except (OSError, BadPin):
        return True


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        facts = file.stat()
    except OSError:
        return ()
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns)
