"""Everything the room needs, looked at one by one: what was found, and what to do where something is missing."""

from __future__ import annotations

import asyncio
import ctypes.util
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from appliance import client, surroundings
from appliance.api.devices import check
from appliance.config import SOURCE_KINDS, Config, load
from appliance.errors import ConfigError, RoomError
from appliance.finding import Finding
from appliance.main import find_ffmpeg
from appliance.recorder import encoders
from appliance.recorder.plan import encoded, plan_sources
from drivers.link.link import hang_up

SECONDS = 5.0
MAX_CLOCK_ERROR = 60.0
OLDEST_FFMPEG = 5


def examine(config_file: Path, spool: Path, url: str, *, quick: bool = False) -> list[Finding]:
    """All findings. Takes a quarter of a minute: every source is looked at or listened to, unless it shall be quick."""
    findings: list[Finding] = [surroundings.program()]
    config: Config | None = None
    try:
        config = load(config_file)
        findings.append(Finding("room.toml", "ok", f"{config_file}, {len(config.devices)} devices"))
    except ConfigError as error:
        lines = error.detail.splitlines()
        findings += [Finding("room.toml", "error", line, f"Correct {config_file}.") for line in lines]
    findings += surroundings.secrets(config_file)
    findings += surroundings.units()
    running = _running(url)
    if config is not None:
        findings += _devices(config, url, running=running)
        findings.append(_ffmpeg(config))
        findings += _encoder(config, spool, url, quick=quick, running=running)
        if not quick:
            findings += _sources(config, url, running=running)
        findings += _portaudio(config)
        findings += _port(config, url, running=running)
        if running:
            findings += surroundings.page(client.ask(url, "GET", "/healthz").get("page_silent"))
        findings += _disk(config, spool)
        findings.append(_server(config, spool))
        findings.append(surroundings.enrolment(config, spool))
    findings += surroundings.time_setting()
    findings.append(_clock())
    return findings


def _running(url: str) -> bool:
    try:
        client.ask(url, "GET", "/healthz")
    except RoomError:
        return False
    return True


def _devices(config: Config, url: str, *, running: bool) -> Iterator[Finding]:
    """Asked through the daemon when it runs, for it may be using them."""
    if not config.sources:
        advice = "Add a [[camera]] or a [[microphone]] to room.toml; appliance devices shows what was found."
        yield Finding("devices", "error", "no camera and no microphone is set up", advice)
    if running:
        known = [device for device in client.ask(url, "GET", "/api/v1/devices") if device["configured"]]
        for device in known:
            problem = device["problem"]
            state = device["state"] or {}
            said = ", ".join(str(state[key]) for key in ("power", "input") if key in state)
            yield _device(device["kind"], device["id"], device["driver"], problem["detail"] if problem else None, said)
        return
    problems = asyncio.run(_ask_all(config))
    for device, detail in zip(config.devices, problems, strict=True):
        yield _device(device.kind, device.id, device.driver, detail)


async def _ask_all(config: Config) -> list[str | None]:
    problems = await asyncio.gather(*(check(device) for device in config.devices))
    hang_up()
    return [problem.detail if problem is not None else None for problem in problems]


def _device(kind: str, name: str, driver: str, detail: str | None, said: str = "") -> Finding:
    """said: what a panel says of itself. Only without a camera or a microphone something is not recorded."""
    if detail is None:
        return Finding(f"{kind} {name}", "ok", f"{driver}, ready{said and f': {said}'}")
    return Finding(f"{kind} {name}", "error" if kind in SOURCE_KINDS else "warning", f"{driver}: not ready", detail)


def _sources(config: Config, url: str, *, running: bool) -> Iterator[Finding]:
    """What the judge says of ten seconds of each."""
    from appliance.selftest import ADVICE, try_sources  # noqa: PLC0415 - loads OpenCV

    if running and client.ask(url, "GET", "/api/v1/status")["lesson"] is not None:
        yield Finding("self-test", "ok", "left out: a lesson is being recorded, and judged meanwhile")
        return
    try:
        tried = try_sources(config, url, running=running)
    except (ConfigError, OSError) as error:
        yield Finding("self-test", "error", f"could not be done: {error}", "See the lines above.")
        return
    for each in tried:
        what = f"{'look at' if each.source.media == 'video' else 'listen to'} {each.source.id}"
        if not each.code:
            yield Finding(what, "ok", f"good, {each.fact}")
            continue
        wrong, advice = ADVICE[each.code]
        yield Finding(what, "error" if each.code == "nothing" else "warning", f"{wrong} ({each.fact})", advice)


def _ffmpeg(config: Config) -> Finding:
    try:
        program = find_ffmpeg(config.tables.recorder)
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=SECONDS, check=True)
    except ConfigError as error:
        return Finding("FFmpeg", "error", "not found", error.detail)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("FFmpeg", "error", f"does not run: {error}", "Install it again: apt install ffmpeg")
    said = done.stdout
    version = said.split()[2] if said.startswith("ffmpeg version ") else "of an unknown version"
    number = version.lstrip("n").partition(".")[0]
    if number.isdecimal() and int(number) < OLDEST_FFMPEG:
        return Finding("FFmpeg", "warning", f"{version} at {program}", "Older than 5, which was tested; update it.")
    return Finding("FFmpeg", "ok", f"{version} at {program}")


def _encoder(config: Config, spool: Path, url: str, *, quick: bool, running: bool) -> Iterator[Finding]:
    """What encodes, in a sentence. Tried now if there is no result that still holds; never while a lesson records."""
    sources, hardware = plan_sources(config), config.tables.recorder.hardware
    if not encoded(sources):
        return
    busy = running and client.ask(url, "GET", "/api/v1/status")["lesson"] is not None
    try:
        ffmpeg = find_ffmpeg(config.tables.recorder)
        choice = encoders.recall(spool, encoders.subject(sources, ffmpeg, hardware=hardware))
        if choice is None and not quick and not busy:
            choice = encoders.settle(sources, ffmpeg, spool, hardware=hardware)
    except ConfigError:
        return  # there is no FFmpeg, which was said above
    except (encoders.NoTrial, OSError) as error:
        yield Finding("encoder", "error", f"the trial failed: {error}", "Install FFmpeg again: apt install ffmpeg")
        return
    if choice is None:
        advice = "Run appliance doctor without --quick while nothing is recorded."
        yield Finding("encoder", "warning", "x264 superfast, for none was tried on this machine", advice)
        return
    encoder = choice.encoder
    name = f"{encoder.name} on {encoder.device}" if encoder.device else f"x264 {encoder.preset}"
    count, processors = choice.subject["sources"], choice.subject["processors"]
    share = 100 * choice.cores * count / processors
    many = "1 source" if count == 1 else f"{count} sources"
    fact = f"{name}, about {share:.0f} % of the machine for {many}, by trial"
    if choice.enough:
        yield Finding("encoder", "ok", fact)
    else:
        yield Finding("encoder", "warning", fact, "That is much; lower height or fps in [recorder].")


def _portaudio(config: Config) -> Iterator[Finding]:
    if any(device.driver == "portaudio" for device in config.devices):
        if ctypes.util.find_library("portaudio") is not None:
            yield Finding("PortAudio", "ok", "present")
        else:
            yield Finding("PortAudio", "error", "not found", "Install it: apt install libportaudio2")


def _port(config: Config, url: str, *, running: bool) -> Iterator[Finding]:
    if running:
        yield Finding("daemon", "ok", f"answers at {url}")
        return
    advice = f"Start it: {surroundings.start()}"
    yield Finding("daemon", "warning", f"does not answer at {url}", advice)
    api = config.tables.api
    with socket.socket(socket.AF_INET6 if ":" in api.host else socket.AF_INET) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((api.host, api.port))
        except OSError as error:
            advice = "Stop what uses it (ss -ltnp shows it), or set [api] port in room.toml."
            yield Finding("port", "error", f"{api.port} cannot be had: {error.strerror}", advice)
        else:
            yield Finding("port", "ok", f"{api.port} is free")


def _disk(config: Config, spool: Path) -> Iterator[Finding]:
    place = spool
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        advice = f"Give it to this user, or name another folder with --spool: chown -R $USER {place}"
        yield Finding("spool", "error", f"{spool} cannot be written by this user", advice)
        return
    yield from surroundings.inodes(place)
    usage = shutil.disk_usage(place)
    table = config.tables.disk
    usable = usage.free - usage.total * table.reserve_percent / 100
    rate = config.tables.recorder.max_kbit * 125 * max(1, len(config.sources))
    hours = max(0.0, usable) / rate / 3600
    fact = f"{spool}, {usage.free / 1e9:.0f} GB free, room for about {hours:.0f} hours"
    if usable <= 0:
        yield Finding("spool", "error", fact, f"Free some space; the largest folders: {_largest(place)}")
    elif hours < table.warn_hours:
        advice = f"Free some space, or use a larger disk; the largest folders: {_largest(place)}"
        yield Finding("spool", "warning", fact, advice)
    else:
        yield Finding("spool", "ok", fact)


def _largest(place: Path) -> str:
    return f"du -xh --max-depth=2 {place} | sort -h | tail"


def _server(config: Config, spool: Path) -> Finding:
    url = config.server.url or surroundings.enrolled(spool)
    if url is None:
        advice = "Lessons stay here until the room is enrolled with one, or [server] url in room.toml names one."
        return Finding("server", "warning", "the room has none", advice)
    try:
        date = _date_of(url)
    except (OSError, http.client.HTTPException) as error:
        advice = f"Check the network and [server] url: curl -sv {url}/healthz; lessons are sent when it answers."
        return Finding("server", "warning", f"{url} does not answer: {error}", advice)
    if date is not None and abs(date - time.time()) > MAX_CLOCK_ERROR:
        minutes = abs(date - time.time()) / 60
        advice = "Set the clock, or switch on time synchronisation: timedatectl set-ntp true"
        return Finding("server", "warning", f"{url} answers, but the clocks differ by {minutes:.0f} min", advice)
    return Finding("server", "ok", f"{url} answers")


def _date_of(url: str) -> float | None:
    """The server's time in Unix seconds, if it says so. Raises OSError, HTTPException."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", f"{parts.path}/healthz")
        said = connection.getresponse().headers.get("date")
    finally:
        connection.close()
    try:
        return parsedate_to_datetime(said).timestamp() if said else None
    except ValueError:
        return None


def _clock() -> Finding:
    """A clock that is behind the program's own files lost its battery."""
    shown = time.strftime("%Y-%m-%d %H:%M %Z")
    if surroundings.wrong_time():
        advice = "Set it: timedatectl set-time …; recordings are safe meanwhile, only their dates are wrong."
        return Finding("clock", "warning", f"{shown} is in the past", advice)
    return Finding("clock", "ok", shown)
