"""A disk that can lose power: every write to it is logged, and for any instant the disk is rebuilt as it may lie there.

    programs -> ext4 -> loop device -> FUSE file of qemu-storage-daemon -> blklogwrites (all writes and FLUSHes)

A cut is an instant: the storage daemon is stopped for a moment, and the entries of its log are counted. The disk after
it holds all writes up to the last FLUSH, and of each later one, page by page, all, nothing or a torn part, by a seeded
chance: so a drive's volatile cache behaves. Recording goes on after a cut, as if it had not been, so that one recording
is cut at many instants. Needs root, qemu-storage-daemon and e2fsprogs.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers import mounts
from tests.peers.program import wait_until

SECTOR = 512
PAGE = 4096
ENTRY = struct.Struct("<QQQQ")
"""A log entry's head, as Linux' dm-log-writes has it: sector, number of sectors, flags, bytes of extra data."""
FLUSH, DISCARD = 1, 4
KEPT, TORN = 0.45, 0.55
"""Of the pages written since the last FLUSH: below the first chance whole, below the second torn, else not at all."""
FSCK_CLEAN, FSCK_MENDED = 0, 1


class CannotMend(Exception):
    """The file system did not survive."""


@dataclass(frozen=True)
class Write:
    at: int
    sector: int
    sectors: int
    flags: int


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


class CrashDisk:
    """Use as a context manager; ``folder`` is where the disk is mounted."""

    def __init__(self, place: Path, megabytes: int = 256) -> None:
        self.place = place
        self.bytes = megabytes << 20
        self.folder = place / "disk"
        self._log = place / "log.img"
        self._writes: list[Write] = []
        self._scanned = SECTOR
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> CrashDisk:
        base, export = self.place / "base.img", self.place / "export.img"
        for file, size in ((base, self.bytes), (self._log, 16 << 30), (export, 0)):
            file.touch()
            os.truncate(file, size)  # sparse
        outside = mounts.private_to_this_run()
        daemon = subprocess.Popen(
            [
                *("nsenter", f"--mount={outside}"),
                *("setpriv", "--pdeathsig", "KILL"),
                "qemu-storage-daemon",
                *("--blockdev", f"driver=file,node-name=file,filename={base}"),
                *("--blockdev", "driver=raw,node-name=base,file=file"),
                *("--blockdev", f"driver=file,node-name=log,filename={self._log}"),
                "--blockdev",
                "driver=blklogwrites,node-name=logged,file=base,log=log,log-sector-size=512,log-append=off",
                "--export",
                f"type=fuse,id=export,node-name=logged,mountpoint={export},writable=on,growable=off",
            ]
        )
        self._daemon = daemon
        with contextlib.ExitStack() as stack:
            stack.callback(self._end, daemon)
            wait_until(lambda: export.stat().st_size == self.bytes, 10, "the crash disk")
            run("mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", str(export))
            stack.enter_context(mounts.image(export, self.folder))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @staticmethod
    def _end(daemon: subprocess.Popen[bytes]) -> None:
        daemon.terminate()
        daemon.wait(15)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[int]:
        """Nothing more reaches the disk while the block runs; gives the number of writes so far."""
        self._daemon.send_signal(signal.SIGSTOP)
        try:
            os.waitid(os.P_PID, self._daemon.pid, os.WSTOPPED)
            yield self._scan()
        finally:
            self._daemon.send_signal(signal.SIGCONT)

    def _scan(self) -> int:
        with self._log.open("rb") as log:
            while True:
                head = os.pread(log.fileno(), ENTRY.size, self._scanned)
                sector, sectors, flags, _extra = ENTRY.unpack(head)
                if not sectors and not flags:
                    return len(self._writes)
                self._writes.append(Write(self._scanned + SECTOR, sector, sectors, flags))
                self._scanned += SECTOR + (0 if flags & DISCARD else sectors * SECTOR)

    def unflushed(self) -> int:
        """Writes since the last FLUSH, as of the last look."""
        last = next((n for n in range(len(self._writes), 0, -1) if self._writes[n - 1].flags & FLUSH), 0)
        return len(self._writes) - last

    def rebuild(self, cuts: list[int], images: Path, seed: int) -> Iterator[tuple[Path, int]]:
        """For every cut, in order: an image of the disk after it, and how many writes were not flushed then."""
        steady = self.place / "steady.img"
        steady.touch()
        os.truncate(steady, self.bytes)
        done = 0
        for number, count in enumerate(cuts):
            last = max((n + 1 for n in range(done, count) if self._writes[n].flags & FLUSH), default=done)
            self._replay(steady, done, last, None)
            done = last
            image = images / f"cut-{number:03d}.img"
            run("cp", "--sparse=always", str(steady), str(image))
            self._replay(image, last, count, random.Random(seed * 10_000 + number))
            yield image, count - last

    def _replay(self, image: Path, first: int, end: int, chance: random.Random | None) -> None:
        with self._log.open("rb") as log, image.open("r+b") as disk:
            for write in self._writes[first:end]:
                at, size = write.sector * SECTOR, write.sectors * SECTOR
                if write.flags & DISCARD:
                    os.pwrite(disk.fileno(), bytes(size), at)
                    continue
                data = os.pread(log.fileno(), size, write.at)
                if chance is None:
                    os.pwrite(disk.fileno(), data, at)
                    continue
                for page in range(0, size, PAGE):
                    fate = chance.random()
                    if fate < KEPT:
                        os.pwrite(disk.fileno(), data[page : page + PAGE], at + page)
                    elif fate < TORN:
                        os.pwrite(disk.fileno(), data[page : page + SECTOR * chance.randrange(8)], at + page)


def mend(image: Path) -> None:
    """What a machine does before it mounts. Raises CannotMend when that is not enough."""
    first = subprocess.run(["e2fsck", "-p", "-f", str(image)], capture_output=True, text=True, check=False)
    if first.returncode not in (FSCK_CLEAN, FSCK_MENDED):
        raise CannotMend(first.stdout + first.stderr)
    second = subprocess.run(["e2fsck", "-n", "-f", str(image)], capture_output=True, text=True, check=False)
    if second.returncode != FSCK_CLEAN:
        raise CannotMend(second.stdout + second.stderr)


def possible() -> bool:
    """Whether this machine lets us have such a disk."""
    return os.geteuid() == 0 and Path("/dev/fuse").exists() and Path("/dev/loop-control").exists()
