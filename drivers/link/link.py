"""One line to one port: a question at a time, with its answer, its pace and its patience.

Drivers on the same port (cameras in a daisy chain, the poller and a person's touch) share one link through ``line``, so
that their questions never mix. A link opens at the first question and closes itself when nobody asked for a while;
drivers need no life cycle of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakKeyDictionary

from drivers.errors import DriverError, NotReady, Unsupported
from drivers.link.framing import Framing
from drivers.link.ways import Line, Way

Answer = TypeVar("Answer")
Want = Callable[[bytes], Answer | None]
"""Given the body of each message that comes: the answer, or None if this is not it (an echo, a notice, a late answer to
somebody else). Raises DriverError when the device refuses."""

PROMPT = b"> \r\n\0"
"""What may stand before an echo."""
OPEN_SECONDS = 3.0
LINGER_SECONDS = 30.0
PATIENCE = (0.5, 10.0)
"""Seconds after the first failure to open before it is tried again; doubled at each, up to the last."""
QUIET_SECONDS = 0.3
"""After a question without an answer, on a line that cannot be renewed: so long nothing must come."""


class Link:
    """Use it through ``line``."""

    def __init__(
        self,
        way: Way,
        framing: Framing,
        *,
        gap: float = 0.0,
        greet: Callable[[Link], Awaitable[None]] | None = None,
        linger: float = LINGER_SECONDS,
    ) -> None:
        """gap: seconds between an answer and the next question. greet: what is said first on every new line."""
        self.way = way
        self.framing = framing
        self.users = 0
        self._gap = gap
        self._greet = greet
        self._linger = linger
        self._turn = asyncio.Lock()
        self._line: Line | None = None
        self._buffer = bytearray()
        self._hear: Callable[[bytes], None] | None = None
        self._fail: Callable[[], None] | None = None
        self._heard_at = self._free_at = self._again_at = float("-inf")
        self._heard = False
        self._late = self._outworn = False
        self._trouble: DriverError | None = None
        self._patience = 0.0
        self._idle: asyncio.TimerHandle | None = None

    async def ask(self, data: bytes, want: Want[Answer], *, seconds: float, echo_counts: bool = False) -> Answer:
        """Send a frame and wait for its answer. Questions of others wait their turn.

        echo_counts: the device answers with what it was told; otherwise adapters that repeat every word are not heard.

        Raises what ``want`` raises, and NotReady: ``device-silent``, ``device-nonsense`` (something came, but no
        answer), ``device-lost``; and, at once until it is time to try again, why the line could not be opened.
        """
        async with self._turn:
            await self._ready()
            return await self.exchange(data, want, seconds=seconds, echo_counts=echo_counts)

    async def open(self) -> None:
        """Open the line, and greet the device, if that is not done; ``ask`` does it by itself."""
        async with self._turn:
            await self._ready()

    async def tell(self, data: bytes) -> None:
        """Send a frame to a device that never answers."""
        async with self._turn:
            await self._ready()
            await self._pace()
            self._send(data)
            self._free_at = asyncio.get_running_loop().time() + self._gap

    async def exchange(self, data: bytes, want: Want[Answer], *, seconds: float, echo_counts: bool = False) -> Answer:
        """As ``ask``, for a greeting, which has the line to itself. Empty data: only listen."""
        await self._pace()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        echoes = () if echo_counts else tuple(self.framing.cut(bytearray(data)))

        def hear(body: bytes) -> None:
            if answer.done() or body.lstrip(PROMPT) in echoes:
                return
            try:
                said = want(body)
            except DriverError as error:
                answer.set_exception(error)
                return
            if said is not None:
                answer.set_result(said)

        def fail() -> None:
            if not answer.done():
                answer.set_exception(self._lost_error())

        if data:
            self._buffer.clear()
        self._heard = False
        self._hear, self._fail = hear, fail
        answered = False
        try:
            for body in self.framing.cut(self._buffer):
                hear(body)
            if data:
                self._send(data)
            async with asyncio.timeout(seconds):
                said = await answer
            answered = True
            return said
        except TimeoutError as error:
            raise self._no_answer() from error
        except DriverError:
            answered = True  # a refusal is an answer
            raise
        finally:
            self._late = not answered
            self._hear = self._fail = None
            self._free_at = loop.time() + self._gap

    def close(self) -> None:
        """Let go of the port; the next question opens it again."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        line, self._line = self._line, None
        self._buffer.clear()
        self._late = self._outworn = False
        if line is not None:
            line.close()

    def renew(self) -> None:
        """The next question is asked on a new line, which begins with the greeting."""
        self._outworn = True

    def rest(self) -> None:
        """Nobody uses it now: close it after a while."""
        if self._line is not None:
            self._idle = asyncio.get_running_loop().call_later(self._linger, self.close)

    def wake(self) -> None:
        """Somebody uses it again."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _ready(self) -> None:
        if self._outworn or (self._late and self.way.late == "reopen"):
            self.close()
        if self._line is None:
            await self._open_line()
        elif self._late and self.way.late == "wait":
            await self._quiet()
        self._late = False

    async def _open_line(self) -> None:
        loop = asyncio.get_running_loop()
        if self._trouble is not None and loop.time() < self._again_at:
            raise type(self._trouble)(self._trouble.code, self._trouble.detail, **self._trouble.facts)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                self._line = await self.way.open(self._received, self._lost)
                if self._greet is not None:
                    await self._greet(self)
        except (DriverError, TimeoutError) as error:
            self.close()
            trouble = error if isinstance(error, DriverError) else self._slow()
            first, last = PATIENCE
            self._patience = min(max(self._patience * 2, first), last)
            self._again_at = loop.time() + self._patience
            self._trouble = type(trouble)(trouble.code, trouble.detail, **trouble.facts)
            raise trouble from error
        except asyncio.CancelledError:
            self.close()
            raise
        self._trouble, self._patience = None, 0.0

    async def _quiet(self) -> None:
        """Until nothing has come for a moment, at most ten such moments."""
        loop = asyncio.get_running_loop()
        for _ in range(10):
            await asyncio.sleep(QUIET_SECONDS)
            if loop.time() - self._heard_at >= QUIET_SECONDS:
                break

    async def _pace(self) -> None:
        wait = self._free_at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    def _send(self, data: bytes) -> None:
        if self._line is None:
            raise self._lost_error()
        self._line.send(data)

    def _received(self, data: bytes) -> None:
        self._heard = True
        self._heard_at = asyncio.get_running_loop().time()
        self._buffer += data
        if self._hear is not None:
            for body in self.framing.cut(self._buffer):
                self._hear(body)
        elif len(self._buffer) > 65_536:
            self._buffer.clear()  # nobody listens to what it chatters

    def _lost(self) -> None:
        self._line = None
        self._late = False
        if self._fail is not None:
            self._fail()

    def _lost_error(self) -> NotReady:
        return NotReady(
            "device-lost", f"The line to {self.way.where} was cut; check its cable and power.", where=self.way.where
        )

    def _slow(self) -> NotReady:
        return NotReady(
            "device-unreachable",
            f"The device at {self.way.where} does not answer; check its power, its cable and the address.",
            where=self.way.where,
        )

    def _no_answer(self) -> NotReady:
        where = self.way.where
        if self._heard:
            return NotReady(
                "device-nonsense",
                f"What comes from {where} is no answer to what was asked; check the driver, the baud and the address.",
                where=where,
            )
        return NotReady(
            "device-silent",
            f"The device at {where} does not answer; check its power, its cable and that its remote control is on.",
            where=where,
        )


_LINKS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Link]] = WeakKeyDictionary()


@asynccontextmanager
async def line(
    way: Way,
    framing: Framing,
    *,
    gap: float = 0.0,
    greet: Callable[[Link], Awaitable[None]] | None = None,
) -> AsyncIterator[Link]:
    """The one link to this port, shared by all who use it at this time.

    Raises Unsupported when somebody else uses the port with other settings.
    """
    links = _LINKS.setdefault(asyncio.get_running_loop(), {})
    link = links.get(way.where)
    if link is not None and (link.way, link.framing) != (way, framing):
        if link.users:
            raise Unsupported(
                "port-shared",
                f"Two devices use {way.where} with different settings; give each a port of its own in room.toml.",
                where=way.where,
            )
        link.close()
        link = None
    if link is None:
        link = links[way.where] = Link(way, framing, gap=gap, greet=greet)
    link.wake()
    link.users += 1
    try:
        yield link
    finally:
        link.users -= 1
        if not link.users:
            link.rest()


def hang_up() -> None:
    """Close every line of this event loop; called when the program ends."""
    for link in _LINKS.pop(asyncio.get_running_loop(), {}).values():
        link.close()
