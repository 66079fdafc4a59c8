"""Feeder of a PortAudio microphone: s16le mono, exactly 48,000 samples a monotonic second, on standard output.

    python -m drivers.microphone.portaudio_feeder --device "USB Audio" --channel 1 --gain-db 6

With ``--list`` or ``--check`` it records nothing and writes a JSON object to standard output instead:
``{"devices": [{"name", "title", "channels"}]}``, or ``{"code", "detail"}`` when something is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers import feeding
from drivers.feeding import SAMPLE_RATE, FeederError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BLOCK_SECONDS = 0.02
LATENCY = 0.1
"""Seconds the sound system may hold back; it costs nothing, for samples are placed by when they were heard."""
FIRST_SILENCE, SILENCE = 4.0, 2.0
"""Seconds without a block after which the device is dead: at its opening, and later."""
PLUGINS = re.compile(
    r"sysdefault|front|rear|center|side|surround\d*|iec958|spdif|hdmi|dmix|dsnoop|lavrate|samplerate\w*|speex\w*|upmix"
    r"|vdownmix|jack|oss|null|usbstream",
)
"""ALSA's own plug-ins and aliases: no devices that anybody means."""
SERVERS = ("pulse", "pipewire", "default")
"""Sound servers' own names for whatever they have chosen; offered only when nothing plainer can be opened."""


@dataclass(frozen=True, slots=True)
class Device:
    """title: the name without ALSA's numbers, which change with the socket a device is plugged into."""

    index: int
    name: str
    channels: int
    rate: float

    @property
    def title(self) -> str:
        return plain(self.name)


def plain(name: str) -> str:
    """Without ALSA's numbers."""
    return re.sub(r"\s*\((plug)?hw:\d+,\d+\)$", "", name).removesuffix(": -").strip()


def choose(devices: list[Device], wanted: str) -> Device:
    """By name, by name without ALSA's numbers, then by a part of it; or by its socket. Raises FeederError
    ``microphone-missing`` or ``microphone-ambiguous``."""
    if wanted.startswith("/dev/snd/"):
        return _at(Path(wanted), devices)
    for same in (
        lambda device: device.name == wanted,
        lambda device: device.title.casefold() == plain(wanted).casefold(),
        lambda device: wanted.casefold() in device.name.casefold(),
    ):
        found = [device for device in devices if same(device)]
        if len(found) == 1 or (found and wanted == "default"):
            return found[0]
        if found:
            names = ", ".join(f'"{device.name}"' for device in found)
            raise FeederError("microphone-ambiguous", f'The name "{wanted}" fits {names}; write one of them in full.')
    known = ", ".join(f'"{device.name}"' for device in devices) or "none"
    raise FeederError(
        "microphone-missing", f'There is no microphone "{wanted}" (there are: {known}); is it plugged in?'
    )


def _at(place: Path, devices: list[Device]) -> Device:
    """The device whose card's control node (controlC2 of card 2) is behind this link of udev's."""
    card = re.fullmatch(r"controlC(\d+)", place.resolve().name)
    found = [device for device in devices if card and f"hw:{card[1]}," in device.name]
    if not found:
        raise FeederError("microphone-missing", f"There is no microphone at {place}; is it plugged into that socket?")
    return found[0]


@contextmanager
def hushed() -> Iterator[None]:
    """ALSA complains on standard error of every device that is configured and absent; that is no message of ours."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def portaudio() -> Any:
    """The ``sounddevice`` module. Raises FeederError ``no-portaudio`` | ``sound-broken``."""
    try:
        with hushed():
            import sounddevice  # noqa: PLC0415 - finds every sound device when it is imported
    except ImportError as error:
        raise FeederError("no-portaudio", "Microphones need the package sounddevice; install it.") from error
    except OSError as error:
        raise FeederError(
            "no-portaudio", "Microphones need PortAudio; install it with: apt-get install libportaudio2"
        ) from error
    return sounddevice


def inputs(sound: Any) -> list[Device]:
    """Every device with an input."""
    return [
        Device(int(entry["index"]), str(entry["name"]), int(entry["max_input_channels"]), entry["default_samplerate"])
        for entry in sound.query_devices()
        if entry["max_input_channels"] > 0
    ]


def openable(sound: Any, devices: list[Device]) -> list[Device]:
    """Those that are devices indeed and can be opened now; a sound server only if there is nothing else."""
    able = []
    for device in devices:
        if PLUGINS.fullmatch(device.name):
            continue
        try:
            with hushed():
                sound.check_input_settings(device=device.index, channels=1, dtype="int16", samplerate=device.rate)
        except (sound.PortAudioError, ValueError):
            continue
        able.append(device)
    plain = [device for device in able if device.name not in SERVERS]
    return plain or able[:1]


def wanted_channels(device: Device, channel: str) -> int:
    """How many channels to open. channel: ``mix``, a number from 1, or several as in ``1,3``. Raises FeederError
    ``microphone-channel``."""
    two = min(2, device.channels)  # a sound server asked for one channel would mix all of them into it
    if channel == "mix":
        return two
    highest = max(map(int, channel.split(",")))
    if highest > device.channels:
        raise FeederError(
            "microphone-channel", f'"{device.title}" has {device.channels} channel(s), not {highest}; choose another.'
        )
    return max(two, highest)


@dataclass(frozen=True, slots=True)
class Block:
    """data: s16 interleaved. heard: monotonic instant of its first sample."""

    data: bytes
    heard: float
    lost: bool


class Ear:
    """An open microphone; blocks arrive from PortAudio's own thread."""

    def __init__(self, sound: Any, device: Device, channels: int) -> None:
        self._blocks: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        self._kept: Block | None = None
        self.rate = float(SAMPLE_RATE)
        try:
            sound.check_input_settings(device=device.index, channels=channels, dtype="int16", samplerate=SAMPLE_RATE)
        except sound.PortAudioError:
            self.rate = device.rate
        try:
            self._stream = sound.RawInputStream(
                device=device.index,
                channels=channels,
                dtype="int16",
                samplerate=self.rate,
                blocksize=round(self.rate * BLOCK_SECONDS),
                latency=LATENCY,
                callback=self._hear,
                finished_callback=lambda: self._blocks.put(None),
            )
            self._stream.start()
        except sound.PortAudioError as error:
            raise FeederError(
                "microphone-busy", f'The microphone "{device.title}" cannot be opened ({error}); is it in use?'
            ) from error

    def _hear(self, data: Any, frames: int, moment: Any, status: Any) -> None:
        # PortAudio's clock is the wall's on some systems: only the difference of two of its readings is used.
        age = moment.currentTime - moment.inputBufferAdcTime
        if not -1.0 < age < 2.0:
            age = frames / self.rate
        self._blocks.put(Block(bytes(data), time.monotonic() - age, bool(status.input_overflow)))

    def next(self, seconds: float) -> Block | None:
        """Whatever has come, as one block; None when the device is gone. Raises queue.Empty after so many seconds."""
        block = self._kept or self._blocks.get(timeout=seconds)
        self._kept = None
        while block is not None and not self._blocks.empty():
            more = self._blocks.get_nowait()
            if more is None:
                return None  # its last tenth of a second goes with it
            if more.lost:
                self._kept = more
                break
            block = Block(block.data + more.data, block.heard, block.lost)
        return block

    def close(self) -> None:
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


def one_channel(data: bytes, channels: int, channel: str, gain: float) -> npt.NDArray[np.float32]:
    """Samples between -1 and 1, amplified, of one channel or the mean of several."""
    import numpy as np  # noqa: PLC0415 - comes with the first block, long after the device has been opened

    frames = np.frombuffer(data, "<i2").reshape(-1, channels)
    if channel != "mix":
        frames = frames[:, [int(number) - 1 for number in channel.split(",")]]
    mixed: npt.NDArray[np.float32] = frames.mean(axis=1, dtype=np.float32)
    return (mixed * np.float32(gain / 32768)).astype(np.float32, copy=False)


def feed(wanted: str, channel: str, gain_db: float) -> None:
    sound = portaudio()
    device = choose(inputs(sound), wanted)
    channels = wanted_channels(device, channel)
    with hushed():
        ear = Ear(sound, device, channels)
    try:
        _listen(ear, device, channels, channel, 10 ** (gain_db / 20))
    finally:
        ear.close()


def _listen(ear: Ear, device: Device, channels: int, channel: str, gain: float) -> None:
    from drivers.microphone.timeline import Timeline  # noqa: PLC0415 - see one_channel

    timeline = Timeline(ear.rate)
    meter = feeding.Meter()
    told = False
    while True:
        try:
            block = ear.next(SILENCE if told else FIRST_SILENCE)
        except queue.Empty:
            raise FeederError(
                "microphone-dead", f'The microphone "{device.title}" delivers nothing; plug it out and in again.'
            ) from None
        if block is None:
            raise FeederError("microphone-lost", f'The microphone "{device.title}" went away; is it plugged in?')
        sound = timeline.add(one_channel(block.data, channels, channel, gain), block.heard, lost=block.lost)
        if not sound:
            continue
        if not told and timeline.epoch is not None:
            feeding.tell({"epoch": timeline.epoch})
            told = True
        feeding.write(sound)
        meter.show(sound)


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """For ``--list`` and ``--check``."""
    try:
        sound = portaudio()
        devices = inputs(sound)
        if options.check:
            device = choose(devices, options.device)
            wanted_channels(device, options.channel)
            found = [device]
        else:
            found = openable(sound, devices)
    except FeederError as error:
        return {"code": error.code, "detail": error.detail}
    # The name to be written into room.toml is one that outlives another socket, unless two have it.
    titles = [device.title for device in devices]
    return {
        "devices": [
            {"name": d.title if titles.count(d.title) == 1 else d.name, "title": d.title, "channels": d.channels}
            for d in found
        ]
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="default")
    parser.add_argument("--channel", default="mix")
    parser.add_argument("--gain-db", type=float, default=0.0)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.list or options.check:
        said = answer(options)
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
        return feeding.EXIT_DEVICE if "code" in said else feeding.EXIT_OK
    return feeding.run(lambda: feed(options.device, options.channel, options.gain_db))


if __name__ == "__main__":
    sys.exit(main())
