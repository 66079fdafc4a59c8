"""A real sound device without a sound card: a private PulseAudio with a null sink, whose monitor is a microphone.

``with pulse_microphone(tmp_path) as mic:`` gives a microphone that PortAudio finds under the name ``mic.device`` when
the environment has ``mic.env``; ``mic.play(wav)`` is heard in it, ``mic.beep()`` beeps for 100 ms at every even
multiple of two seconds of the monotonic clock, and ``mic.process`` may be killed to pull the plug.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.peers.program import FIRST, running, stop, wait_until

DEVICE = "lectern mic"
SINK = "lectern"

ALSA = """
</usr/share/alsa/alsa.conf>
pcm."{name}" {{
    type pulse
    server "unix:{socket}"
    device "{device}"
    hint {{ show on  description "{name}" }}
}}
"""

LOUDSPEAKER = "loudspeaker"
BEEPER = f"""
import array, collections, math, time
import sounddevice

rate, beep_samples = 48000, 4800
beep = [int(22000 * math.sin(2 * math.pi * 1000 * n / rate)) for n in range(beep_samples)]
given, anchor, reports = 0, None, collections.deque(maxlen=25)


def play(out, frames, moment, status):
    # Placed by when PortAudio says it will be heard: by the median of half a second, for single reports jump, and
    # placed anew when a busy machine has made the sound stumble.
    global given, anchor
    reports.append(time.monotonic() + moment.outputBufferDacTime - moment.currentTime - given / rate)
    if len(reports) == reports.maxlen:
        offset = sorted(reports)[12]
        if anchor is None or abs(offset - anchor) > 0.008:
            anchor = offset
    sound = [0] * frames
    if anchor is not None:
        heard = round((anchor + given / rate) % 2.0 * rate)
        sound = [beep[at] if (at := (heard + n) % (2 * rate)) < beep_samples else 0 for n in range(frames)]
    out[:] = array.array("h", sound).tobytes()
    given += frames


with sounddevice.RawOutputStream(
    device="{LOUDSPEAKER}", samplerate=rate, channels=1, dtype="int16", blocksize=960, latency=0.05, callback=play
):
    while True:
        time.sleep(3600)
"""


@dataclass
class Microphone:
    """env: what PortAudio and PulseAudio's tools need to find it; device: its name."""

    device: str
    env: dict[str, str]
    process: subprocess.Popen[bytes]
    socket: Path
    stack: ExitStack = field(repr=False)

    def _player(self, *source: str) -> subprocess.Popen[bytes]:
        # A long buffer would swallow the first second and a half of what is played.
        command = [
            *FIRST,
            "pacat",
            "--playback",
            f"--server=unix:{self.socket}",
            f"--device={SINK}",
            "--latency-msec=20",
            *source,
        ]
        player = subprocess.Popen(command)
        self.stack.callback(stop, player)
        return player

    def two_channels(self, name: str, left: Path) -> str:
        """Another microphone, with this sound on its left channel only, once; returns its name as a source."""
        server = f"--server=unix:{self.socket}"
        sink = ["module-null-sink", f"sink_name={name}", "rate=48000", "channels=2", "norewinds=1"]
        subprocess.run(["pactl", server, "load-module", *sink], check=True, stdout=subprocess.DEVNULL)
        with wave.open(str(left)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
            rate = sound.getframerate()
        stereo = left.with_name(f"{name}.wav")
        with wave.open(str(stereo), "wb") as both:
            both.setnchannels(2)
            both.setsampwidth(2)
            both.setframerate(rate)
            both.writeframes(np.stack([samples, np.zeros_like(samples)], axis=1).tobytes())
        player = subprocess.Popen(
            [*FIRST, "pacat", "--playback", server, f"--device={name}", "--file-format=wav", str(stereo)]
        )
        self.stack.callback(stop, player)
        return f"{name}.monitor"

    def play(self, wav: Path) -> subprocess.Popen[bytes]:
        """Play a WAV file once; the player ends with it."""
        return self._player("--file-format=wav", str(wav))

    def beep(self) -> None:
        """Beep (1 kHz, 100 ms) at every even multiple of two seconds of the monotonic clock until the block ends."""
        alsa = self.socket.with_name("loudspeaker.conf")
        alsa.write_text(ALSA.format(name=LOUDSPEAKER, socket=self.socket, device=SINK))
        env = {**os.environ, **self.env, "ALSA_CONFIG_PATH": str(alsa)}
        self.stack.callback(
            stop, subprocess.Popen([*FIRST, sys.executable, "-c", BEEPER], env=env, stderr=subprocess.DEVNULL)
        )


def speech(file: Path, seconds: float = 20.0, text: str = "Good morning. Today we speak about forces. ") -> Path:
    """A WAV file of a voice, by espeak-ng."""
    words = text * max(1, int(seconds / 3))
    subprocess.run(["espeak-ng", "-w", str(file), words], check=True)
    return file


@contextmanager
def pulse_microphone(folder: Path) -> Iterator[Microphone]:
    """A microphone until the block ends. Many may live side by side, each in its own folder."""
    home = folder / f"pulse-{time.monotonic_ns()}"
    home.mkdir(mode=0o700)
    short = TemporaryDirectory(prefix="pulse-")  # a socket's whole path has at most 107 bytes
    socket = Path(short.name) / "native"
    alsa = home / "asound.conf"
    alsa.write_text(ALSA.format(name=DEVICE, socket=socket, device=f"{SINK}.monitor"))
    own = {
        "PULSE_RUNTIME_PATH": short.name,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
    }
    modules = [
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
        # Without norewinds an idle null sink hands out two seconds at once.
        f"module-null-sink sink_name={SINK} rate=48000 channels=1 norewinds=1",
    ]
    command = [
        *FIRST,
        "pulseaudio",
        "-n",
        "--daemonize=no",
        "--exit-idle-time=-1",
        "--disallow-exit",
        "--log-level=notice",
        "--log-target=stderr",
    ]
    for module in modules:
        command += ["-L", module]
    with short, ExitStack() as stack:
        log = home / "pulseaudio.log"
        process = stack.enter_context(running(command, log, env=own, ready=lambda _: socket.exists()))

        def has_sink() -> bool:
            sinks = subprocess.run(
                ["pactl", f"--server=unix:{socket}", "--format=json", "list", "sinks"],
                capture_output=True,
                env=None,
                check=False,
            )
            return sinks.returncode == 0 and any(sink["name"] == SINK for sink in json.loads(sinks.stdout or b"[]"))

        wait_until(has_sink, 10, "PulseAudio's null sink")
        env = {"ALSA_CONFIG_PATH": str(alsa), "PULSE_SERVER": f"unix:{socket}"}
        yield Microphone(DEVICE, env, process, socket, stack.enter_context(ExitStack()))
