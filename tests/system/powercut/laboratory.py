"""Power cuts of a real room: recorded once, cut at many instants, and every cut followed to the end.

``record`` runs the room on a crash disk and cuts it; ``follow`` mends, mounts and proves one cut: what had been called
durable is there bit for bit, the room goes on by itself, and all of it plays. See crashdisk.py for what a cut is.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.spool.holding import holder
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import Ledger, LedgerUnreadable
from media.lesson import BadLesson, Lesson
from tests.peers import mounts, zygote
from tests.peers.program import wait_until
from tests.peers.rtsp_camera import rtsp_camera
from tests.system.deployment import Room, Service, command
from tests.system.powercut.crashdisk import CrashDisk, mend

SOURCES = ("front", "board", "lectern")
RETURN = 10.0
"""Seconds after the daemon's start within which every source must be recorded again."""
LOST = 1.0
"""Seconds that a cut may cost a source."""
EARLIER = "01K00000000000000000000000"
"""A lesson of long ago, on its way to the server while the cuts happen."""
DEVICES = """
[recorder]
height = 180
fps = 10

[[camera]]
id = "front"
driver = "rtsp"
url = "{url}"

[[camera]]
id = "board"
driver = "sim"
scene = "pattern"
fps = 5

[[microphone]]
id = "lectern"
driver = "sim"
scene = "beep"
"""


@dataclass(frozen=True)
class Cut:
    """One instant. writes: how many had reached the disk; notes: bytes of the witness' notes by then; states: which the
    lesson may be in afterwards (``none``: it may never have begun); signed: the last receipt that was durable."""

    writes: int
    mono: float
    notes: int
    lesson: str
    title: str
    states: frozenset[str]
    signed: int
    steady: bool
    """Whether every source was being recorded, so that the seconds lost and the gap can be told."""


@dataclass
class Outcome:
    """What followed a cut. lost: seconds by source; back: seconds until all sources were recorded again."""

    number: int
    reboot: bool
    unflushed: int = 0
    lost: dict[str, float] = field(default_factory=dict)
    back: float | None = None
    state: str = ""
    faults: list[str] = field(default_factory=list)


class WatchedRoom(Room):
    """A room whose keepers note what they call durable."""

    def __init__(self, folder: Path, spool: Path, url: str, *, boot: str, plant: str = "") -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, DEVICES.format(url=url), spool=spool)
        self.notes = folder / "notes"
        argv = [zygote.WATCHED, str(self.config), str(spool), str(self.port), str(self.notes)]
        self.daemon = Service("room", [*argv, "--boot", boot, "--plant", plant], folder / "room.log")

    def end_at_once(self) -> None:
        """Every process of the room, killed."""
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.daemon.kill()
        for file in self.spool.glob("lessons/*/*/keeper.pid"):
            pid = holder(file.parent)
            if pid is not None:
                with suppress(OSError):
                    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                    for victim in [pid, *map(int, children)]:
                        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not self._guests(), 10, "the end of what the daemon had started")
        self.http.close()

    def _guests(self) -> list[Path]:
        """Processes with this spool in their command line."""
        wanted, found = os.fsencode(self.spool), []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                if wanted in (process / "cmdline").read_bytes():
                    found.append(process)
        return found


class Signer:
    """Delivers an old lesson meanwhile: receipt after receipt into the spool, each then noted in the ledger."""

    def __init__(self, spool: Spool, careless: bool) -> None:
        self._spool = spool
        self._careless = careless
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sign, daemon=True)
        self.signed = 0

    def __enter__(self) -> Signer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sign(self) -> None:
        with Ledger(self._spool.ledger_file) as ledger:
            if self._careless:
                ledger._db.execute("PRAGMA synchronous=OFF")
            while not self._ended.wait(0.1):
                number = self.signed + 1
                write_atomically(
                    self._spool.receipt_file(EARLIER, "lesson.json", receipt(number)), receipt(number).encode()
                )
                ledger.note("rig", str(number))
                self.signed = number


def receipt(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


class Laboratory:
    """One recording and its cuts. Use as a context manager."""

    def __init__(self, place: Path, *, plant: str = "", seed: int = 1) -> None:
        self.place = place
        self.plant = plant
        self.seed = seed
        self.cuts: list[Cut] = []
        self._chance = random.Random(seed)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The room records nothing yet, on a fresh crash disk with an old lesson on it."""
        self.disk = CrashDisk(self.place)
        with rtsp_camera(self.place, size="320x180", fps=15) as camera, self.disk:
            self.url = camera.url
            spool = Spool(self.disk.folder / "spool")
            old = Lesson(EARLIER, "Long ago", "Amphi A", "Test", "en", "kept")
            spool.lesson_dir(EARLIER).mkdir(parents=True)
            spool.write_lesson(old)
            self.room = WatchedRoom(self.place / "room", spool.root, camera.url, boot="boot-1", plant=self.plant)
            try:
                self.room.start()
                with Signer(spool, self.plant == "ledger-not-synced") as self.signer:
                    yield
            finally:
                self.room.end_at_once()

    def cut(self, lesson: str, title: str, *states: str, steady: bool = False) -> None:
        """Now; every second time a moment later, as soon as the disk is found with something not yet flushed."""
        patience = time.monotonic() + (0.5 if len(self.cuts) % 2 else 0.0)
        while True:
            with self.disk.frozen() as writes:
                instant = time.monotonic()
                signed, notes = self.signer.signed, self.room.notes.stat().st_size
                if self.disk.unflushed() or instant > patience:
                    break
        self.cuts.append(Cut(writes, instant, notes, lesson, title, frozenset(states), signed, steady))

    def record(self, cuts: int) -> None:
        """One lesson, cut at random instants."""
        with self.running():
            self.room.touch("start", title="Forces")
            self.room.wait_recording(*SOURCES)
            lesson = self.room.status()["lesson"]["id"]
            for _ in range(cuts):
                threading.Event().wait(self._chance.uniform(0.1, 0.8))
                self.cut(lesson, "Forces", "recording", steady=True)

    def touches(self, rounds: int) -> None:
        """Lessons begun, paused, resumed and ended, each touch cut while the room does it, and once more soon after."""
        steps = (
            ("start", "none", "recording"),
            ("pause", "recording", "paused"),
            ("resume", "paused", "recording"),
            ("stop", "recording", "kept"),
        )
        with self.running():
            for number in range(rounds):
                title, lesson = f"Lesson {number}", ""
                for verb, before, after in steps:
                    answered = threading.Event()
                    body = {"title": title} if verb == "start" else {}

                    def touch(verb: str = verb, body: dict[str, str] = body, done: threading.Event = answered) -> None:
                        self.room.touch(verb, **body)
                        done.set()

                    thread = threading.Thread(target=touch)
                    thread.start()
                    threading.Event().wait(self._chance.uniform(0.0, 0.15))
                    already = answered.is_set()
                    self.cut(lesson, title, *((after,) if already else (before, after)))
                    thread.join()
                    if not lesson:
                        lesson = self.room.status()["lesson"]["id"]
                    self.cut(lesson, title, after)
                    if after == "recording":
                        self.room.wait_recording(*SOURCES)

    def follow_all(self) -> list[Outcome]:
        """Every cut to its end, two at a time; half of them on a machine that has booted anew."""
        images = self.place / "images"
        images.mkdir()
        with (
            rtsp_camera(self.place, size="320x180", fps=15) as camera,
            ThreadPoolExecutor(max_workers=2) as pool,
        ):
            self.url = camera.url
            rebuilt = self.disk.rebuild([cut.writes for cut in self.cuts], images, self.seed)
            results = []
            for number, (cut, (image, unflushed)) in enumerate(zip(self.cuts, rebuilt, strict=True)):
                outcome = Outcome(number, reboot=number % 2 == 1, unflushed=unflushed)
                results.append(pool.submit(self._follow, cut, outcome, image))
            return [result.result() for result in results]

    def inspect_all(self) -> list[Outcome]:
        """Every cut looked at with the eye only: what had been called durable or answered to a touch is there."""
        images = self.place / "images"
        images.mkdir()
        outcomes = []
        rebuilt = self.disk.rebuild([cut.writes for cut in self.cuts], images, self.seed)
        for number, (cut, (image, unflushed)) in enumerate(zip(self.cuts, rebuilt, strict=True)):
            outcome = Outcome(number, reboot=True, unflushed=unflushed)
            outcomes.append(outcome)
            mend(image)
            with mounts.image(image, image.with_suffix("")) as disk:
                outcome.faults += missing(disk / "spool", self._durable(cut))
                outcome.faults += delivered(disk / "spool", cut.signed)
                outcome.faults += described(Spool(disk / "spool"), cut)
            image.unlink()
        return outcomes

    def _follow(self, cut: Cut, outcome: Outcome, image: Path) -> Outcome:
        try:
            mend(image)
            with mounts.image(image, image.with_suffix("")) as disk:
                self._prove(cut, outcome, disk, image.with_suffix(".room"))
            image.unlink()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong after a cut is this cut's fault
            outcome.faults.append(f"{type(error).__name__}: {error}")
        return outcome

    # -- what must hold -----------------------------------------------------------------------------------------------

    def _prove(self, cut: Cut, outcome: Outcome, disk: Path, folder: Path) -> None:
        spool = disk / "spool"
        durable = self._durable(cut)
        outcome.faults += missing(spool, durable)
        room = WatchedRoom(folder, spool, self.url, boot="boot-2" if outcome.reboot else "boot-1")
        try:
            began = time.monotonic()
            room.start()
            outcome.state = settled(room, cut)
            if outcome.state not in cut.states:
                outcome.faults.append(f"the lesson is {outcome.state}, not {' or '.join(sorted(cut.states))}")
            elif outcome.state == "recording":
                room.wait_recording(*SOURCES, seconds=20)
                outcome.back = time.monotonic() - began
                if outcome.back > RETURN:
                    outcome.faults.append(f"recorded again only after {outcome.back:.1f} s")
                room.wait_elapsed(room.status()["lesson"]["elapsed"] + 0.5)
            if outcome.state in {"recording", "paused"}:
                if cut.lesson not in {"", room.status()["lesson"]["id"]}:
                    outcome.faults.append("another lesson went on")
                room.touch("stop")
            outcome.faults += self._kept(cut, outcome, room)
            room.daemon.stop()
        finally:
            room.end_at_once()
        outcome.faults += missing(spool, durable)
        outcome.faults += delivered(spool, cut.signed)
        if cut.title and outcome.faults:
            log = folder / "room.log"
            outcome.faults.append(log.read_text()[-1500:])

    def _durable(self, cut: Cut) -> list[dict[str, Any]]:
        with self.room.notes.open("rb") as notes:
            return [json.loads(line) for line in notes.read(cut.notes).splitlines()]

    def _kept(self, cut: Cut, outcome: Outcome, room: WatchedRoom) -> Iterator[str]:
        entries = {entry["id"]: entry for entry in room.lessons()}
        if outcome.state == "none":
            if any(entry["title"] == cut.title or not entry["title"] for entry in entries.values()):
                yield "a lesson that never began is listed"
            return
        lesson = cut.lesson or next(name for name, entry in entries.items() if entry["title"] == cut.title)
        entry = entries.get(lesson)
        if entry is None or (entry["state"], entry["title"]) != ("kept", cut.title):
            yield f"the lesson was not kept: {entry}"
            return
        kept = Spool(room.spool).read_lesson(lesson)
        for source in SOURCES:
            before = [take for take in kept.takes_of(source) if take.epoch < cut.mono]
            if cut.steady:
                lost = cut.mono - max((take.end for take in before), default=float("-inf"))
                outcome.lost[source] = lost
                if lost > LOST:
                    yield f"{source} lost {lost:.2f} s"
                if not any(gap.source == source and gap.why == "cut" for gap in kept.gaps()):
                    yield f"{source} has no marked gap"
        for take in kept.takes:
            yield from plays(room.spool / "lessons" / lesson / take.file)
            data = (room.spool / "lessons" / lesson / take.file).read_bytes()
            if hashlib.sha256(data).hexdigest() != take.sha256:
                yield f"{take.file} has not the hash that lesson.json gives"
        if kept.takes:
            out = room.folder / "export"
            command(["appliance", "export", lesson, "--spool", str(room.spool), "--out", str(out)])
            for file in out.iterdir():
                yield from plays(file)


def settled(room: WatchedRoom, cut: Cut) -> str:
    """The state the lesson is in once the daemon has recovered: recording | paused | kept | none."""
    wait_until(lambda: room.status()["state"] not in {"starting", "stopping"}, 15, "a settled room")
    shown = room.status()
    if shown["lesson"] is not None:
        return "paused" if shown["state"] == "paused" else "recording"
    known = [entry for entry in room.lessons() if entry["title"] == cut.title]
    return "kept" if known else "none"


def missing(spool: Path, durable: list[dict[str, Any]]) -> Iterator[str]:
    """A sentence for each fragment that was called durable and is not there, or not the same."""
    for note in durable:
        try:
            with (spool / "lessons" / note["file"]).open("rb") as take:
                data = os.pread(take.fileno(), note["len"], note["off"])
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != note["sha"]:
            yield f"{note['file']} lost what was durable from byte {note['off']} on"
            return


def delivered(spool: Path, signed: int) -> Iterator[str]:
    """A sentence if a receipt or what the ledger had noted of it is gone."""
    for number in range(1, signed + 1):
        file = Spool(spool).receipt_of(EARLIER, "lesson.json", receipt(number))
        if file is None or file.read_text() != receipt(number):
            yield f"receipt {number} of {signed} is gone"
            break
    if list(spool.glob("ledger.damaged*")):
        yield "the ledger was damaged"
    try:
        with Ledger(spool / "ledger.sqlite") as ledger:
            noted = int(ledger.notes().get("rig", "0"))
    except LedgerUnreadable as error:
        yield f"the ledger was damaged: {error}"
        return
    if noted < signed:
        yield f"the ledger has forgotten receipts {noted + 1} to {signed}"


def described(spool: Spool, cut: Cut) -> Iterator[str]:
    """A sentence if lesson.json does not say what a touch was answered with."""
    if len(cut.states) > 1:
        return
    try:
        lesson = spool.read_lesson(cut.lesson) if cut.lesson else _titled(spool, cut.title)
    except (OSError, BadLesson) as error:
        yield f"lesson.json is lost: {error}"
        return
    if lesson.title != cut.title or lesson.state not in cut.states:
        yield f"lesson.json says {lesson.title}, {lesson.state}; not {cut.title}, {' or '.join(cut.states)}"


def _titled(spool: Spool, title: str) -> Lesson:
    """The lesson whose start was answered in the moment of the cut, before anybody asked for its id. Raises OSError,
    BadLesson."""
    found = [lesson for lesson in map(spool.read_lesson, spool.lesson_ids()) if lesson.title == title]
    if not found:
        raise FileNotFoundError(f"no lesson is called {title}")
    return found[0]


def plays(file: Path) -> Iterator[str]:
    """A sentence if FFmpeg has anything to say against a file."""
    done = subprocess.run(
        # In the file's own time base: a camera's pictures do not come at even distances.
        ["ffmpeg", "-nostdin", "-v", "error", "-i", str(file), "-enc_time_base:v", "-1", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or done.stderr:
        yield f"{file.parent.name}/{file.name} does not play: {done.stderr[:300]}"


def main() -> None:
    """python -m tests.system.powercut.laboratory PLACE CUTS [record|touches] [PLANT]: look at it by hand."""
    place = Path(sys.argv[1])
    place.mkdir()
    lab = Laboratory(place, plant=sys.argv[4] if len(sys.argv) > 4 else "")
    began = time.monotonic()
    getattr(lab, sys.argv[3] if len(sys.argv) > 3 else "record")(int(sys.argv[2]))
    middle = time.monotonic()
    for outcome in lab.follow_all():
        sys.stdout.write(f"{outcome}\n")
    sys.stdout.write(f"recorded {middle - began:.1f} s, followed {time.monotonic() - middle:.1f} s\n")


if __name__ == "__main__":
    main()
