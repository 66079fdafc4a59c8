"""Buttons and sensors of presence behind an MQTT broker (Zigbee2MQTT, Shelly, Tasmota, Home Assistant).

A message is a word, or a JSON object of which one field counts. A retained message says how things are, so it is taken
in for a state, and never for a press: nobody pressed just now.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import ClassVar

from pydantic import Field

from drivers.input.states import STATES
from drivers.link.mqtt import SECONDS, MqttConfig, broker
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig, Happening

MANIFEST = DriverManifest(
    kind="input",
    name="mqtt",
    title="Button or presence sensor behind an MQTT broker",
    capabilities=frozenset({"buttons", "occupancy"}),
    needs=("an MQTT broker",),
    tested_with=("amqtt 0.12 (broker)",),
    transports=("MQTT",),
)


class MqttInputConfig(MqttConfig):
    field: str = ""
    """Which field of a JSON message counts, such as ``action`` or ``occupancy``; empty: the message is the word."""
    means: Mapping[str, Happening] = Field(min_length=1)
    """What a word means: ``{single = "toggle"}``, ``{true = "occupied", false = "empty"}``."""


Config = MqttInputConfig


class Driver:
    """See ``drivers.protocols.Input``."""

    Config: ClassVar[type[DriverConfig]] = MqttInputConfig

    def __init__(self, config: MqttInputConfig) -> None:
        self._config = config

    async def check(self) -> None:
        async with broker(self._config):
            pass

    async def happenings(self) -> AsyncGenerator[Happening | None, None]:
        async with broker(self._config) as client:
            await client.subscribe(self._config.topic, qos=1, timeout=SECONDS)
            yield None
            async for message in client.messages:
                happening = meaning(self._config, bytes(message.payload))
                if happening is not None and (happening in STATES or not message.retain):
                    yield happening


def meaning(config: MqttInputConfig, payload: bytes) -> Happening | None:
    """What a message says, if it says anything here."""
    text = payload.decode("utf-8", "replace").strip()
    if not config.field:
        return config.means.get(text)
    try:
        said = json.loads(text)
    except ValueError:
        return None
    value = said.get(config.field) if isinstance(said, dict) else None
    return config.means.get(value if isinstance(value, str) else json.dumps(value))
