"""The ways bytes travel to a device: a serial port, TCP, UDP. None of them waits without letting others run.

Every way has the same three verbs, and two of what it must tell: bytes came, the line was lost.
"""

from __future__ import annotations

import asyncio
import errno
import os
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, cast

from drivers.errors import AuthFailed, NotReady, Unsupported

if TYPE_CHECKING:
    from serial import Serial

Received = Callable[[bytes], None]
Lost = Callable[[], None]
Parity = Literal["none", "even", "odd"]

UDEV_RULE = 'SUBSYSTEM=="tty", GROUP="dialout", MODE="0660"'


class Line(Protocol):
    """An open line."""

    def send(self, data: bytes) -> None:
        """Raises NotReady when the device takes nothing in."""

    def close(self) -> None:
        """Nothing is received or lost after it."""


class Way(Protocol):
    """Where a device is; equal ways lead to the same port."""

    late: ClassVar[Literal["reopen", "wait", "told-apart"]]
    """After a question without an answer, how the next one escapes the late answer: on a new line, after a quiet
    moment, or because answers carry a number."""

    @property
    def where(self) -> str:
        """As a person calls it: ``/dev/ttyUSB0``, ``192.168.1.20:4352``."""

    async def open(self, received: Received, lost: Lost) -> Line:
        """Raises NotReady, AuthFailed or Unsupported with the next thing to do."""


# -- serial


@dataclass(frozen=True, slots=True)
class SerialWay:
    """RS-232 through pyserial, whose file descriptor the event loop watches. Eight data bits."""

    late: ClassVar[Literal["reopen", "wait", "told-apart"]] = "wait"
    port: str
    baud: int = 9600
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1

    @property
    def where(self) -> str:
        return self.port

    async def open(self, received: Received, lost: Lost) -> Line:
        from serial import Serial, SerialException  # noqa: PLC0415 - importing a driver loads no library

        try:
            # A port may be slow to open (a USB adapter that is being set up).
            port = await asyncio.to_thread(
                Serial,
                self.port,
                self.baud,
                parity=self.parity[0].upper(),
                stopbits=self.stop_bits,
                timeout=0,
                exclusive=True,
            )
        except SerialException as error:
            raise self._refusal(error.errno) from error
        except (ValueError, OSError) as error:
            raise Unsupported(
                "port-settings",
                f"The serial port {self.port} cannot work at {self.baud} baud; set another baud in room.toml.",
                port=self.port,
                baud=self.baud,
            ) from error
        return _SerialLine(port, self.port, received, lost)

    def _refusal(self, number: int | None) -> NotReady | AuthFailed | Unsupported:
        if number in {errno.EACCES, errno.EPERM}:
            return AuthFailed(
                "port-permission",
                f"The serial port {self.port} may not be opened by this user; add the user to the group dialout"
                f" (usermod -aG dialout USER), or write a udev rule: {UDEV_RULE}",
                port=self.port,
            )
        if number in {errno.EAGAIN, errno.EBUSY}:
            return NotReady(
                "port-busy",
                f"Another program uses the serial port {self.port}; close it (fuser {self.port} names it).",
                port=self.port,
            )
        if os.path.exists(self.port) and number not in {errno.ENXIO, errno.EIO, errno.ENODEV}:
            return Unsupported(
                "not-a-port", f"{self.port} is no serial port; name one, such as /dev/ttyUSB0.", port=self.port
            )
        return NotReady(
            "port-missing",
            f"There is no serial port {self.port}; plug in its adapter, or name another (ls /dev/serial/by-id).",
            port=self.port,
        )


class _SerialLine:
    def __init__(self, port: Serial, name: str, received: Received, lost: Lost) -> None:
        self._port = port
        self._name = name
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(port.fileno(), self._read)

    def send(self, data: bytes) -> None:
        try:
            # Not pyserial's write: where nothing is taken in, it tries for ever, and the whole room stands still.
            taken = os.write(self._port.fileno(), data)
        except BlockingIOError:
            taken = 0
        except OSError as error:  # pyserial's errors are OSErrors
            raise NotReady(
                "device-lost", f"The serial port {self._name} went away; plug it in again.", port=self._name
            ) from error
        if taken != len(data):
            raise NotReady(
                "device-silent",
                f"The device on {self._name} takes nothing in; is it switched on, and its cable the right one?",
                port=self._name,
            )

    def close(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._port.fileno())
            with suppress(OSError, termios.error):  # when it is unplugged, nothing waits in it
                self._port.reset_output_buffer()  # else closing waits until a device has taken what it never will
            self._port.close()

    def _read(self) -> None:
        try:
            data = self._port.read(4096)
        except OSError:
            self.close()
            self._lost()
            return
        if data:
            self._received(data)


# -- network


def _unreachable(where: str, error: OSError) -> NotReady:
    return NotReady(
        "device-unreachable",
        f"The device at {where} cannot be reached ({error.strerror or error}); check its power, its cable and the"
        " address.",
        where=where,
    )


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


class TcpWay(_Address):
    """A TCP connection; a question without an answer costs it, for that answer may still come."""

    __slots__ = ()
    late: ClassVar[Literal["reopen", "wait", "told-apart"]] = "reopen"

    async def open(self, received: Received, lost: Lost) -> Line:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: _TcpLine(received, lost), self.host, self.port)
        except OSError as error:
            raise _unreachable(self.where, error) from error
        return line


class _TcpLine(asyncio.Protocol):
    def __init__(self, received: Received, lost: Lost) -> None:
        self._received = received
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # what create_connection promises

    def data_received(self, data: bytes) -> None:
        if not self._closed:
            self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed:
            self._closed = True
            self._lost()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.abort()


class UdpWay(_Address):
    """Datagrams to one address, whose protocol numbers its messages."""

    __slots__ = ()
    late: ClassVar[Literal["reopen", "wait", "told-apart"]] = "told-apart"

    async def open(self, received: Received, lost: Lost) -> Line:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_datagram_endpoint(
                lambda: _UdpLine(received), remote_addr=(self.host, self.port)
            )
        except OSError as error:
            raise _unreachable(self.where, error) from error
        return line


class _UdpLine(asyncio.DatagramProtocol):
    def __init__(self, received: Received) -> None:
        self._received = received
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # what create_datagram_endpoint promises

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._received(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there now (ICMP): the question's own time limit says so."""

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
