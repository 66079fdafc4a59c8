"""A way to an MQTT broker, for lamps, buttons and sensors that speak through one."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from drivers.errors import AuthFailed, DriverError, NotReady
from drivers.protocols import DriverConfig

if TYPE_CHECKING:
    from aiomqtt import Client

SECONDS = 4.0
KEEPALIVE = 15
"""Seconds after which a broker that vanished without a word is missed."""
REFUSED = frozenset({4, 5, 134, 135})
"""Bad user name or password, not authorised: MQTT 3.1.1 table 3.1, MQTT 5 section 3.2.2.2."""


def _plain(topic: str) -> str:
    if set(topic) & set("+#\0"):
        raise ValueError("must be one topic, without + and #")
    return topic


class MqttConfig(DriverConfig):
    host: str = Field(min_length=1)
    tcp_port: int = Field(1883, ge=1, le=65535)
    tls: bool = False
    """Certificates are checked against those of the system; the usual port is then 8883."""
    user: str = ""
    password: str = Field("", repr=False)
    topic: Annotated[str, AfterValidator(_plain)] = Field(min_length=1)


@asynccontextmanager
async def broker(config: MqttConfig) -> AsyncIterator[Client]:
    """A connection as long as the block lasts. Raises AuthFailed, NotReady, also from within the block."""
    from aiomqtt import Client, MqttError  # noqa: PLC0415 - importing a driver loads no library

    client = Client(
        config.host,
        config.tcp_port,
        username=config.user or None,
        password=config.password or None,
        timeout=SECONDS,
        keepalive=KEEPALIVE,
        tls_context=ssl.create_default_context() if config.tls else None,
    )
    try:
        async with client:
            yield client
    except MqttError as error:
        raise _said(config, error) from error


def _said(config: MqttConfig, error: Exception) -> DriverError:
    where = f"{config.host}:{config.tcp_port}"
    rc = getattr(error, "rc", None)
    if getattr(rc, "value", rc) in REFUSED:
        return AuthFailed(
            "broker-login", f"The MQTT broker {where} refuses the user or the password; correct them.", where=where
        )
    return NotReady(
        "broker-unreachable",
        f"The MQTT broker {where} does not answer ({error}); is it running, and the address right?",
        where=where,
    )
