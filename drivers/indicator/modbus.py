"""A lamp on a Modbus relay: one coil, over TCP or over RS-485 (RTU). What is shown was read back from the coil."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from drivers.errors import NotReady, Unsupported
from drivers.indicator.lamp import LampConfig, disobedient
from drivers.link.turns import turn
from drivers.link.ways import Parity, SerialWay
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig, Signal

if TYPE_CHECKING:
    from pymodbus.client.base import ModbusBaseClient
    from pymodbus.pdu import ModbusPDU

SECONDS = 1.5
"""For an answer; a relay takes some milliseconds."""
ILLEGAL_ADDRESS = 2

MANIFEST = DriverManifest(
    kind="indicator",
    name="modbus",
    title="Lamp on a Modbus relay",
    capabilities=frozenset({"lamp"}),
    needs=("a relay with a coil: its address, and its unit number",),
    tested_with=("pymodbus' simulator (TCP), pymodbus' serial server (RTU) on a pseudo terminal",),
    transports=("TCP", "RS-485"),
)


class ModbusConfig(LampConfig):
    host: str = ""
    tcp_port: int = Field(502, ge=1, le=65535)
    port: str = ""
    """A serial port, instead of host."""
    baud: int = Field(9600, ge=300, le=1_000_000)
    parity: Parity = "none"
    unit: int = Field(1, ge=0, le=247)
    coil: int = Field(0, ge=0, le=65535)
    """Counted from 0; many sheets count from 1, or write 00001."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.host) == bool(self.port):
            raise ValueError("either host or port is needed, and not both")
        return self


Config = ModbusConfig


class Driver:
    """See ``drivers.protocols.Indicator``."""

    Config: ClassVar[type[DriverConfig]] = ModbusConfig

    def __init__(self, config: ModbusConfig) -> None:
        self._config = config
        self._where = config.port or f"{config.host}:{config.tcp_port}"

    async def check(self) -> None:
        async with self._client() as client:
            await self._coil(client)

    async def show(self, signal: Signal) -> None:
        on = self._config.on(signal)
        async with self._client() as client:
            await self._answered(client.write_coil(self._config.coil, on, device_id=self._config.unit))
            if await self._coil(client) != on:
                raise disobedient(self._config.id, on=on)

    async def _coil(self, client: ModbusBaseClient) -> bool:
        said = await self._answered(client.read_coils(self._config.coil, device_id=self._config.unit))
        return bool(said.bits[0])

    async def _answered(self, question: Awaitable[ModbusPDU]) -> ModbusPDU:
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - importing a driver loads no library

        config = self._config
        try:
            said = await question
        except ModbusException as error:
            raise NotReady(
                "device-silent",
                f"The Modbus unit {config.unit} at {self._where} does not answer; check its power, its number and the"
                " baud.",
                where=self._where,
            ) from error
        if not said.isError():
            return said
        if said.exception_code == ILLEGAL_ADDRESS:
            raise Unsupported(
                "lamp-no-such", f"The Modbus unit at {self._where} has no coil {config.coil}; they count from 0."
            )
        raise NotReady(
            "lamp-refuses",
            f"The Modbus unit at {self._where} refuses (exception {said.exception_code}).",
            coil=config.coil,
        )

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[ModbusBaseClient]:
        """A connection for one order. Lamps on one bus take turns."""
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient  # noqa: PLC0415 - as above

        config = self._config
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # we say what is wrong, and once
        async with turn(self._where):
            client: ModbusBaseClient
            if config.host:
                client = AsyncModbusTcpClient(
                    config.host, port=config.tcp_port, timeout=SECONDS, retries=0, reconnect_delay=0
                )
            else:
                client = AsyncModbusSerialClient(
                    config.port,
                    baudrate=config.baud,
                    parity=config.parity[0].upper(),
                    timeout=SECONDS,
                    retries=0,
                    reconnect_delay=0,
                )
            try:
                if not await client.connect():
                    raise await self._why()
                yield client
            finally:
                client.close()

    async def _why(self) -> NotReady:
        """Why there is no connection; of a serial port, its own refusal is raised."""
        if self._config.port:
            way = SerialWay(self._config.port, self._config.baud, self._config.parity)
            (await way.open(lambda data: None, lambda: None)).close()
        return NotReady(
            "device-unreachable",
            f"The Modbus relay at {self._where} cannot be reached; check its power, its cable and the address.",
            where=self._where,
        )
