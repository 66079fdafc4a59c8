"""Projectors and panels with PJLink, over TCP.

PJLink specifications of JBMIA, Class 1 (version 1.04) and Class 2 (version 2.00): commands are ``%`` + class + four
letters + space + parameter + CR; with a password, MD5 of the greeting's random number and the password stands before
the first command of a connection. Class 2 adds freezing, serial numbers, and status notices by UDP, for which see
``drivers.panel.pjlink_notices``.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from pydantic import Field

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.link.framing import Ended
from drivers.link.link import Link, line
from drivers.link.ways import TcpWay, Way
from drivers.manifest import DriverManifest
from drivers.panel.pjlink_notices import PORT as NOTICES_PORT
from drivers.panel.pjlink_notices import Notices, search
from drivers.protocols import DriverConfig, Found, PanelHealth, PanelState, Power

PORT = 4352
SECONDS = 4.0
"""The specification gives a projector two seconds to answer, and some take longer."""
GREETING_SECONDS = 2.5
SOURCES: Mapping[str, str] = {"rgb": "1", "video": "2", "digital": "3", "storage": "4", "network": "5", "internal": "6"}
POWERS: Mapping[str, Power] = {"0": "off", "1": "on", "2": "cooling", "3": "warming"}
PARTS = ("fan", "lamp", "temperature", "cover", "filter", "other")
FRAMING = Ended(b"\r")

MANIFEST = DriverManifest(
    kind="panel",
    name="pjlink",
    title="Projector or panel (PJLink)",
    capabilities=frozenset({"power", "input", "mute", "freeze", "blank", "hours", "errors", "discover", "notices"}),
    needs=("PJLink switched on in the projector's network menu, with a password or without",),
    tested_with=("pjlink-advance 0.2 (emulator, class 1 and 2, with and without password)",),
    transports=("TCP", "UDP"),
)


class PjlinkConfig(DriverConfig):
    host: str = Field(min_length=1)
    tcp_port: int = Field(PORT, ge=1, le=65535)
    password: str = Field("", repr=False)


Config = PjlinkConfig


@asynccontextmanager
async def notices(changed: Callable[[str], None], *, port: int = NOTICES_PORT) -> AsyncIterator[int]:
    """While it lasts, ``changed`` is called with the address of each projector that says that its state is another.

    Yields the port. Raises OSError when it cannot be had.
    """
    ear = Notices(lambda host, _command, _value: changed(host), port=port)
    await ear.open()
    try:
        yield ear.port
    finally:
        ear.close()


class Driver:
    """See ``drivers.protocols.Panel``. An input is a kind and a number: ``digital1``, ``rgb2``, ``network1``."""

    Config: ClassVar[type[DriverConfig]] = PjlinkConfig

    def __init__(self, config: PjlinkConfig) -> None:
        self._way: Way = TcpWay(config.host, config.tcp_port)
        self._password = config.password
        self._class: int | None = None
        self._inputs: tuple[str, ...] = ()

    def way(self) -> Way:
        """Where the projector is."""
        return self._way

    @property
    def can(self) -> frozenset[str]:
        always = frozenset({"power", "input", "mute", "blank", "hours", "errors"})
        return always | {"freeze"} if self._class != 1 else always

    @property
    def inputs(self) -> tuple[str, ...]:
        """Those of the projector once it was asked; before, the usual ones."""
        return self._inputs or ("digital1", "digital2", "rgb1", "network1")

    async def check(self) -> None:
        await self._ask("POWR", "?")

    async def state(self) -> PanelState:
        power = POWERS.get(await self._ask("POWR", "?"), "off")
        if power != "on":
            return PanelState(power)
        await self._learn()
        mute = await self._try("AVMT")
        freeze = await self._try("FREZ", 2) if self._class == 2 else None
        source = await self._try("INPT")
        return PanelState(
            power="on",
            input=_input_name(source) if source else None,
            mute=mute in {"21", "31"} if mute else None,
            freeze=freeze == "1" if freeze else None,
            blank=mute in {"11", "31"} if mute else None,
        )

    async def health(self) -> PanelHealth:
        lamps, errors = await self._try("LAMP"), await self._try("ERST")
        hours = [int(word) for word in (lamps or "").split()[::2] if word.isdigit()]
        said = {"1": "warning", "2": "error"}
        complaints = tuple(
            f"{part}: {said[sign]}" for part, sign in zip(PARTS, errors or "", strict=False) if sign in said
        )
        return PanelHealth(hours=max(hours, default=None), errors=complaints)

    async def power(self, *, on: bool) -> None:
        await self._ask("POWR", "1" if on else "0")

    async def select(self, source: str) -> None:
        await self._learn()
        kind = source if source in SOURCES else source[:-1]
        number = source[len(kind) :] or "1"
        if kind not in SOURCES:
            raise Unsupported(
                "panel-no-such",
                f"A PJLink input is named digital1, rgb1, video1, storage1, network1 or so, not {source!r}.",
                action="input",
            )
        await self._ask("INPT", SOURCES[kind] + number, 2 if kind == "internal" else 1)

    async def volume(self, percent: int) -> None:
        """PJLink knows only louder and softer, by steps of unknown size."""
        raise Unsupported(
            "panel-cannot", "PJLink cannot set a volume; use the projector's own buttons.", action="volume"
        )

    async def mute(self, *, on: bool) -> None:
        await self._ask("AVMT", "21" if on else "20")

    async def freeze(self, *, on: bool) -> None:
        await self._ask("FREZ", "1" if on else "0", 2)

    async def blank(self, *, on: bool) -> None:
        await self._ask("AVMT", "11" if on else "10")

    # -- the line

    async def _learn(self) -> None:
        """Its class and its inputs, once."""
        if self._class is None:
            self._class = 2 if await self._try("CLSS") == "2" else 1
        if not self._inputs:
            codes = await self._try("INST", self._class)
            self._inputs = tuple(_input_name(code) for code in (codes or "").split())

    async def _try(self, command: str, pj_class: int = 1) -> str | None:
        """An answer, or None when this projector does not give it now."""
        try:
            return await self._ask(command, "?", pj_class)
        except DriverError as error:
            if error.code in {"panel-cannot", "panel-no-such", "panel-refuses"}:
                return None
            raise

    async def _ask(self, command: str, parameter: str, pj_class: int = 1) -> str:
        async with line(self.way(), FRAMING, greet=self._greet) as link:
            try:
                return await self._talk(link, command, parameter, pj_class)
            except NotReady as error:
                # A projector closes a line on which nothing was said for half a minute.
                if error.code not in {"device-lost", "device-nonsense"}:
                    raise
                return await self._talk(link, command, parameter, pj_class)

    async def _talk(self, link: Link, command: str, parameter: str, pj_class: int) -> str:
        head = f"%{pj_class}{command}".encode()

        def want(body: bytes) -> str | None:
            if b"PJLINK ERRA" in body:
                raise self._login()
            at = body.upper().rfind(head + b"=")
            if at < 0:
                return None
            answer = body[at + len(head) + 1 :].decode("utf-8", "replace").strip()
            self._refusal(command, answer)
            if parameter != "?" and answer != "OK":
                return None
            return answer

        return await link.ask(head + b" " + parameter.encode() + b"\r", want, seconds=SECONDS)

    async def _greet(self, link: Link) -> None:
        """Read the greeting and, if it asks for a password, log in with a harmless question."""

        def greeting(body: bytes) -> bytes | None:
            if b"PJLINK ERRA" in body:
                raise self._login()
            at = body.find(b"PJLINK ")
            return body[at:] if at >= 0 else None

        said = await link.exchange(b"", greeting, seconds=GREETING_SECONDS)
        words = said.decode("latin-1").split()
        if words[1:2] == ["0"]:
            return
        if not self._password or len(words) < 3:
            raise self._login()
        # MD5 is the specification's; it protects nobody and is not ours to choose.
        digest = hashlib.md5(words[2].encode() + self._password.encode(), usedforsecurity=False).hexdigest()

        def welcome(body: bytes) -> str | None:
            if b"PJLINK ERRA" in body:
                raise self._login()
            return "in" if b"%1CLSS=" in body.upper() else None

        await link.exchange(digest.encode() + b"%1CLSS ?\r", welcome, seconds=SECONDS)

    def _login(self) -> AuthFailed:
        return AuthFailed(
            "panel-login",
            f"The projector at {self._way.where} wants another password; write it as password in room.toml.",
            where=self._way.where,
        )

    def _refusal(self, command: str, answer: str) -> None:
        where = self._way.where
        if answer == "ERR1":
            raise Unsupported("panel-cannot", f"The projector at {where} does not know {command}.", action=command)
        if answer == "ERR2":
            raise Unsupported(
                "panel-no-such", f"The projector at {where} has no such value for {command}.", action=command
            )
        if answer == "ERR3":
            raise NotReady(
                "panel-refuses",
                f"The projector at {where} cannot do this now; it is off, or still warming up or cooling down.",
                where=where,
            )
        if answer == "ERR4":
            raise NotReady(
                "panel-failure", f"The projector at {where} reports a failure; look at its display.", where=where
            )


def _input_name(code: str) -> str:
    names = {number: name for name, number in SOURCES.items()}
    return f"{names.get(code[:1], code[:1])}{code[1:]}"


async def discover() -> Sequence[Found]:
    """Class 2 projectors on this network."""
    return [
        Found("panel", "pjlink", f"PJLink projector at {host}", {"driver": "pjlink", "host": host})
        for host in await asyncio.wait_for(search(), 5)
    ]
