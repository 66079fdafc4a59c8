"""A lamp behind an MQTT broker (Shelly, Tasmota, Zigbee2MQTT, Home Assistant): one word on one topic.

Published with quality of service 1 and retained, so that a lamp that joins later learns it; shown once the broker has
acknowledged it. Whether the lamp itself follows, MQTT does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from drivers.link.mqtt import SECONDS, MqttConfig, broker
from drivers.manifest import DriverManifest
from drivers.protocols import DriverConfig, Signal

MANIFEST = DriverManifest(
    kind="indicator",
    name="mqtt",
    title="Lamp behind an MQTT broker",
    capabilities=frozenset({"lamp", "colours"}),
    needs=("an MQTT broker",),
    tested_with=("amqtt 0.12 (broker)",),
    transports=("MQTT",),
)


class MqttLampConfig(MqttConfig):
    words: Mapping[Signal, str] = Field(default_factory=dict)
    """What is published for a signal, where it is not the signal's own name: ``{recording = "ON", off = "OFF"}``."""


Config = MqttLampConfig


class Driver:
    """See ``drivers.protocols.Indicator``."""

    Config: ClassVar[type[DriverConfig]] = MqttLampConfig

    def __init__(self, config: MqttLampConfig) -> None:
        self._config = config

    async def check(self) -> None:
        async with broker(self._config):
            pass

    async def show(self, signal: Signal) -> None:
        word = self._config.words.get(signal, signal)
        async with broker(self._config) as client:
            await client.publish(self._config.topic, word, qos=1, retain=True, timeout=SECONDS)
