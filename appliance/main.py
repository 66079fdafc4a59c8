"""The composition root: the daemon wired by constructors, in the order in which data flows."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import uvloop

from appliance.api.app import create_app
from appliance.api.board import Board
from appliance.api.books import Books
from appliance.api.desk import Desk
from appliance.api.devices import Devices
from appliance.api.doors import Doors
from appliance.api.errands import Errands
from appliance.api.remote import Remote
from appliance.api.room import Room
from appliance.api.setup import Setup
from appliance.api.who import Who
from appliance.config import Config, RecorderTable
from appliance.errors import ConfigError
from appliance.events import Bus
from appliance.lifecycle import Server, die, listen, live
from appliance.logs import Recent
from appliance.recorder import encoders
from appliance.recorder.hotplug import Plug, watch_devices
from appliance.recorder.household import Residents
from appliance.recorder.housekeeper import Housekeeper
from appliance.recorder.judge.supervisor import Judging
from appliance.recorder.load import Shedding
from appliance.recorder.plan import RecorderPolicy, RoomIdentity, SourcePlan, plan_sources
from appliance.recorder.preview import Preview
from appliance.recorder.pulse import Pulse
from appliance.recorder.renderer import Renderer
from appliance.recorder.selftesting import SelfTesting
from appliance.recorder.session import Recorder
from appliance.recorder.status import RecorderStatus
from appliance.room.buttons import Buttons
from appliance.room.fittings import Fittings
from appliance.room.lamps import Lamps
from appliance.room.places import Places
from appliance.room.poller import Poller
from appliance.room.scenes import Scenes
from appliance.room.timetable import Follower
from appliance.spool import policy as sync_policy
from appliance.spool import targets
from appliance.spool.clock import BOOT_ID, Clock
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import open_or_rebuild

log = logging.getLogger(__name__)

THREADS = 64
"""At most; one comes to be only when all others are busy."""
ANSWERING = 0.3
"""Seconds between the order to start anew and the end."""
_LONGEST_SOCKET_FOLDER = 80
"""A unix socket's whole path has at most 107 bytes."""


def run(config: Config, spool_root: Path, host: str, port: int, boot: str = "") -> None:
    """The daemon, until it is told to stop. Raises RoomError before anything has started.

    boot: the name of this run of the machine, if another than the kernel gives; the tests' power cuts have their own.
    """
    uvloop.run(serve(config, spool_root, host, port, boot or BOOT_ID.read_text().strip()), loop_factory=_loop)


def _loop() -> uvloop.Loop:
    """A broker or a port that hangs holds the thread that opens it: there must be others for what is to be recorded."""
    loop = uvloop.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "waiting"))
    return loop


async def serve(config: Config, spool_root: Path, host: str, port: int, boot: str) -> None:
    """Raises ConfigError for what an admin must put right first."""
    door = listen(host, port)
    try:
        spool = Spool(spool_root)
        lock = only_one(spool)
        tell_sync(spool, config)
        ffmpeg = find_ffmpeg(config.tables.recorder)
        sources = plan_sources(config)
        hardware = config.tables.recorder.hardware
        sources = encoders.equip(sources, encoders.chosen(sources, ffmpeg, spool_root, hardware=hardware))
        ledger, damaged = open_or_rebuild(spool)
    except OSError as error:
        door.close()
        raise ConfigError(
            f"The spool {spool_root} cannot be used: {error}. Name another folder with --spool."
        ) from error
    if damaged is not None:
        log.warning("The ledger was damaged; it is kept as %s, and a new one was made from the lessons.", damaged)

    bus, who = Bus(), Who(spool)
    preview = Preview({source.id: source.capture for source in sources if source.capture is not None}, bus, ffmpeg)
    judging = Judging(config.tables.judge, sources, bus, sensors=spool.root / "sensors.json")
    preview.overhear = judging.overhear
    keep_free = config.tables.disk.keep_free_percent / 100
    housekeeper = Housekeeper(spool, keep_free, lambda: recorder.capturing)
    household = Residents(
        preview,
        judging,
        Renderer(spool, lambda: recorder.capturing),
        housekeeper,
        Shedding(preview, judging, sources, bus, config.tables.disk.warn_hours, housekeeper.make_room),
    )
    recorder = Recorder(
        spool,
        ledger,
        sources,
        RoomIdentity(config.room.name, config.room.institution, config.room.language),
        bus,
        household=household,
        ffmpeg=ffmpeg,
        runtime=runtime_folder(spool_root),
        policy=policy_of(config),
        boot=boot,
        at_the_panel=who.begins,
    )
    lamps, buttons = Lamps(config.devices, recorder.status, bus), Buttons(config.devices, recorder, bus)
    poller = Poller(config.devices)
    scenes = Scenes(config.tables.scenes, config.devices, recorder.status, bus, told=poller.look)
    fittings = Fittings(config.devices, poller, Places(spool.root / "places"), bus, preview.snapshot)
    books, remote, desk = (
        Books(spool, config.server.url),
        Remote(spool),
        furnish(spool, config, url_of(door), who, preview=preview, status=recorder.status),
    )
    devices = Devices(
        config,
        recorder.status,
        preview,
        followed=lambda: {**lamps.problems, **buttons.problems},
        poller=poller,
    )
    timetable = Follower(config.tables.timetable, recorder, bus, spool, Clock(spool), muted=lambda: buttons.muted)
    testing = SelfTesting(
        config.tables.selftest,
        config.tables.judge,
        sources,
        spool,
        bus,
        url=url_of(door),
        ffmpeg=ffmpeg,
        boot=boot,
        idle=lambda: recorder.status().state == "ready",
        ahead=timetable.ahead,
    )
    board = Board(
        config,
        recorder,
        books,
        devices,
        judging,
        shedding=household.shedding,
        testing=testing,
        making=household.renderer.making,
        lamps=lamps,
        buttons=buttons,
        fittings=fittings,
        scenes=scenes,
        remote=remote,
        timetable=timetable,
        who=who,
        setup=desk.setup,
    )
    room = Room(
        config, recorder, preview, spool, bus, books, board, devices, remote, timetable, fittings, scenes, testing, desk
    )
    port = door.getsockname()[1]
    server = Server(create_app(room, host=host, port=port))
    _warn(sources)
    say_where(spool, url_of(door))
    log.info("The room is at http://%s:%d/ and keeps its lessons in %s.", host, port, spool_root)

    background: list[Callable[[], Awaitable[None]]] = [
        partial(lamps.run, recorder.ready),  # ends last: a lamp stays lit until the recorder has closed every device
        recorder.run,
        partial(buttons.run, recorder.ready),
        partial(preview.run, recorder),
        partial(judging.run, recorder),
        household.housekeeper.run,
        partial(testing.run, recorder.ready),
        partial(household.shedding.run, recorder),
        partial(watch_devices, partial(on_plug, recorder, preview, devices, buttons)),
        poller.run,
        partial(scenes.run, recorder.ready),
        partial(timetable.run, recorder.ready),
    ]
    if config.tables.recorder.renditions:
        background.append(partial(household.renderer.run, recorder.ready))
    try:
        await live(server, door, background, recorder.ready.wait, room.closing, beats=Pulse(recorder.heard).beats)
    finally:
        await asyncio.gather(desk.close(), devices.close(), fittings.close())
        ledger.close()
        os.close(lock)
    log.info("The room has stopped.")


def furnish(
    spool: Spool, config: Config, url: str, who: Who, *, preview: Preview, status: Callable[[], RecorderStatus]
) -> Desk:
    """What the panel's doors lead to."""
    recent, doors = Recent(), Doors(spool)
    logging.getLogger().addHandler(recent)
    setup = Setup(config, spool, doors, preview, status=status, restart=restart)
    return Desk(doors, who, Errands(spool.root, config.file, url), recent, restart, setup)


def restart() -> None:
    """End as a crash would, once the answer to who asked for it is out."""
    log.warning("The IT screen asked for a restart.")
    asyncio.get_running_loop().call_later(ANSWERING, die)


def tell_sync(spool: Spool, config: Config) -> None:
    """What ``[sync]`` and ``[[target]]`` say, for the agent. A disk too full for that stops no room."""
    try:
        sync_policy.write(spool, config.tables.sync.model_dump(mode="json"))
        targets.write(spool, (target.model_dump(mode="json") for target in config.targets))
    except OSError as error:
        log.warning("The sync agent could not be told what [sync] of room.toml says: %s.", error.strerror)


def _warn(sources: Sequence[SourcePlan]) -> None:
    for source in sources:
        if source.problem is not None:
            log.warning("Source %s cannot be recorded: %s", source.id, source.problem.detail)


def on_plug(recorder: Recorder, preview: Preview, devices: Devices, buttons: Buttons, plug: Plug) -> None:
    """Tell all who wait for a device that one came, changed or went."""
    log.info("Device %s (%s): %s.", plug.device, plug.media, plug.action)
    devices.plugged()
    if plug.media == "button":
        buttons.plugged()
    else:
        recorder.plugged(plug)
        preview.plugged()


def url_of(door: socket.socket) -> str:
    """Where this machine itself reaches the API."""
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def say_where(spool: Spool, url: str) -> None:
    """Leave the daemon's address in the spool for the agent. A disk that cannot take it hinders no recording."""
    try:
        write_atomically(spool.root / "daemon.json", json.dumps({"url": url}).encode() + b"\n")
    except OSError as error:
        log.warning("The sync agent will not find this daemon: %s", error)


def policy_of(config: Config) -> RecorderPolicy:
    table = config.tables.recorder
    return RecorderPolicy(
        fragment=table.fragment_seconds,
        longest=table.max_hours * 3600,
        resume=table.resume_minutes * 60,
        reserve=config.tables.disk.reserve_percent / 100,
        pre_roll=table.pre_roll_seconds,
        undo=table.undo_seconds,
    )


def find_ffmpeg(table: RecorderTable) -> str:
    """The one named in room.toml, the machine's, or the one that came with the program. Raises ConfigError."""
    if table.ffmpeg:
        named = shutil.which(table.ffmpeg)
        if named is None:
            raise ConfigError(f"[recorder] ffmpeg: there is no program {table.ffmpeg}; correct it or leave it out.")
        return named
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    import imageio_ffmpeg  # noqa: PLC0415 - not needed where the machine has its own

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ConfigError("There is no FFmpeg on this machine; install it: apt install ffmpeg.") from error


def only_one(spool: Spool) -> int:
    """Hold the spool for this daemon; the descriptor must stay open. Raises ConfigError if another has it, OSError."""
    spool.prepare()
    lock = os.open(spool.root / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ConfigError(
            f"Another room daemon uses the spool {spool.root}; stop it first, or name another folder with --spool."
        ) from error
    return lock


def runtime_folder(spool_root: Path) -> Path:
    """Where the keepers reach this daemon and its successor: in the spool, unless its path is too long for a socket.

    Raises ConfigError when somebody else has made the folder that would be ours.
    """
    name = hashlib.sha256(os.fsencode(spool_root.absolute())).hexdigest()[:16]
    short = Path("/tmp", f"darsbox-{os.getuid()}-{name}")  # noqa: S108 - made for us alone, or refused below
    places = (spool_root.absolute() / "run", Path(tempfile.gettempdir(), short.name), short)
    folder = next(place for place in places if place is short or len(os.fsencode(place)) <= _LONGEST_SOCKET_FOLDER)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{folder} belongs to somebody else; remove it.")
    return folder
